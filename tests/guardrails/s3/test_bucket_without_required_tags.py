from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.baseline import Require
from chalicelib.core.event import Actor
from chalicelib.core.rule import FixContext
from chalicelib.core.settings import Settings
from chalicelib.fixes.tags import TagBucket
from tests.support.cases import Case
from tests.support.events import FRIEND, HOME, Envelope, cloudtrail_event, scheduled_event
from tests.support.world import KNOWN, World, settings_with, tag_bucket

if TYPE_CHECKING:
    from collections.abc import Callable

ID = "s3.bucket_without_required_tags"
NAME = "app-uploads"
MADE = {"made-by": f"arn:aws:iam::{HOME}:user/alice", "made-at": "2026-11-23T10:00:00Z"}
FILLED = {"owner": "alice", **MADE}
ROLE = {
    "type": "AssumedRole",
    "arn": f"arn:aws:sts::{HOME}:assumed-role/deploy/carol,<b>@example.com",
    "accountId": HOME,
}


LATE = datetime(2026, 11, 24, tzinfo=UTC)


def made(tags: dict[str, str], when: datetime = LATE) -> Callable[[World], Envelope]:
    """S3 tells when it was made, which moto takes from the clock; here it is late enough for any event."""

    def make(world: World) -> Envelope:
        from moto.s3.models import s3_backends

        world.client("s3").create_bucket(Bucket=NAME)
        s3_backends[HOME]["aws"].buckets[NAME].creation_date = when.replace(tzinfo=None)
        if tags:
            put(world, tags)
        return cloudtrail_event("s3", "CreateBucket", {"bucketName": NAME, "Host": "s3.amazonaws.com"})

    return make


def put(world: World, tags: dict[str, str]) -> None:
    pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
    world.client("s3").put_bucket_tagging(Bucket=NAME, Tagging={"TagSet": pairs})


def tags_of(world: World) -> dict[str, str]:
    if not any(bucket["Name"] == NAME for bucket in world.client("s3").list_buckets()["Buckets"]):
        return {}
    try:
        found = world.client("s3").get_bucket_tagging(Bucket=NAME)["TagSet"]
    except world.client("s3").exceptions.ClientError:
        return {}
    return {tag["Key"]: tag["Value"] for tag in found}


def version(world: World) -> None:
    on = {"Status": "Enabled"}
    world.client("s3").put_bucket_versioning(Bucket=NAME, VersioningConfiguration=on)


CASE = Case(
    unsafe=(made({}), made({"team": "web", "owner": "web team"}), made({"stage": "test"})),
    near_misses=(made(FILLED), made({"team": "web", "owner": "web team", "made-by": "us", "made-at": "long ago"})),
    whole=tags_of,
    remove=lambda world: world.client("s3").delete_bucket(Bucket=NAME),
    disturb=version,
)


def test_what_the_event_tells_is_filled_in_and_the_rest_stays(world: World) -> None:
    world.deliver(made({"team": "web"})(world), ID)
    assert tags_of(world) == {"team": "web", **FILLED}


def test_what_a_person_wrote_stays(world: World) -> None:
    world.deliver(made({"owner": "web team"})(world), ID)
    assert tags_of(world) == {"owner": "web team", **MADE}


def test_a_sessions_name_is_made_fit_for_a_tag(world: World) -> None:
    envelope = made({})(world)
    envelope["detail"]["userIdentity"] = ROLE
    world.deliver(envelope, ID)
    assert tags_of(world)["owner"] == "carol__b_@example.com"
    assert tags_of(world)["made-by"] == f"arn:aws:sts::{HOME}:assumed-role/deploy/carol__b_@example.com"


def test_who_made_an_older_bucket_first_is_not_known(world: World) -> None:
    """In us-east-1 CreateBucket for a bucket that one has succeeds."""
    (outcome,) = world.deliver(made({}, datetime(2026, 11, 23, 9, 50, tzinfo=UTC))(world), ID)
    assert (outcome.status, outcome.reason) == ("alerted", "it lacks the tags owner, made-by, made-at")
    assert not tags_of(world)


def test_the_daily_look_tells_only(world: World) -> None:
    made({})(world)
    (outcome,) = world.deliver(scheduled_event(), ID)
    assert outcome.status == "alerted"
    assert not tags_of(world)


