from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.clicks.approvers import Person, refusal, wants_second
from chalicelib.core.errors import CannotAct, StepRefused
from chalicelib.core.event import Actor
from chalicelib.core.record import MOST_REFUSED
from chalicelib.core.settings import Approver, Settings
from chalicelib.core.types import REFUSED, SECOND_WANTED, Status
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


def test_whom_nobody_knows_is_meant_by_no_glob_that_means_everybody(record: Record) -> None:
    person = LINK
    for who in ("*", "???*", "slack:*", "*teams", "*U012BOB", "*@*", "p*", "slack*"):
        assert refusal(person, record, settings(Approver(who))) is not None, who
    for who in (person.id, person.id.partition(":")[0] + ":*"):
        assert refusal(person, record, settings(Approver(who))) is None
        assert refusal(person, record, settings(Approver(who, guardrail="ec2.*"))) is not None


@pytest.mark.parametrize("who", ["*", "slack:*", "slack-other:*", OUTSIDER.id, "*U012BOB"])
def test_who_is_of_another_workspace_never_decides(who: str, record: Record) -> None:
    assert "another Slack workspace" in (refusal(OUTSIDER, record, settings(Approver(who))) or "")


def test_whose_address_is_not_told_decides_nothing_that_an_address_did(record: Record) -> None:
    sso = Actor("AssumedRole", "arn:aws:sts::1:assumed-role/Dev/eve@example.com", "1", session="eve@example.com")
    own = replace(record, actor=sso)
    unknown = Person("slack:U012BOB", "bob")
    assert "users:read.email" in (refusal(unknown, own, settings(Approver("slack:*"))) or "")
    assert refusal(unknown, own, settings(Approver("slack:*"), four_eyes=False)) is None
    assert refusal(BOB, own, settings(Approver("slack:*"))) is None
    assert refusal(Person("slack:U9", "Eve", "eve@example.com"), own, settings(Approver("slack:*"))) is None


def session(name: str, *, role: str = "Dev", source: str = "") -> Actor:
    """Of a role that is given with its path, as CloudTrail's sessionIssuer has it."""
    arn = f"arn:aws:sts::1:assumed-role/{role.rpartition('/')[2]}/{name}"
    return Actor("AssumedRole", arn, "1", name, source_identity=source, issuer=f"arn:aws:iam::1:role/{role}")


def federated(user: str, name: str) -> Actor:
    """https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html"""
    issuer = {"type": "IAMUser", "arn": f"arn:aws:iam::1:user/{user}", "userName": user.rpartition("/")[2]}
    who = {"type": "FederatedUser", "arn": f"arn:aws:sts::1:federated-user/{name}", "accountId": "1"}
    return Actor.of({"userIdentity": {**who, "sessionContext": {"sessionIssuer": issuer}}}, "1")


NAMED_SO = "AWSReservedSSO_Admin_0123456789abcdef"
SSO = f"aws-reserved/sso.amazonaws.com/eu-west-1/{NAMED_SO}"


@pytest.mark.parametrize(
    ("actor", "whose"),
    [
        (session("bob"), {"bob": False}),
        (session("bob", role=SSO), {"bob": True}),
        (session("bob", role=f"aws-reserved/sso.amazonaws.com/{NAMED_SO}"), {"bob": True}),
        (session("bob", role=NAMED_SO), {"bob": False}),
        (session("bob", role=f"team/{SSO}"), {"bob": False}),
        (federated("alice", "bob"), {"bob": False, "alice": True}),
        (federated("team/bob", "bob"), {"bob": True}),
        (session("bob", source="bob"), {"bob": True}),
        (session("Bob@example.com", source="bob"), {"Bob@example.com": True, "bob": True}),
        (session("deploy", source="bob"), {"bob": False, "deploy": False}),
        (session("bob", role=SSO, source="alice"), {"alice": False, "bob": True}),
        (Actor("IAMUser", "arn:aws:iam::1:user/team/bob", "1"), {"bob": True}),
        (Actor("FederatedUser", "arn:aws:sts::1:federated-user/bob", "1"), {"bob": False}),
        (Actor("WebIdentityUser", "AROAEXAMPLE:bob", "1"), {"bob": False}),
        (Actor("Root", "arn:aws:iam::1:root", "1"), {}),
        (Actor("Root", "arn:aws:iam::1:root", "1", source_identity="bob"), {"bob": True}),
        (Actor("AWSService", "ec2.amazonaws.com", "1"), {}),
    ],
)
def test_who_made_a_change_is_told_by_what_they_could_not_choose(actor: Actor, whose: dict[str, bool]) -> None:
    assert actor.people == whose


