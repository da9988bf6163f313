"""What becomes of an event: modes, exemptions, fixes that fail, fights and caps, and what a dead function left."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from botocore.exceptions import ReadTimeoutError

from chalicelib.core.errors import CannotAct, FixFailed, StepRefused, Unfinished
from chalicelib.core.event import Event
from chalicelib.core.settings import Exemption, Limits, Modes
from chalicelib.core.types import Mode, Status
from chalicelib.fixes.s3.close_bucket_acl import CloseBucketAcl
from tests.engine.bucket import Broken, Idle, again, deliver, engine_of, guardrail, public, public_event, refused
from tests.guardrails.s3.test_bucket_acl_made_public import ID, whole
from tests.support.events import HOME

if TYPE_CHECKING:
    from tests.support.world import World


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
    rule = guardrail(fix=Broken(ReadTimeoutError(endpoint_url="https://s3"), effect=True))
    assert deliver(world, public(world), rule).status == Status.FIXED
    assert "despite an error: ReadTimeoutError" in world.records()[0].history[-1].note


def test_a_call_that_changes_nothing_is_still_unsafe_after_looking_again_for_a_while(world: World) -> None:
    """S3's reads may be late: it is under way until they may not be any more, and told with the third write."""
    with patch.object(CloseBucketAcl, "write", Idle.write):
        assert deliver(world, public(world)).status == Status.FIXING
        assert world.pauses == [0.5, 1.0, 2.0]
        for status in (Status.FIXING, Status.STILL_UNSAFE):
            world.later(minutes=5)
            (record,) = world.records()
            assert engine_of(world).recover(record).status is status


def test_a_crash_leaves_a_lock_that_the_next_delivery_takes_over_once_its_lease_is_out(world: World) -> None:
    envelope = public(world)
    before = whole(world)
    with pytest.raises(KeyboardInterrupt):
        deliver(world, envelope, guardrail(fix=Broken(KeyboardInterrupt())))
    assert [record.status for record in world.records()] == [Status.FIXING]
    with pytest.raises(Unfinished) as raised:
        deliver(world, envelope)
    assert isinstance(raised.value.errors[0], StepRefused)
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
        engine.handle(Event.parse(public(world)), [guardrail(evaluate=broken), guardrail()])
    assert [outcome.status for outcome in raised.value.outcomes] == [Status.FIXED]


def test_a_resource_that_goes_while_it_is_fixed_is_gone(world: World) -> None:
    class Deletes(CloseBucketAcl):
        def write(self, resource: Any, state: Any, aws: Any) -> None:
            world.client("s3").delete_bucket(Bucket=resource.id)  # Somebody else does.
            super().write(resource, state, aws)

    assert deliver(world, public(world), guardrail(fix=Deletes())).status == Status.GONE


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
        assert "more than 1 fixes" in world.record(outcome.record).history[-1].note
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
        assert record.history[-1].note == ("already safe when Snapback resumed" if effect else "")

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