def test_whose_name_is_not_told_is_not_made_up(world: World) -> None:
    envelope = made({})(world)
    envelope["detail"]["userIdentity"] = {"type": "AWSService", "invokedBy": "backup.amazonaws.com"}
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == "alerted"


def test_what_only_a_person_knows_is_still_missing_after_the_fix(world: World) -> None:
    world.settings = Settings(
        require=Require(required_tags={"AWS::S3::*": {"owner": "session", "team": None}}),
        grace={"*": 0},
    )
    (outcome,) = world.deliver(made({})(world), ID)
    assert (outcome.status, outcome.reason) == ("still_unsafe", "it lacks the tags owner, team")
    assert tags_of(world) == {"owner": "alice"}


def test_a_type_without_required_tags_costs_nothing(world: World) -> None:
    world.settings = Settings(require=Require(required_tags={"AWS::EC2::*": {"owner": None}}), grace={"*": 0})
    (outcome,) = world.deliver(made({})(world), ID)
    assert (outcome.status, world.calls) == ("compliant", [])


def test_a_pipeline_has_ten_minutes_to_tag(world: World) -> None:
    world.settings = settings_with(KNOWN)
    (outcome,) = world.deliver(made({})(world), ID)
    assert outcome.status == "waiting"
    ((_, due),) = world.waiting
    assert due == datetime(2026, 11, 23, 10, 10, tzinfo=UTC)


@pytest.mark.parametrize(("others", "filled"), [(48, ["owner", "made-by"]), (49, ["owner"]), (50, [])])
def test_no_more_tags_are_set_than_there_is_room_for(others: int, filled: list[str], world: World) -> None:
    """aws: tags don't count; moto lets a bucket have them."""
    from moto.s3.models import s3_backends

    envelope = made({f"tag-{number}": "x" for number in range(others)})(world)
    tagger: Any = s3_backends[HOME]["aws"].tagger
    tagger.tag_resource(f"arn:aws:s3:::{NAME}", [{"Key": "aws:cloudformation:stack-name", "Value": "app"}])
    before = tags_of(world)
    (outcome,) = world.deliver(envelope, ID)
    assert [key for key in FILLED if key in tags_of(world)] == filled
    assert outcome.status == ("still_unsafe" if filled else "alerted")
    if filled:
        undone = world.application("fix", ID).engine.undo(outcome.record, "bob")
        assert (undone.status, tags_of(world)) == ("undone", before)


def test_an_approval_fills_in_who_made_it_and_not_who_approved(world: World) -> None:
    (outcome,) = world.deliver(made({})(world), ID, "ask")
    world.later(hours=3)
    world.application("ask", ID).engine.approve(outcome.record, "carol")
    assert tags_of(world) == FILLED


def test_what_another_sets_meanwhile_stays(world: World) -> None:
    """Tags are set one by one, never all of them written over."""
    (outcome,) = world.deliver(made({})(world), ID)
    world.client("s3control").tag_resource(
        AccountId=HOME, ResourceArn=f"arn:aws:s3:::{NAME}", Tags=[{"Key": "team", "Value": "web"}]
    )
    world.application("fix", ID).engine.undo(outcome.record, "bob")
    assert tags_of(world) == {"team": "web"}


def test_the_answer_is_pure_and_the_same_again() -> None:
    actor, at = Actor("IAMUser", f"arn:aws:iam::{FRIEND}:user/bob", FRIEND), datetime(2026, 11, 23, 10, tzinfo=UTC)
    before = {"made": None, "tags": {"owner": None, "made-at": "then", "left": None}}
    once = TagBucket().safe(before, FixContext(KNOWN, actor, at))
    assert once == {"made": None, "tags": {"owner": "bob", "made-at": "then", "left": None}}
    assert TagBucket().safe(once, FixContext(KNOWN, actor, at)) == once
    assert before["tags"] == {"owner": None, "made-at": "then", "left": None}


def test_a_bucket_elsewhere_is_not_looked_up_by_its_date(world: World) -> None:
    world.client("s3").create_bucket(Bucket=NAME, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    tag_bucket(world, NAME)
    envelope = cloudtrail_event("s3", "CreateBucket", {"bucketName": NAME}, region="eu-west-1")
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == "fixed"
    assert "ListBuckets" not in {call.operation for call in world.calls}
    assert tags_of(world) == {"team": "web", **FILLED}
