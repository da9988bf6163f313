"""Buckets, private as AWS makes them now."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from snapback.replay import direct

if TYPE_CHECKING:
    from snapback.replay.presupposed.call import Call, MakeNamed

_TAKES_LOGS = "presupposed"
_ALL_BLOCKED = dict.fromkeys(
    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
)


def block(call: Call, name: str) -> None:
    """Written into memory itself, as each new bucket is blocked: two calls would cost more than the one that makes it."""
    s3 = direct.backend("s3", call.account, call.region, call.partition)
    s3.put_public_access_block(name, _ALL_BLOCKED)
    s3.put_bucket_ownership_controls(name, "BucketOwnerEnforced")


def unblock(call: Call, name: str, opened: str) -> bool:
    """Take off the blocks that would have refused a public policy or ACL; says whether there were any."""
    s3 = direct.backend("s3", call.account, call.region, call.partition)
    flag = {"ACL": "block_public_acls", "policy": "block_public_policy"}[opened]
    found = False
    for blocked in (s3.buckets.get(name), direct.backend("s3control", call.account, call.region, call.partition)):
        if blocked is not None and getattr(blocked.public_access_block, flag, False):
            blocked.public_access_block = None
            found = True
    if opened == "ACL" and name in s3.buckets:
        s3.put_bucket_ownership_controls(name, "ObjectWriter")
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
