from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from botocore.exceptions import ClientError

from chalicelib import catalog
from chalicelib.core.errors import CannotAct, Drifted, FixFailed, Refused
from chalicelib.core.event import Event
from chalicelib.core.rule import Guardrail
from chalicelib.core.settings import Asking, Exemption, Limits, Modes, Route
from chalicelib.core.types import Mode, Status
from chalicelib.engine.context import Unfinished
from chalicelib.fixes.s3.close_bucket_acl import CloseBucketAcl
from chalicelib.notify.message import is_sent, message_of
from tests.guardrails.s3.test_bucket_acl_made_public import CASE, ID, whole
from tests.support.events import HOME, Envelope

if TYPE_CHECKING:
    from chalicelib.core.outcome import Outcome
    from chalicelib.engine.engine import Engine
    from chalicelib.wiring import Application
    from tests.support.world import World


def guardrail(**changed: Any) -> Guardrail[Any]:
    rule = catalog.rule(ID)
    assert isinstance(rule, Guardrail)
    return replace(rule, **changed)


def public(world: World) -> Envelope:
    return CASE.unsafe[0](world)


def deliver(world: World, envelope: Envelope, rule: Guardrail[Any] | None = None, **options: Any) -> Outcome:
    engine = engine_of(world, **options)
    (outcome,) = engine.handle(Event.parse(envelope), [rule or guardrail()])
    return outcome


def engine_of(world: World, **options: Any) -> Engine:
    return world.application(**options).engine


class Broken(CloseBucketAcl):
    """Close the bucket, or fail in the way that the test asks for."""

    def __init__(self, *errors: BaseException | None, effect: bool = False) -> None:
        self.errors, self.effect = list(errors), effect

    def write(self, resource: Any, state: Any, aws: Any) -> None:
        error = self.errors.pop(0) if self.errors else None
        if error is None or self.effect:
            super().write(resource, state, aws)
        if error is not None:
            raise error


class Idle(CloseBucketAcl):
    """Say nothing and do nothing, as a call that AWS accepts and forgets."""

    def write(self, resource: Any, state: Any, aws: Any) -> None:
        pass


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": f"{code}, said AWS"}}, "PutBucketAcl")


def test_modes_rise_from_nothing_to_a_fix(world: World) -> None:
    envelope = public(world)
    assert deliver(world, envelope, mode="off").status == "off"
    assert not world.records()
    assert deliver(world, envelope, mode="alert").status == Status.ALERTED


def test_off_asks_aws_nothing(world: World) -> None:
    envelope = public(world)
    deliver(world, envelope, mode="off")
    assert not world.calls


def test_a_mode_by_account_beats_the_guardrails_and_a_tag_beats_both(world: World) -> None:
    envelope = public(world)
    modes = Modes(mode=Mode.OFF, accounts={HOME: Mode.ALERT}, tags={"env=dev": Mode.ASK})
    assert deliver(world, envelope, guardrails={ID: modes}).status == Status.ALERTED
    tags = [{"Key": "env", "Value": "dev"}]
    world.client("s3").put_bucket_tagging(Bucket="app-logs", Tagging={"TagSet": tags})
    envelope["detail"]["eventID"] = "another"
    envelope["detail"]["eventTime"] = "2026-11-23T11:00:00Z"
    assert deliver(world, envelope, guardrails={ID: modes}).status == Status.ASKING


@pytest.mark.parametrize(
    ("tagged", "trusted", "becomes"),
    [
        ({"env": "dev"}, set(), "fixed"),
        ({"env": "dev"}, {"env"}, "off"),
        ({"env": "dev"}, {"team"}, "fixed"),
        ({"env": "test"}, {"env"}, "fixed"),
        ({"env": "dev", "team": "web"}, {"env"}, "off"),
        ({"env": "dev", "team": "web"}, {"team"}, "asking"),
        ({"env": "dev", "team": "web"}, {"env", "team"}, "off"),
    ],
)
def test_only_a_trusted_tag_weakens_a_mode(
    tagged: dict[str, str], trusted: set[str], becomes: str, world: World
) -> None:
    """Whoever makes a bucket public can tag it as well, in the same breath."""
    envelope = public(world)
    modes = Modes(mode=Mode.FIX, tags={"env=dev": Mode.OFF, "team=web": Mode.ASK})
    pairs = [{"Key": key, "Value": value} for key, value in tagged.items()]
    world.client("s3").put_bucket_tagging(Bucket="app-logs", Tagging={"TagSet": pairs})
    outcome = deliver(world, envelope, guardrails={ID: modes}, trusted_tags=frozenset(trusted))
    assert outcome.status == becomes