def test_the_source_identity_is_read_from_the_trail() -> None:
    who = {"type": "AssumedRole", "arn": "arn:aws:sts::1:assumed-role/Dev/alice", "accountId": "1"}
    detail = {"userIdentity": {**who, "sessionContext": {"sourceIdentity": "bob"}}}
    assert Actor.of(detail, "1").people == {"bob": False, "alice": False}


@pytest.mark.parametrize("actor", [session("alice", source="bob"), session("bob", source="alice")])
def test_where_names_contradict_each_other_neither_decides_alone_and_neither_is_refused(
    record: Record, actor: Actor
) -> None:
    """Bob may have chosen the one or the other: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html."""
    own, known = replace(record, actor=actor), settings(Approver("slack:*"))
    for person in (BOB, Person("slack:U9ALICE", "alice", "alice@example.com")):
        assert refusal(person, own, known) is None
        assert "second approver" in (wants_second(person, "approve", own, known) or "")
    assert wants_second(Person("slack:U9CAROL", "carol", "carol@example.com"), "approve", own, known) is None


def test_a_federated_user_does_not_decide_alone_about_their_own_change(record: Record) -> None:
    who = {"type": "FederatedUser", "arn": "arn:aws:sts::123456789012:federated-user/bob"}
    own = replace(record, actor=Actor.of({"userIdentity": who}, "123456789012"))
    assert "second approver" in (wants_second(BOB, "approve", own, settings(Approver("slack:*"))) or "")


def test_whoever_asked_for_a_federation_token_does_not_decide_about_what_was_done_with_it(record: Record) -> None:
    """They name its user: as alice, bob's own change was for anybody but alice to decide."""
    own = replace(record, actor=federated("bob", "alice"))
    assert "your own" in (refusal(BOB, own, settings(Approver("slack:*"))) or "")


def test_a_role_that_is_only_named_like_identity_center_s_vetoes_nobody(record: Record) -> None:
    own, known = replace(record, actor=session("bob", role=NAMED_SO)), settings(Approver("slack:*"))
    assert refusal(BOB, own, known) is None
    assert "second approver" in (wants_second(BOB, "approve", own, known) or "")


def test_a_sessions_name_alone_refuses_nobody_and_asks_for_a_second(record: Record) -> None:
    own, known = replace(record, actor=session("bob")), settings(Approver("slack:*"))
    assert refusal(BOB, own, known) is None
    assert "second approver" in (wants_second(BOB, "approve", own, known) or "")
    assert wants_second(BOB, "approve", own, settings(Approver("slack:*"), four_eyes=False)) is None
    assert wants_second(Person("slack:U9ALICE", "alice"), "approve", own, known) is None
    noted = own.noted(own.seen_at, str(BOB), "approve: maybe", SECOND_WANTED)
    namesake = Person("slack:U7BOB", "bob", "bob@example.org")
    assert wants_second(BOB, "approve", noted, known)
    assert wants_second(namesake, "approve", noted, known) is None
    assert wants_second(namesake, "undo", noted, known)
    moved = noted.stepped(Status.ASKING, own.seen_at, "snapback")
    assert wants_second(namesake, "approve", moved, known)


@pytest.mark.parametrize(
    "actor",
    [
        session("Bob@example.com", role=SSO),
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


def test_a_thousand_refusals_are_counted_and_few_are_listed(world: World, record: Record) -> None:
    engine = world.application().engine
    for number in range(3 * MOST_REFUSED):
        engine.refuse(record.id, f"eve {number}", "she may not" * 50)
    noted = world.record(record.id)
    assert noted.refused == 3 * MOST_REFUSED
    assert [step.status for step in noted.history] == ["asking", *["refused"] * MOST_REFUSED]
    assert noted.history[-1].note.endswith("further refusals are only counted")
    assert engine.approve(record.id, "bob").refused == 3 * MOST_REFUSED


def test_of_two_refusals_at_once_both_count(world: World, record: Record) -> None:
    ledger = world.application().ledger
    for number in range(MOST_REFUSED + 1):
        ledger.note(world.record(record.id), by=f"eve {number}", note="no")
    stale = world.record(record.id)
    ledger.note(stale, by="eve", note="no")
    with pytest.raises(StepRefused):
        ledger.note(stale, by="mallory", note="no")


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
