from __future__ import annotations

from typing import Any

import pytest

from chalicelib.core.errors import CannotAct
from tests.support.cases import Case
from tests.support.events import Envelope, cloudtrail_event
from tests.support.world import World, tag_bucket

ID = "s3.bucket_acl_made_public"


def bucket(world: World, **options: Any) -> None:
    world.client("s3").create_bucket(Bucket="app-logs", ObjectOwnership="ObjectWriter", **options)


def whole(world: World) -> Any:
    s3 = world.client("s3")
    acl = s3.get_bucket_acl(Bucket="app-logs")
    return acl["Owner"], acl["Grants"], s3.get_bucket_ownership_controls(Bucket="app-logs")["OwnershipControls"]


def event(world: World) -> Envelope:
    return cloudtrail_event(
        "s3", "PutBucketAcl", {"bucketName": "app-logs", "Host": "app-logs.s3.amazonaws.com", "acl": ""}
    )


def canned(acl: str) -> Any:
    def made(world: World) -> Envelope:
        bucket(world)
        world.client("s3").put_bucket_acl(Bucket="app-logs", ACL=acl)
        return event(world)

    return made


def beside_another_grant(world: World) -> Envelope:
    bucket(world)
    s3 = world.client("s3")
    owner = s3.get_bucket_acl(Bucket="app-logs")["Owner"]
    delivery = "http://acs.amazonaws.com/groups/s3/LogDelivery"
    grants = [
        {"Grantee": {"Type": "CanonicalUser", "ID": owner["ID"]}, "Permission": "FULL_CONTROL"},
        {"Grantee": {"Type": "Group", "URI": delivery}, "Permission": "WRITE"},
        {
            "Grantee": {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AllUsers"},
            "Permission": "READ",
        },
    ]
    s3.put_bucket_acl(Bucket="app-logs", AccessControlPolicy={"Owner": owner, "Grants": grants})
    return event(world)


CASE = Case(
    unsafe=(canned("public-read"), canned("public-read-write"), canned("authenticated-read"), beside_another_grant),
    near_misses=(canned("private"), canned("log-delivery-write")),
    whole=whole,
    remove=lambda world: world.client("s3").delete_bucket(Bucket="app-logs"),
    disturb=lambda world: tag_bucket(world, "app-logs"),
)


def test_the_log_delivery_grant_survives_the_fix(world: World) -> None:
    world.deliver(beside_another_grant(world), ID)
    assert [grant["Permission"] for grant in whole(world)[1]] == ["FULL_CONTROL", "WRITE"]


def test_the_reason_names_the_rights_and_the_group(world: World) -> None:
    (outcome,) = world.deliver(canned("public-read")(world), ID, "alert")
    assert outcome.reason == "its ACL grants READ to AllUsers"


def behind_a_block(world: World, **flags: bool) -> Envelope:
    envelope: Envelope = canned("public-read")(world)
    world.client("s3").put_public_access_block(Bucket="app-logs", PublicAccessBlockConfiguration=flags)
    return envelope


def test_behind_block_public_access_it_is_low_and_says_so(world: World) -> None:
    (outcome,) = world.deliver(behind_a_block(world, IgnorePublicAcls=True), ID, "alert")
    assert world.record(outcome.record).severity == "low"
    assert outcome.reason == "its ACL grants READ to AllUsers; Block Public Access makes S3 ignore that"


def test_an_undo_that_s3_would_refuse_is_refused_before_it_begins(world: World) -> None:
    (outcome,) = world.deliver(behind_a_block(world, BlockPublicAcls=True), ID)
    assert world.record(outcome.record).severity == "critical"
    with pytest.raises(CannotAct, match="turn BlockPublicAcls off first"):
        world.application("fix", ID).engine.undo(outcome.record, "bob")
    assert world.record(outcome.record).status == "fixed"