def test_an_untrusted_tag_takes_nothing_from_another_that_strengthens(world: World) -> None:
    envelope = public(world)
    modes = Modes(mode=Mode.ALERT, tags={"env=prod": Mode.FIX, "team=web": Mode.ASK})
    pairs = [{"Key": "env", "Value": "prod"}, {"Key": "team", "Value": "web"}]
    world.client("s3").put_bucket_tagging(Bucket="app-logs", Tagging={"TagSet": pairs})
    assert deliver(world, envelope, guardrails={ID: modes}).status == Status.FIXED


def test_settings_in_trouble_alert_and_never_fix(world: World) -> None:
    outcome = deliver(world, public(world), trouble="settings.json can't be read")
    assert outcome.status == Status.ALERTED
    assert "can't be read" in world.records()[0].history[0].note


def test_an_opt_in_guardrail_needs_its_own_name_in_the_settings(world: World) -> None:
    envelope = public(world)
    assert deliver(world, envelope, guardrail(opt_in=True)).status == Status.ALERTED
    envelope["detail"]["eventID"] = "another"
    envelope["detail"]["eventTime"] = "2026-11-23T11:00:00Z"
    assert deliver(world, envelope, guardrail(opt_in=True), guardrail=ID).status == Status.FIXED


def test_what_cannot_be_undone_is_never_run_without_approval(world: World) -> None:
    fix = CloseBucketAcl()
    fix.reversible = False  # type: ignore[misc]
    assert deliver(world, public(world), guardrail(fix=fix)).status == Status.ASKING


def test_a_fix_that_can_do_nothing_alerts(world: World) -> None:
    class Helpless(CloseBucketAcl):
        def safe(self, state: Any, context: Any) -> Any:
            return state

    assert deliver(world, public(world), guardrail(fix=Helpless())).status == Status.ALERTED


@pytest.mark.parametrize(
    ("exemption", "status"),
    [
        ({"resource": "arn:aws:s3:::app-*"}, "exempt"),
        ({"actor": "arn:aws:iam::*:user/alice"}, "exempt"),
        ({"actor": "arn:aws:iam::*:user/bob"}, Status.FIXED),
        ({"resource": "arn:aws:s3:::web-*"}, Status.FIXED),
        ({"expires": date(2026, 11, 22)}, Status.FIXED),
    ],
)
def test_an_exemption_covers_a_resource_or_an_actor_until_it_expires(
    world: World, exemption: dict[str, Any], status: str
) -> None:
    values = {"guardrail": "s3.*", "reason": "website", "owner": "web team", "expires": date(2026, 11, 23), **exemption}
    assert deliver(world, public(world), exemptions=(Exemption(**values),)).status == status


def test_a_failed_write_is_recorded_raised_and_gone_on_with_when_delivered_again(world: World) -> None:
    envelope = public(world)
    before = whole(world)
    rule = guardrail(fix=Broken(refused("AccessDenied"), refused("AccessDenied"), None))
    for attempt in (1, 2):
        with pytest.raises(Unfinished, match="AccessDenied") as raised:
            deliver(world, envelope, rule)
        assert isinstance(raised.value.__cause__, FixFailed)
        (record,) = world.records()
        assert (record.status, record.attempts) == (Status.FAILED, attempt)
    assert deliver(world, envelope, rule).status == Status.FIXED
    (record,) = world.records()
    assert record.attempts == 3
    assert engine_of(world).undo(record.id, "bob").status == Status.UNDONE
    assert whole(world) == before


def test_a_call_that_times_out_after_its_effect_is_a_fix(world: World) -> None:
    rule = guardrail(fix=Broken(TimeoutError("read timed out"), effect=True))
    assert deliver(world, public(world), rule).status == Status.FIXED
    assert "in spite of TimeoutError" in world.records()[0].history[-1].note


