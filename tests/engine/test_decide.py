"""What people decide: undo, approve, or nothing for days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

from chalicelib.core.errors import CannotAct, Drifted, FixFailed, StepRefused
from chalicelib.core.settings import Asking, Route
from chalicelib.core.types import Status
from chalicelib.notify.message import is_sent, message_of
from tests.engine.bucket import again, deliver, engine_of, public, public_event

if TYPE_CHECKING:
    from chalicelib.wiring import Application
    from tests.support.world import World


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
        with event_history(), pytest.raises(Drifted, match="CloudTrail doesn't name yet"):
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
        with pytest.raises(CannotAct, match="no longer exists"):
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
        with pytest.raises(CannotAct, match="changed since Snapback asked"):
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
        with pytest.raises(CannotAct, match="only a record that is asking"):
            engine_of(world).approve(record, "dave")

    def test_of_two_who_click_at_once_one_acts(self, world: World) -> None:
        record = self.asking(world)
        application = world.application("ask")
        seen = application.ledger.get(record)
        application.engine.approve(record, "carol")
        world.client("s3").put_bucket_acl(Bucket="app-logs", ACL="public-read")
        with patch.object(application.ledger, "get", return_value=seen), pytest.raises(CannotAct):
            application.engine.approve(record, "dave")


class TestFollowUp:
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
        assert message_of(world.record(record)).headline.endswith(" · approval still needed")
        assert (
            "(unanswered for 8 hours; Snapback closes the question in 63 hours)" in message_of(world.record(record)).did
        )

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
        assert closed.history[-1].note.startswith("nobody answered in 72 hours; the resource is unchanged")
        assert is_sent(closed)
        assert deliver(world, again(envelope, world, hours=1), mode="ask").status == Status.ASKING

    def test_what_is_safe_by_then_is_closed_without_a_reminder(self, world: World) -> None:
        record, application = self.asked(world)
        world.client("s3").put_bucket_acl(Bucket="app-logs", ACL="private")
        world.later(hours=5)
        application.maintain()
        assert world.record(record).history[-1].note == "the resource is safe now"

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
        assert (
            "Snapback can't check the resource now: AWS denied Snapback s3:GetBucketAcl"
            in world.record(record).history[-1].note
        )

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
        with pytest.raises(StepRefused):
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
