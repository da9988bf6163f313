from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.core.rule import FixContext
from chalicelib.core.types import Status
from chalicelib.fixes.s3.keep_bucket_versions import KeepBucketVersions
from tests.support.cases import Case
from tests.support.events import Envelope, cloudtrail_event, scheduled_event
from tests.support.world import KNOWN, World, tag_bucket

if TYPE_CHECKING:
    from collections.abc import Callable

ID = "s3.bucket_versioning_suspended"
NAME = "vault-papers"


def put(status: str | None, name: str = NAME) -> Callable[[World], Envelope]:
    def made(world: World) -> Envelope:
        s3 = world.client("s3")
        s3.create_bucket(Bucket=name)
        if status:
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": status})
        configuration = {"Status": status, "xmlns": "http://s3.amazonaws.com/doc/2006-03-01/"}
        return cloudtrail_event(
            "s3", "PutBucketVersioning", {"bucketName": name, "VersioningConfiguration": configuration}
        )

    return made


def whole(world: World) -> Any:
    s3 = world.client("s3")
    return s3.get_bucket_versioning(Bucket=NAME).get("Status"), s3.get_bucket_acl(Bucket=NAME)["Grants"]


CASE = Case(
    unsafe=(put("Suspended"),),
    near_misses=(put("Enabled"),),
    whole=whole,
    remove=lambda world: world.client("s3").delete_bucket(Bucket=NAME),
    disturb=lambda world: tag_bucket(world, NAME),
)


def test_a_bucket_that_the_settings_dont_name_costs_nothing(world: World) -> None:
    (outcome,) = world.deliver(put("Suspended", "app-pictures")(world), ID)
    assert outcome.status == "compliant"
    assert not world.calls


def test_a_bucket_that_never_had_it_is_asked_about_and_an_undo_suspends_it(world: World) -> None:
    (outcome,) = world.deliver(put(None)(world), ID)
    assert outcome.status == Status.ASKING
    assert "suspended but not removed" in world.record(outcome.record).history[-1].note
    engine = world.application("fix", ID).engine
    assert engine.approve(outcome.record, "carol").status == Status.FIXED
    assert whole(world)[0] == "Enabled"
    assert engine.undo(outcome.record, "bob").status == Status.UNDONE
    assert whole(world)[0] == "Suspended"


def test_with_mfa_delete_it_is_only_told() -> None:
    """moto knows no MFA delete."""
    state = {"bucket": NAME, "versioned": False, "mfa_delete": True}
    assert KeepBucketVersions().safe(state, FixContext(KNOWN)) == state


def test_the_daily_look_finds_what_no_event_told_of(world: World) -> None:
    put("Suspended")(world)
    put("Enabled", "vault-keys")(world)
    put("Suspended", "app-pictures")(world)
    found = {outcome.resource: outcome.status for outcome in world.deliver(scheduled_event(), ID)}
    assert found == {
        "arn:aws:s3:::vault-papers": Status.FIXED,
        "arn:aws:s3:::vault-keys": "compliant",
        "arn:aws:s3:::app-pictures": "compliant",
    }