def test_a_call_that_changes_nothing_is_still_unsafe_after_looking_again_for_a_while(world: World) -> None:
    assert deliver(world, public(world), guardrail(fix=Idle())).status == Status.STILL_UNSAFE
    assert world.pauses == [0.5, 1.0, 2.0]


def test_a_crash_leaves_a_lock_that_the_next_delivery_takes_over_once_its_lease_is_out(world: World) -> None:
    envelope = public(world)
    before = whole(world)
    with pytest.raises(KeyboardInterrupt):
        deliver(world, envelope, guardrail(fix=Broken(KeyboardInterrupt())))
    assert [record.status for record in world.records()] == [Status.FIXING]
    with pytest.raises(Unfinished) as raised:
        deliver(world, envelope)
    assert isinstance(raised.value.errors[0], Refused)
    world.later(seconds=121)
    assert deliver(world, envelope).status == Status.FIXED
    (record,) = world.records()
    assert [step.status for step in record.history] == ["fixing", "fixing", "fixed"]
    engine_of(world).undo(record.id, "bob")
    assert whole(world) == before


def test_another_event_about_the_same_state_is_told_once_and_a_later_one_again(world: World) -> None:
    envelope = public(world)
    first = deliver(world, envelope, mode="alert")
    envelope["detail"]["eventID"] = "part-of-the-same-burst"
    covered = deliver(world, envelope, mode="alert")
    assert (covered.status, covered.record) == ("duplicate", first.record)
    world.later(minutes=10)
    envelope["detail"]["eventID"] = "done-again"
    envelope["detail"]["eventTime"] = "2026-11-23T10:09:00Z"
    assert deliver(world, envelope, mode="alert").status == Status.ALERTED


def test_one_guardrail_that_raises_does_not_keep_the_others_from_being_asked(world: World) -> None:
    def broken(bucket: Any, aws: Any) -> str | None:
        raise ZeroDivisionError

    engine = engine_of(world)
    with pytest.raises(Unfinished) as raised:
        engine.handle(Event.parse(public(world)), [guardrail(ask=broken), guardrail()])
    assert [outcome.status for outcome in raised.value.outcomes] == [Status.FIXED]


def test_a_resource_that_goes_while_it_is_fixed_is_gone(world: World) -> None:
    class Deletes(CloseBucketAcl):
        def write(self, resource: Any, state: Any, aws: Any) -> None:
            world.client("s3").delete_bucket(Bucket=resource.id)  # Somebody else does.
            super().write(resource, state, aws)

    assert deliver(world, public(world), guardrail(fix=Deletes())).status == Status.GONE


class TestUndo:
    def fixed(self, world: World) -> str:
        return deliver(world, public(world)).record

    def changed_since(self, world: World) -> None:
        world.client("s3").put_bucket_acl(Bucket="app-logs", ACL="authenticated-read")

    def test_refuses_when_the_resource_changed_and_says_what_and_by_whom(self, world: World) -> None:
        from tests.support.moto_gaps import event_history

        record = self.fixed(world)
        self.changed_since(world)
        with event_history(public_event("mallory")), pytest.raises(Drifted) as drifted:
            engine_of(world).undo(record, "bob")
        assert "by mallory (AWS CLI)" in str(drifted.value)
        assert "AuthenticatedUsers" in str(drifted.value)

    def test_says_so_when_the_trail_cannot_tell_by_whom(self, world: World) -> None:
        from tests.support.moto_gaps import event_history

        record = self.fixed(world)
        self.changed_since(world)
        with event_history(), pytest.raises(Drifted, match="the trail doesn't name yet"):
            engine_of(world).undo(record, "bob")

    def test_overwrites_what_changed_when_forced_and_notes_it(self, world: World) -> None:
        record = self.fixed(world)
        self.changed_since(world)
        undone = engine_of(world).undo(record, "bob", force=True)
        assert undone.status == Status.UNDONE
        assert undone.history[-2].note == "forced"

    def test_is_refused_twice(self, world: World) -> None:
        record = self.fixed(world)
        engine_of(world).undo(record, "bob")
        with pytest.raises(CannotAct, match="is undone"):
            engine_of(world).undo(record, "bob")

    def test_of_a_bucket_that_is_gone_says_so(self, world: World) -> None:
        record = self.fixed(world)
        world.client("s3").delete_bucket(Bucket="app-logs")
        with pytest.raises(CannotAct, match="gone"):
            engine_of(world).undo(record, "bob")

    def test_of_no_record_says_where_to_look(self, world: World) -> None:
        with pytest.raises(CannotAct, match=r"no record 'nonsense'.*snapback records"):
            engine_of(world).undo("nonsense", "bob")

    def test_that_fails_is_recorded_and_can_be_tried_again(self, world: World) -> None:
        record = self.fixed(world)
        with world.denied("PutBucketAcl"), pytest.raises(FixFailed, match="undo: AccessDenied"):
            engine_of(world).undo(record, "bob")
        assert world.record(record).status == Status.FAILED
        assert engine_of(world).undo(record, "bob").status == Status.UNDONE


