"""Buckets, private as AWS makes them now."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from snapback.replay.presupposed.call import Call, MakeNamed

_TAKES_LOGS = "presupposed"
_ALL_BLOCKED = dict.fromkeys(
    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
)


def block(call: Call, bucket: str) -> None:
    s3 = call.client("s3")
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=_ALL_BLOCKED)
    s3.put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    )


def unblock(call: Call, bucket: str, opened: str) -> bool:
    """Take off the blocks that would have refused a public policy or ACL; says whether there were any."""
    blocks = (call.client("s3"), {"Bucket": bucket}), (call.client("s3control"), {"AccountId": call.account})
    flag = {"ACL": "BlockPublicAcls", "policy": "BlockPublicPolicy"}[opened]
    found = False
    for client, which in blocks:
        with suppress(ClientError):
            if client.get_public_access_block(**which)["PublicAccessBlockConfiguration"][flag]:
                client.delete_public_access_block(**which)
                found = True
    if opened == "ACL":
        rules = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
        call.client("s3").put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=rules)
    return found


def bucket(call: Call, name: str) -> str:
    where = {} if call.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": call.region}}
    call.client("s3").create_bucket(Bucket=name, **where)
    block(call, name)
    return f"bucket {name}, private"


def log_target(call: Call, name: str) -> str:
    """A bucket that takes access logs: AWS refuses one that doesn't.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
    """
    s3, made = call.client("s3"), ""
    try:
        s3.head_bucket(Bucket=name)
    except ClientError:
        made = f"{bucket(call, name)}, that takes access logs"
    policy: dict[str, Any] = {"Version": "2012-10-17", "Statement": []}
    with suppress(ClientError):
        policy = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])
    statements = policy["Statement"] if isinstance(policy["Statement"], list) else [policy["Statement"]]
    if any(each.get("Sid") == _TAKES_LOGS for each in statements):
        return made
    taken = {"Sid": _TAKES_LOGS, "Effect": "Allow", "Principal": {"Service": "logging.s3.amazonaws.com"}}
    taken |= {"Action": "s3:PutObject", "Resource": f"arn:{call.partition}:s3:::{name}/*"}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({**policy, "Statement": [*statements, taken]}))
    return made or f"that bucket {name} takes access logs"


BY_NAME: dict[tuple[str, str], MakeNamed] = {
    ("s3", "Bucket"): bucket,
    ("s3", "BucketLoggingStatus.LoggingEnabled.TargetBucket"): log_target,
}
