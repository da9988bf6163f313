"""Where a sweep goes, and what its batches may decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib import catalog
from chalicelib.core.rule import Guardrail
from chalicelib.core.session import Prefetched
from chalicelib.core.settings import Settings
from chalicelib.core.types import Status
from chalicelib.resources.ec2.volumes import Volume
from chalicelib.sweep.places import Place, event_of, expected_from_events, is_global, places
from tests.support.events import FRIEND, HOME, REGION
from tests.support.moto_gaps import deny

if TYPE_CHECKING:
    import pytest

    from chalicelib.engine.evaluate import Swept
    from tests.support.world import World

VOLUMES = "ec2.volume_unencrypted"
PLACE = Place(HOME, REGION, "ec2.Volume")


def volume(world: World, *, encrypted: bool) -> Volume:
    made = world.client("ec2").create_volume(AvailabilityZone="us-east-1a", Size=1, Encrypted=encrypted)
    return Volume(made["VolumeId"], HOME, REGION)


def swept(world: World, *resources: Volume) -> Swept:
    rule: Any = catalog.rule(VOLUMES)
    return world.application("alert", VOLUMES).engine.sweep([rule], resources, event_of(PLACE, "one", world.clock, []))


def statuses(found: Swept) -> list[tuple[str, str]]:
    return [(outcome.resource.rpartition("/")[2], str(outcome.status)) for outcome in found.outcomes]


def test_many_are_asked_about_in_one_call(world: World) -> None:
    volumes = [volume(world, encrypted=True) for _ in range(30)]
    assert {status for _, status in statuses(swept(world, *volumes))} == {"compliant"}
    assert [call.operation for call in world.calls] == ["DescribeVolumes"]


def test_what_a_batch_finds_is_asked_about_by_itself(world: World) -> None:
    one, other = volume(world, encrypted=True), volume(world, encrypted=False)
    found = swept(world, one, other)
    assert sorted(statuses(found)) == sorted([(one.id, "compliant"), (other.id, Status.ALERTED)])
    assert [call.operation for call in world.calls if call.service == "ec2"] == ["DescribeVolumes"] * 2


def test_what_is_no_longer_as_the_batch_says_is_not_acted_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    safe = volume(world, encrypted=True)
    stale = {"Volumes": [{"VolumeId": safe.id, "Encrypted": False, "Attachments": [], "State": "in-use"}]}
    batch = [Prefetched("ec2", "DescribeVolumes", {"VolumeIds": [safe.id]}, stale)]
    monkeypatch.setattr(Volume, "batch_read", classmethod(lambda *_: iter(batch)))
    assert statuses(swept(world, safe)) == [(safe.id, "compliant")]
    assert not world.records()


def test_where_a_batch_fails_each_is_asked_about_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: Any) -> Any:
        raise PermissionError

    monkeypatch.setattr(Volume, "batch_read", classmethod(denied))
    one, other = volume(world, encrypted=True), volume(world, encrypted=False)
    assert sorted(statuses(swept(world, one, other))) == sorted([(one.id, "compliant"), (other.id, Status.ALERTED)])


def test_what_is_gone_by_then_is_no_finding_and_no_error(world: World) -> None:
    gone = volume(world, encrypted=False)
    world.client("ec2").delete_volume(VolumeId=gone.id)
    found = swept(world, gone)
    assert (statuses(found), found.errors) == ([(gone.id, "gone")], [])


def test_what_cannot_be_looked_at_is_an_error_of_its_own(world: World) -> None:
    one = volume(world, encrypted=False)
    with deny("DescribeVolumes", code="InternalError"):
        found = swept(world, one)
    ((resource, error, guardrail),) = found.errors
    assert resource == one
    assert guardrail.startswith("ec2.")
    assert "InternalError" in str(error)


def test_what_aws_does_not_let_us_look_at_is_not_judged(world: World) -> None:
    one = volume(world, encrypted=False)
    with deny("DescribeVolumes"):
        found = swept(world, one)
    assert (statuses(found), found.errors) == ([(one.id, Status.UNJUDGED)], [])


def test_what_is_off_costs_no_call(world: World) -> None:
    one, rule = volume(world, encrypted=False), catalog.rule(VOLUMES)
    assert isinstance(rule, Guardrail)
    application = world.application("off")
    assert not application.engine.sweep([rule], [one], event_of(PLACE, "one", world.clock, [])).outcomes
    assert not world.calls


def test_each_region_is_gone_through_and_what_is_global_once() -> None:
    found = places(catalog.guardrails(), Settings(), {HOME, FRIEND}, {"eu-west-1", "eu-central-1"}, {"us-east-1"})
    assert {place.account for place in found} == {HOME, FRIEND}
    for place, rules in found.items():
        assert {is_global(rule) for rule in rules} == {place.region == "us-east-1"}
    regional = {place.kind for place in found if place.region == "eu-west-1"}
    assert regional == {place.kind for place in found if place.region == "eu-central-1"}
    assert {"s3.Bucket", "ec2.Instance", "resource.Account"} <= regional
    assert "iam.Role" not in regional
    assert Place(HOME, "us-east-1", "iam.Role") in found


def test_kinds_that_only_events_tell_of_are_no_places() -> None:
    kinds = {place.kind for place in places(catalog.guardrails(), Settings(), {HOME}, {REGION})}
    assert not kinds & {"ec2.Suspect", "iam.LeakedKey", "iam.Sessions", "awslambda.Deployment"}


def test_only_what_an_earlier_sweep_asked_can_have_been_missed() -> None:
    rules = [catalog.rule(each) for each in ("s3.bucket_acl_made_public", "s3.bucket_versioning_suspended")]
    guardrails: Any = rules
    asked = dict.fromkeys((rule.id for rule in rules), "monday")
    assert expected_from_events(guardrails, {}, "monday") == []
    assert expected_from_events(guardrails, asked, "monday") == []
    assert expected_from_events(guardrails, asked, "tuesday") == ["s3.bucket_acl_made_public"]