class TestApprove:
    def asking(self, world: World) -> str:
        return deliver(world, public(world), mode="ask").record

    def test_asks_anew_when_the_state_moved_since(self, world: World) -> None:
        record = self.asking(world)
        world.client("s3").put_bucket_acl(Bucket="app-logs", ACL="authenticated-read")
        with pytest.raises(CannotAct, match="changed since it asked"):
            engine_of(world).approve(record, "carol")
        asked = world.record(record)
        assert asked.status == Status.ASKING
        assert "AuthenticatedUsers" in asked.reason
        assert engine_of(world).approve(record, "carol").status == Status.FIXED

    def test_finds_nothing_to_do_when_somebody_mended_it(self, world: World) -> None:
        record = self.asking(world)
        world.client("s3").put_bucket_acl(Bucket="app-logs", ACL="private")
        assert engine_of(world).approve(record, "carol").status == Status.EXPIRED

    def test_twice_acts_once(self, world: World) -> None:
        record = self.asking(world)
        engine_of(world).approve(record, "carol")
        with pytest.raises(CannotAct, match="only one that is asking"):
            engine_of(world).approve(record, "dave")

    def test_of_two_who_click_at_once_one_acts(self, world: World) -> None:
        record = self.asking(world)
        application = world.application("ask")
        seen = application.ledger.get(record)
        application.engine.approve(record, "carol")
        world.client("s3").put_bucket_acl(Bucket="app-logs", ACL="public-read")
        with patch.object(application.ledger, "get", return_value=seen), pytest.raises(CannotAct):
            application.engine.approve(record, "dave")


