"""Buckets, private as AWS makes them now."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from snapback.replay.presupposed.call import Call, MakeNamed

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


BY_NAME: dict[tuple[str, str], MakeNamed] = {
    ("s3", "Bucket"): bucket,
    ("s3", "BucketLoggingStatus.LoggingEnabled.TargetBucket"): bucket,
}
