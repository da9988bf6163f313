from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.clicks.approvers import Person, refusal
from chalicelib.core.errors import CannotAct, StepRefused
from chalicelib.core.event import Actor
from chalicelib.core.settings import Approver, Settings
from chalicelib.core.types import REFUSED, Status
from chalicelib.notify.message import is_sent
from tests.guardrails.s3.test_bucket_acl_made_public import CASE, ID
from tests.support.events import HOME, cloudtrail_event

if TYPE_CHECKING:
    from chalicelib.core.record import Record
    from tests.support.world import World

BOB = Person("slack:U012BOB", "bob", "bob@example.com", "slack")


@pytest.fixture
def record(world: World) -> Record:
    (outcome,) = world.deliver(CASE.unsafe[0](world), ID, "ask")
    return world.record(outcome.record)


def settings(*approvers: Approver, **more: Any) -> Settings:
    return Settings(approvers=approvers, **more)


@pytest.mark.parametrize(
    "approver",
    [
        Approver("slack:U012BOB"),
        Approver("*@EXAMPLE.com"),
        Approver("slack:*", guardrail="s3.*", accounts=frozenset({HOME}), severities=frozenset({"critical", "high"})),
    ],
)
def test_whoever_is_named_may(record: Record, approver: Approver) -> None:
    assert refusal(BOB, record, settings(approver)) is None


@pytest.mark.parametrize(
    "approver",
    [
        Approver("slack:U999EVE"),
        Approver("*@example.org"),
        Approver("slack:*", guardrail="ec2.*"),
        Approver("slack:*", accounts=frozenset({"222222222222"})),
        Approver("slack:*", severities=frozenset({"low"})),
    ],
)
def test_nobody_else_may(record: Record, approver: Approver) -> None:
    assert "approvers" in (refusal(BOB, record, settings(approver)) or "")
    assert refusal(BOB, record, settings()) is not None


def test_a_person_without_an_address_is_nobodys_address(record: Record) -> None:
    assert refusal(Person("slack:U012BOB"), record, settings(Approver("***"))) is None
    assert refusal(Person("slack:U012BOB"), record, settings(Approver("*@*"))) is not None


LINK = Person("page:teams", where="203.0.113.7")
OUTSIDER = Person("slack-other:T999EVIL/U012BOB", where="Slack")


@pytest.mark.parametrize("person", [LINK, OUTSIDER])
def test_whom_nobody_knows_is_meant_by_no_glob_that_means_everybody(person: Person, record: Record) -> None:
    for who in ("*", "???*", "slack:*", "*teams", "*U012BOB", "*@*", "p*", "slack*"):
        assert refusal(person, record, settings(Approver(who))) is not None, who
    for who in (person.id, person.id.partition(":")[0] + ":*"):
        assert refusal(person, record, settings(Approver(who))) is None
        assert refusal(person, record, settings(Approver(who, guardrail="ec2.*"))) is not None


def test_whose_address_is_not_told_decides_nothing_that_an_address_did(record: Record) -> None:
    sso = Actor("AssumedRole", "arn:aws:sts::1:assumed-role/Dev/eve@example.com", "1", session="eve@example.com")
    own = replace(record, actor=sso)
    unknown = Person("slack:U012BOB", "bob")
    assert "users:read.email" in (refusal(unknown, own, settings(Approver("slack:*"))) or "")
    assert refusal(unknown, own, settings(Approver("slack:*"), four_eyes=False)) is None
    assert refusal(BOB, own, settings(Approver("slack:*"))) is None
    assert "your own" in (refusal(Person("slack:U9", "Eve"), own, settings(Approver("slack:*"))) or "")


@pytest.mark.parametrize(
    "actor",
    [
        Actor("AssumedRole", "arn:aws:sts::1:assumed-role/AWSReservedSSO_Dev/Bob@example.com", "1", "Bob@example.com"),
        Actor("IAMUser", "arn:aws:iam::1:user/team/bob", "1"),
    ],
)
def test_four_eyes_see_more_than_two(record: Record, actor: Actor) -> None:
    own = replace(record, actor=actor)
    assert "your own" in (refusal(BOB, own, settings(Approver("slack:*"))) or "")
    assert refusal(BOB, own, settings(Approver("slack:*"), four_eyes=False)) is None


def test_a_refusal_is_on_record_changes_nothing_and_is_not_told(world: World, record: Record) -> None:
    engine = world.application().engine
    noted = engine.refuse(record.id, "eve (slack:U9)", "she may not")
    assert noted.status is Status.ASKING
    assert noted.history[-1].status == REFUSED
    assert not is_sent(noted)
    assert world.record(record.id) == noted
    assert engine.approve(record.id, "bob").status is Status.FIXED
    assert [step.status for step in world.record(record.id).history] == ["asking", "refused", "fixing", "fixed"]


def test_a_refusal_is_not_lost_in_a_race(world: World, record: Record) -> None:
    application = world.application()
    application.engine.refuse(record.id, "eve", "she may not")
    with pytest.raises(StepRefused):
        application.ledger.move(record, Status.EXPIRED, by="bob")


def test_an_exemption_lets_be_until_its_end(world: World, record: Record) -> None:
    done = world.application().engine.exempt(record.id, "bob", world.clock + timedelta(days=7), "a website")
    assert done.status is Status.EXPIRED
    assert "a website" in done.history[-1].note
    envelope = cloudtrail_event("s3", "PutBucketAcl", {"bucketName": "app-logs"})
    envelope["detail"]["eventTime"] = "2026-11-23T10:00:01Z"
    assert world.deliver(envelope, ID)[0].status == "exempt"
    world.later(days=8)
    envelope["detail"]["eventTime"] = world.clock.isoformat()
    envelope["detail"]["eventID"] = "a-week-later"
    assert world.deliver(envelope, ID)[0].status == Status.FIXED


@pytest.mark.parametrize(("days", "reason"), [(0, "why not"), (-1, "why not"), (400, "why not"), (7, " ")])
def test_an_exemption_has_an_end_and_a_reason(world: World, record: Record, days: int, reason: str) -> None:
    with pytest.raises(CannotAct):
        world.application().engine.exempt(record.id, "bob", world.clock + timedelta(days=days), reason)


def test_what_is_fixed_needs_no_exemption(world: World) -> None:
    (outcome,) = world.deliver(CASE.unsafe[0](world), ID)
    with pytest.raises(CannotAct, match="an undo exempts the resource too"):
        world.application().engine.exempt(outcome.record, "bob", world.clock + timedelta(days=7), "a website")