class TestPress:
    """Questions that nobody answers; `maintain` follows up every five minutes."""

    def asked(self, world: World, **asking: Any) -> tuple[str, Application]:
        record = deliver(world, public(world), mode="ask").record
        return record, world.application("ask", asking=Asking(**asking))

    def steps(self, world: World, record: str) -> list[str]:
        return [step.status for step in world.record(record).history]

    def test_it_is_asked_again_each_time_after_as_long(self, world: World) -> None:
        record, application = self.asked(world, remind_hours=4)
        for hours, times in ((3.9, 0), (0.2, 1), (0.1, 1), (3.7, 1), (0.2, 2)):
            world.later(hours=hours)
            application.maintain()
            assert self.steps(world, record) == ["asking", *["reminded"] * times]
        assert message_of(world.record(record)).headline.startswith("CRITICAL · approval still wanted: ")
        assert "(unanswered for 8 hours; closed in 63 hours)" in message_of(world.record(record)).did

    def test_it_is_told_to_more_people_once(self, world: World) -> None:
        record, application = self.asked(world, remind_hours=10, escalate_hours=6, escalate_to=("boss",))
        for _ in range(4):
            world.later(hours=4)
            application.maintain()
        assert self.steps(world, record) == ["asking", "escalated"]

    def test_it_is_closed_and_asked_anew_when_it_is_seen_again(self, world: World) -> None:
        envelope = public(world)
        record = deliver(world, envelope, mode="ask").record
        world.later(hours=72)
        world.application("ask").maintain()
        closed = world.record(record)
        assert closed.status == Status.EXPIRED
        assert closed.history[-1].note.startswith("nobody answered in 72 hours; it is as it was")
        assert is_sent(closed)
        assert deliver(world, again(envelope, world, hours=1), mode="ask").status == Status.ASKING

    def test_what_is_safe_by_then_is_closed_without_a_reminder(self, world: World) -> None:
        record, application = self.asked(world)
        world.client("s3").put_bucket_acl(Bucket="app-logs", ACL="private")
        world.later(hours=5)
        application.maintain()
        assert world.record(record).history[-1].note == "it is safe by now"

    def test_what_is_gone_by_then_is_closed(self, world: World) -> None:
        record, application = self.asked(world)
        world.client("s3").delete_bucket(Bucket="app-logs")
        world.later(hours=5)
        application.maintain()
        assert world.record(record).status == Status.GONE

    def test_what_cant_be_looked_at_is_asked_all_the_same(self, world: World) -> None:
        record, application = self.asked(world)
        world.later(hours=5)
        with world.denied("GetBucketAcl"):
            application.maintain()
        assert self.steps(world, record) == ["asking", "reminded"]
        assert "it can't be looked at: AccessDenied" in world.record(record).history[-1].note

    def test_whoever_is_refused_puts_nothing_off(self, world: World) -> None:
        record, application = self.asked(world, remind_hours=4)
        world.later(hours=3)
        application.engine.refuse(record, "mallory", "may not")
        world.later(hours=2)
        application.maintain()
        assert self.steps(world, record) == ["asking", "refused", "reminded"]

    def test_of_two_who_press_at_once_one_tells(self, world: World) -> None:
        record, application = self.asked(world)
        seen = world.record(record)
        world.later(hours=5)
        application.engine.follow_up(seen)
        with pytest.raises(Refused):
            application.engine.follow_up(seen)
        assert self.steps(world, record) == ["asking", "reminded"]

    def test_an_answer_ends_it(self, world: World) -> None:
        record, application = self.asked(world)
        world.later(hours=5)
        application.maintain()
        assert application.engine.approve(record, "carol").status == Status.FIXED
        world.later(hours=90)
        assert application.maintain() == {"recovered": []}

    def test_the_calls_made_are_on_record(self, world: World) -> None:
        record, application = self.asked(world)
        application.engine.approve(record, "carol")
        assert world.record(record).calls == ("s3:PutBucketAcl",)
        application.engine.undo(record, "carol")
        assert world.record(record).calls == ("s3:PutBucketAcl",)

    def test_the_tags_that_decide_whom_to_tell_are_on_record(self, world: World) -> None:
        envelope = public(world)
        tags = [{"Key": "team", "Value": "web"}, {"Key": "secret", "Value": "no"}]
        world.client("s3").put_bucket_tagging(Bucket="app-logs", Tagging={"TagSet": tags})
        routes = (Route(channels=("web",), tags={"team": "web"}),)
        (outcome,) = world.application("alert", routes=routes).guard("s3", envelope)
        assert world.record(outcome.record).tags == {"team": "web"}


def again(envelope: Envelope, world: World, **passed: float) -> Envelope:
    """The same change made again, later."""
    world.later(**passed)
    envelope["detail"]["eventID"] = f"at-{world.clock}"
    envelope["detail"]["eventTime"] = world.clock.isoformat()
    return envelope


