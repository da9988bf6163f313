from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support import Case, Envelope, World, cloudtrail_event

ID = "s3.bucket_public_access_block_weakened"
NAME = "app-pictures"
FLAGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def event(name: str) -> Envelope:
    parameters = {"bucketName": NAME, "Host": f"{NAME}.s3.amazonaws.com", "publicAccessBlock": ""}
    return cloudtrail_event("s3", name, parameters)


def put(*off: str) -> Any:
    def made(world: World) -> Envelope:
        s3 = world.client("s3")
        s3.create_bucket(Bucket=NAME)
        block = {flag: flag not in off for flag in FLAGS}
        s3.put_public_access_block(Bucket=NAME, PublicAccessBlockConfiguration=block)
        return event("PutBucketPublicAccessBlock")

    return made


def deleted(world: World) -> Envelope:
    put()(world)
    world.client("s3").delete_public_access_block(Bucket=NAME)
    return event("DeleteBucketPublicAccessBlock")


def created(world: World) -> Envelope:
    """As before April 2023, or in a region or by a service that gives no block; moto never gives one."""
    world.client("s3").create_bucket(Bucket=NAME)
    return cloudtrail_event("s3", "CreateBucket", {"bucketName": NAME, "Host": "s3.amazonaws.com"})


def created_as_today(world: World) -> Envelope:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html."""
    envelope = created(world)
    block = dict.fromkeys(FLAGS, True)
    world.client("s3").put_public_access_block(Bucket=NAME, PublicAccessBlockConfiguration=block)
    return envelope


def whole(world: World) -> Any:
    s3 = world.client("s3")
    try:
        block = s3.get_public_access_block(Bucket=NAME)["PublicAccessBlockConfiguration"]
    except ClientError:
        block = None
    return block, s3.get_bucket_acl(Bucket=NAME)["Grants"]


CASE = Case(
    unsafe=(put("BlockPublicPolicy"), deleted, created),
    near_misses=(put(), created_as_today),
    whole=whole,
    remove=lambda world: world.client("s3").delete_bucket(Bucket=NAME),
)


def test_the_fix_turns_on_all_four(world: World) -> None:
    world.deliver(deleted(world), ID)
    assert whole(world)[0] == dict.fromkeys(FLAGS, True)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (deleted, "it has no Block Public Access"),
        *((put(flag), f"its Block Public Access has {flag} off") for flag in FLAGS),
        (
            put("IgnorePublicAcls", "BlockPublicPolicy"),
            "its Block Public Access has IgnorePublicAcls, BlockPublicPolicy off",
        ),
    ],
)
def test_the_reason_names_what_is_off(make: Any, reason: str, world: World) -> None:
    (outcome,) = world.deliver(make(world), ID, "alert")
    assert outcome.reason == reason
