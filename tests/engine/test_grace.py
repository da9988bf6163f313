"""What is not done at once, or not without asking: grace, sweeps by the clock, doubts, and what is never touched."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib import catalog
from chalicelib.core.errors import CannotAct, Unfinished
from chalicelib.core.event import Event
from chalicelib.core.pattern import SCHEDULED, any_of
from chalicelib.core.rule import Guardrail
from chalicelib.core.types import Status
from chalicelib.fixes.s3.close_bucket_acl import CloseBucketAcl
from tests.guardrails.s3.test_bucket_acl_made_public import CASE, ID
from tests.support.events import HOME, REGION, Envelope

if TYPE_CHECKING:
    from chalicelib.core.outcome import Outcome
    from chalicelib.engine.engine import Engine
    from chalicelib.wiring import Application
    from tests.support.world import World

TEN_MINUTES = timedelta(minutes=10)
TICK: Envelope = {
    "version": "0",
    "id": "33333333-0000-4000-8000-000000000000",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": HOME,
    "time": "2026-11-23T10:00:00Z",
    "region": REGION,
    "resources": [f"arn:aws:events:{REGION}:{HOME}:rule/snapback-GuardS3Daily"],
    "detail": {},
}


def rule(**changed: Any) -> Guardrail[Any]:
    found = catalog.rule(ID)
    assert isinstance(found, Guardrail)
    return replace(found, **changed)


def ask(world: World, envelope: Envelope, asked: Guardrail[Any], **options: Any) -> list[Outcome]:
    engine: Engine = world.application(**options).engine
    return engine.handle(Event.parse(envelope), [asked])


def test_what_a_pipeline_may_still_finish_is_asked_about_again_after_its_grace(world: World) -> None:
    envelope = CASE.unsafe[0](world)
    has_grace = rule(grace=TEN_MINUTES)
    (outcome,) = ask(world, envelope, has_grace, grace={})
    assert outcome.status == "waiting"
    assert "evaluated again at 10:10" in outcome.reason
    assert not world.records()
    ((again, due),) = world.waiting
    assert due == datetime(2026, 11, 23, 10, 10, tzinfo=UTC)
    world.later(minutes=10)
    (outcome,) = ask(world, again, has_grace, grace={})
    assert outcome.status == Status.FIXED


def test_what_is_finished_in_time_leaves_no_trace(world: World) -> None:
    envelope = CASE.unsafe[0](world)
    has_grace = rule(grace=TEN_MINUTES)
    ask(world, envelope, has_grace, grace={})
    world.client("s3").put_bucket_acl(Bucket="app-logs", ACL="private")
    world.later(minutes=10)
    (outcome,) = ask(world, world.waiting[0][0], has_grace, grace={})
    assert outcome.status == "compliant"
    assert not world.records()


def test_the_grace_is_the_settings_to_choose_and_counts_from_the_event(world: World) -> None:
    envelope = CASE.unsafe[0](world)
    has_grace = rule(grace=TEN_MINUTES)
    assert ask(world, envelope, has_grace, grace={"s3.*": 1})[0].status == "waiting"
    assert world.waiting[0][1] == datetime(2026, 11, 23, 10, 1, tzinfo=UTC)
    world.later(minutes=2)  # An event that comes late has waited enough.
    assert ask(world, envelope, has_grace, grace={"s3.*": 1})[0].status == Status.FIXED


def test_settings_give_no_grace_to_a_guardrail_that_has_none(world: World) -> None:
    assert ask(world, CASE.unsafe[0](world), rule(), grace={"*": 10})[0].status == Status.FIXED


def test_what_is_off_does_not_wait(world: World) -> None:
    assert ask(world, CASE.unsafe[0](world), rule(grace=TEN_MINUTES), grace={}, mode="off")[0].status == "off"
    assert not world.waiting


def test_when_nothing_can_bring_an_event_again_it_is_delivered_again_by_lambda(world: World) -> None:
    application: Application = world.application(grace={})
    envelope = CASE.unsafe[0](world)
    del application.later
    with pytest.raises(Unfinished, match="SNAPBACK_LATER"):
        application.engine.handle(Event.parse(envelope), [rule(grace=TEN_MINUTES)])


def buckets(world: World, *names: str) -> None:
    for name in names:
        world.client("s3").create_bucket(Bucket=name, ObjectOwnership="ObjectWriter")
        world.client("s3").put_bucket_acl(Bucket=name, ACL="public-read")


SWEEPING = rule(on=any_of(rule().on, SCHEDULED))


def test_the_clock_asks_about_all_there_are(world: World) -> None:
    buckets(world, "app-one", "app-two", "app-three")
    world.client("s3").put_bucket_acl(Bucket="app-two", ACL="private")
    outcomes = ask(world, TICK, SWEEPING)
    told = [(outcome.resource.removeprefix("arn:aws:s3:::"), str(outcome.status)) for outcome in outcomes]
    assert told == [("app-one", "fixed"), ("app-three", "fixed"), ("app-two", "compliant")]


def test_only_those_that_want_it_are_asked_by_the_clock(world: World) -> None:
    buckets(world, "app-one")
    assert not ask(world, TICK, rule())


def test_the_next_day_tells_nothing_that_was_told(world: World) -> None:
    buckets(world, "app-one")
    assert ask(world, TICK, SWEEPING, mode="alert")[0].status == Status.ALERTED
    world.later(days=1)
    tomorrow = {**TICK, "id": "33333333-0000-4000-8000-000000000001", "time": "2026-11-24T10:00:00Z"}
    assert ask(world, tomorrow, SWEEPING, mode="alert")[0].status == "duplicate"
    assert len(world.records()) == 1


def test_when_time_runs_out_before_all_are_asked_about_it_is_said_loudly(world: World) -> None:
    buckets(world, *(f"app-{number}" for number in range(7)))
    application = world.application()
    left = iter([60.0, 60.0, 60.0, 60.0, 1.0])
    application.time_left = lambda: next(left)
    with pytest.raises(Unfinished, match=r"OutOfTime.*the next sweep") as raised:
        application.engine.handle(Event.parse(TICK), [SWEEPING])
    assert [outcome.status for outcome in raised.value.outcomes] == [Status.FIXED, Status.FIXED]


class Doubtful(CloseBucketAcl):
    """A fix that had better be asked for."""

    def needs_approval(self, resource: Any, before: Any, after: Any, actor: Any, aws: Any) -> str | None:
        return f"{actor.name} would lose {resource.id}"


def test_a_fix_with_doubts_asks_first_and_says_why(world: World) -> None:
    (outcome,) = ask(world, CASE.unsafe[0](world), rule(fix=Doubtful()))
    assert outcome.status == Status.ASKING
    assert world.record(outcome.record).history[0].note == "alice would lose app-logs"


def test_whoever_approves_knows_of_the_doubt(world: World) -> None:
    (outcome,) = ask(world, CASE.unsafe[0](world), rule(fix=Doubtful()))
    assert world.application().engine.approve(outcome.record, "bob").status == Status.FIXED


def test_what_is_never_touched_is_told_only_whoever_approves(world: World) -> None:
    envelope = CASE.unsafe[0](world)
    asking = ask(world, envelope, rule(), mode="ask")[0]
    never: Any = {"never_touch": ("arn:aws:s3:::app-*",)}
    with pytest.raises(CannotAct, match="never_touch"):
        world.application(**never).engine.approve(asking.record, "bob")
    envelope["detail"]["eventID"] = "another"
    envelope["detail"]["eventTime"] = "2026-11-23T11:00:00Z"
    (outcome,) = ask(world, envelope, rule(), **never)
    assert outcome.status == Status.ALERTED
    assert "arn:aws:s3:::app-logs is under `never_touch`" in world.record(outcome.record).history[0].note