class TestLimits:
    def test_a_fight_is_told_once_with_both_sides_and_what_would_settle_it(self, world: World) -> None:
        envelope = public(world)
        for _ in range(3):
            world.client("s3").put_bucket_acl(Bucket="app-logs", ACL="public-read")
            assert deliver(world, again(envelope, world, minutes=5)).status == Status.FIXED
        world.client("s3").put_bucket_acl(Bucket="app-logs", ACL="public-read")
        envelope["detail"]["userAgent"] = "Terraform/1.9"
        fight = deliver(world, again(envelope, world, minutes=5))
        assert fight.status == Status.FIGHTING
        assert "alice with AWS CLI and alice with Terraform" in fight.reason
        assert "guardrail: s3.bucket_acl_made_public, resource: 'arn:aws:s3:::app-logs'" in fight.reason
        assert deliver(world, again(envelope, world, minutes=5)).status == "exempt"
        assert deliver(world, again(envelope, world, minutes=61)).status == Status.FIXED

    def test_above_the_cap_everything_asks_and_can_be_approved(self, world: World) -> None:
        limits = Limits(fixes_per_minute=1, fights=20)
        assert deliver(world, public(world), limits=limits).status == Status.FIXED
        world.client("s3").put_bucket_acl(Bucket="app-logs", ACL="public-read")
        outcome = deliver(world, again(public_event("alice"), world, seconds=1), limits=limits)
        assert outcome.status == Status.ASKING
        assert "over 1 fixes" in world.record(outcome.record).history[-1].note
        assert engine_of(world).approve(outcome.record, "carol").status == Status.FIXED

    def test_when_all_is_stopped_everything_asks_and_nothing_is_approved_or_undone(self, world: World) -> None:
        envelope = public(world)
        fixed = deliver(world, envelope).record
        world.client("s3").put_bucket_acl(Bucket="app-logs", ACL="public-read")
        ledger = world.application().ledger
        ledger.pause("bob", "a bad day")
        outcome = deliver(world, again(envelope, world, minutes=1))
        assert outcome.status == Status.ASKING
        with pytest.raises(CannotAct, match=r"paused by bob.*snapback resume"):
            engine_of(world).approve(outcome.record, "carol")
        with pytest.raises(CannotAct, match="paused by bob"):
            engine_of(world).undo(fixed, "carol")
        ledger.resume("bob")
        assert engine_of(world).approve(outcome.record, "carol").status == Status.FIXED

    def test_with_too_little_time_left_nothing_is_begun(self, world: World) -> None:
        envelope = public(world)
        application = world.application()
        application.time_left = lambda: 3.0
        with pytest.raises(Unfinished, match="too little time"):
            application.engine.handle(Event.parse(envelope), [guardrail()])
        assert not world.records()


class TestResume:
    def died(self, world: World, **effect: bool) -> None:
        with pytest.raises(KeyboardInterrupt):
            deliver(world, public(world), guardrail(fix=Broken(KeyboardInterrupt(), **effect)))
        world.later(minutes=3)

    @pytest.mark.parametrize("effect", [True, False])
    def test_what_a_dead_function_left_is_finished(self, world: World, effect: bool) -> None:
        self.died(world, effect=effect)
        is_sent = world.application().maintain()
        assert [outcome["status"] for outcome in is_sent["recovered"]] == [Status.FIXED]
        (record,) = world.records()
        assert record.attempts == 2
        assert record.history[-1].note == ("found safe" if effect else "")

    def test_what_is_still_being_done_is_left_to_its_holder(self, world: World) -> None:
        self.died(world)
        world.later(minutes=-2)
        assert world.application().maintain() == {"recovered": []}

    def test_of_a_resource_that_is_gone_ends_as_gone(self, world: World) -> None:
        self.died(world)
        world.client("s3").delete_bucket(Bucket="app-logs")
        world.application().maintain()
        assert world.records()[0].status == Status.GONE

    def test_when_all_is_stopped_it_is_told_as_failed(self, world: World) -> None:
        self.died(world)
        world.application().ledger.pause("bob", "a bad day")
        world.application().maintain()
        assert world.records()[0].status == Status.FAILED

    @pytest.mark.parametrize("effect", [True, False])
    def test_an_undo_that_died_is_finished(self, world: World, effect: bool) -> None:
        envelope = public(world)
        before = whole(world)
        record = deliver(world, envelope).record
        written = CloseBucketAcl.write

        def dying(*call: Any) -> None:
            if effect:
                written(*call)
            raise KeyboardInterrupt

        with patch.object(CloseBucketAcl, "write", dying), pytest.raises(KeyboardInterrupt):
            engine_of(world).undo(record, "bob")
        world.later(minutes=3)
        world.application().maintain()
        assert world.record(record).status == Status.UNDONE
        assert whole(world) == before


def public_event(user: str) -> Envelope:
    from tests.support.events import cloudtrail_event

    who = {"type": "IAMUser", "arn": f"arn:aws:iam::{HOME}:user/{user}", "accountId": HOME, "userName": user}
    return cloudtrail_event("s3", "PutBucketAcl", {"bucketName": "app-logs"}, actor=who)
