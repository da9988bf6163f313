from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.guardrails.s3.public_access import ALL_ON, block
from tests.support.cases import Case
from tests.support.events import HOME, Envelope, analyzer_finding, cloudtrail_event, macie_finding
from tests.support.world import World, tag_bucket

ID = "s3.bucket_public_access_block_weakened"
NAME = "app-pictures"


def event(name: str) -> Envelope:
    parameters = {"bucketName": NAME, "Host": f"{NAME}.s3.amazonaws.com", "publicAccessBlock": ""}
    return cloudtrail_event("s3", name, parameters)


def put(*off: str) -> Any:
    def made(world: World) -> Envelope:
        s3 = world.client("s3")
        s3.create_bucket(Bucket=NAME)
        s3.put_public_access_block(Bucket=NAME, PublicAccessBlockConfiguration=block(*off))
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
    world.client("s3").put_public_access_block(Bucket=NAME, PublicAccessBlockConfiguration=ALL_ON)
    return envelope


def flags(world: World) -> Any:
    try:
        return world.client("s3").get_public_access_block(Bucket=NAME)["PublicAccessBlockConfiguration"]
    except ClientError:
        return None


def whole(world: World) -> Any:
    return flags(world), world.client("s3").get_bucket_acl(Bucket=NAME)["Grants"]


CASE = Case(
    unsafe=(put("BlockPublicPolicy"), deleted, created),
    near_misses=(put(), created_as_today),
    whole=whole,
    remove=lambda world: world.client("s3").delete_bucket(Bucket=NAME),
    disturb=lambda world: tag_bucket(world, NAME),
)


@pytest.mark.parametrize(
    "name",
    [
        "papers--use1-az4--x-s3",
        "papers-abc--use1-az4--xa-s3",
        "papers-ap-metadata1a2b3c-s3alias",
        "papers-abc--ol-s3",
        "mfzwi23gnjvgw.mrap",
        "papers--table-s3",
        f"arn:aws:s3:us-east-1:{HOME}:accesspoint/papers",
        f"arn:aws:s3-object-lambda:us-east-1:{HOME}:accesspoint/papers",
    ],
)
def test_buckets_of_other_kinds_and_access_points_have_an_api_of_their_own(name: str, world: World) -> None:
    for envelope in (
        cloudtrail_event("s3", "PutBucketPublicAccessBlock", {"bucketName": name}),
        macie_finding(name, "S3BlockPublicAccessDisabled"),
        analyzer_finding(f"arn:aws:s3:::{name}"),
    ):
        assert world.deliver(envelope, ID) == []
    assert not world.calls


def test_macie_is_believed_only_as_to_where_to_look(world: World) -> None:
    put()(world)
    finding = macie_finding(NAME, "S3BlockPublicAccessDisabled")
    assert [outcome.status for outcome in world.deliver(finding, ID)] == ["compliant"]
    world.client("s3").delete_public_access_block(Bucket=NAME)
    (outcome,) = world.deliver(finding, ID)
    assert outcome.status == "fixed"
    assert flags(world) == ALL_ON
