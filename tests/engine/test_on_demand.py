"""A person has the fix done of a finding that is only reported, or one that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

from chalicelib.core.errors import CannotAct, FixFailed, Unfinished
from chalicelib.core.types import Status
from chalicelib.fixes.s3.close_bucket_acl import CloseBucketAcl
from tests.engine.bucket import Broken, deliver, engine_of, guardrail, public, refused
from tests.engine.test_permit import ALERT, EXEMPT, NEVER, OFF, TROUBLE
from tests.guardrails.s3.test_bucket_acl_made_public import whole

if TYPE_CHECKING:
    from tests.support.world import World


def alerted(world: World) -> str:
    outcome = deliver(world, public(world), mode="alert")
    assert outcome.status == "alerted"
    return outcome.record


def test_an_alerted_finding_is_fixed_and_undone(world: World) -> None:
    record = alerted(world)
    before = whole(world)
    assert world.record(record).demand == "fix"
    engine = engine_of(world, **ALERT)
    assert engine.approve(record, "carol", demand=True).status is Status.FIXED
    assert world.record(record).history[-2].by == "carol"
    assert whole(world) != before
    assert engine.undo(record, "carol").status is Status.UNDONE
    assert whole(world) == before


def test_without_the_demand_it_says_which_command_does_it(world: World) -> None:
    record = alerted(world)
    with pytest.raises(CannotAct, match=f"is alerted and waits for no approval; `snapback fix {record}` fixes it"):
        engine_of(world, **ALERT).approve(record, "carol")


@pytest.mark.parametrize("since", [EXEMPT, OFF, NEVER, TROUBLE])
def test_the_settings_hold(since: Any, world: World) -> None:
    record = alerted(world)
    before = whole(world)
    with pytest.raises(CannotAct):
        engine_of(world, **since).approve(record, "carol", demand=True)
    assert whole(world) == before
    assert world.record(record).status is Status.ALERTED


def test_while_all_writes_are_paused_nothing_is_written(world: World) -> None:
    record = alerted(world)
    world.application().ledger.pause("ops", "an incident")
    with pytest.raises(CannotAct, match="paused"):
        engine_of(world, **ALERT).approve(record, "carol", demand=True)
    assert world.record(record).status is Status.ALERTED


def test_what_changed_since_asks_with_its_new_state(world: World) -> None:
    record = alerted(world)
    world.client("s3").put_bucket_acl(Bucket="app-logs", ACL="authenticated-read")
    with pytest.raises(CannotAct, match=r"changed since the finding; see `snapback show .*`, then run fix again"):
        engine_of(world, **ALERT).approve(record, "carol", demand=True)
    assert world.record(record).status is Status.ASKING
    assert engine_of(world, **ALERT).approve(record, "carol").status is Status.FIXED


def test_what_is_safe_by_now_is_closed(world: World) -> None:
    record = alerted(world)
    world.client("s3").put_bucket_acl(Bucket="app-logs", ACL="private")
    assert engine_of(world, **ALERT).approve(record, "carol", demand=True).status is Status.EXPIRED


def test_a_fix_that_failed_is_tried_again_and_its_undo_puts_back_what_was_there_first(world: World) -> None:
    event = public(world)
    before = whole(world)
    with pytest.raises(Unfinished):
        deliver(world, event, guardrail(fix=Broken(refused("AccessDenied"))))
    (record,) = world.records()
    assert (record.status, record.demand) == (Status.FAILED, "retry")
    done = engine_of(world, **ALERT).approve(record.id, "carol", demand=True)
    assert done.status is Status.FIXED
    assert done.before == record.before
    assert engine_of(world).undo(record.id, "carol").status is Status.UNDONE
    assert whole(world) == before


def test_a_retry_never_loses_what_others_changed_since(world: World) -> None:
    with pytest.raises(Unfinished):
        deliver(world, public(world), guardrail(fix=Broken(refused("AccessDenied"))))
    (record,) = world.records()
    world.client("s3").put_bucket_acl(Bucket="app-logs", ACL="authenticated-read")
    theirs = whole(world)
    with pytest.raises(CannotAct, match=r"changed since the finding; see `snapback show .*`, then run fix again"):
        engine_of(world, **ALERT).approve(record.id, "carol", demand=True)
    assert world.record(record.id).status is Status.ASKING
    assert engine_of(world, **ALERT).approve(record.id, "carol").status is Status.FIXED
    assert engine_of(world).undo(record.id, "carol").status is Status.UNDONE
    assert whole(world) == theirs


def test_a_fix_that_left_it_unsafe_is_not_tried_again_over_what_others_changed_since(world: World) -> None:
    with patch.object(CloseBucketAcl, "still_unsafe", lambda *_: "another way is open"):
        record = deliver(world, public(world)).record
    found = world.record(record)
    assert (found.status, found.demand) == (Status.STILL_UNSAFE, "retry")
    world.client("s3").put_bucket_acl(Bucket="app-logs", ACL="authenticated-read")
    theirs = whole(world)
    with pytest.raises(CannotAct, match="which is partly written"):
        engine_of(world).approve(record, "carol", demand=True)
    assert whole(world) == theirs
    assert world.record(record).status is Status.STILL_UNSAFE


def test_a_retry_that_dies_is_gone_on_with_by_the_same_will(world: World) -> None:
    with pytest.raises(Unfinished):
        deliver(world, public(world), guardrail(fix=Broken(refused("AccessDenied"))))
    (record,) = world.records()
    with patch.object(CloseBucketAcl, "write", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        engine_of(world, **ALERT).approve(record.id, "carol", demand=True)
    world.later(minutes=3)
    world.application(**ALERT).maintain()
    assert world.record(record.id).status is Status.FIXED


def test_an_undo_that_failed_is_no_fix_to_try_again(world: World) -> None:
    record = deliver(world, public(world)).record
    with patch.object(CloseBucketAcl, "write", side_effect=refused("AccessDenied")), pytest.raises(FixFailed):
        engine_of(world).undo(record, "bob")
    assert world.record(record).status is Status.FAILED
    assert world.record(record).demand == ""
    with pytest.raises(CannotAct):
        engine_of(world).approve(record, "carol", demand=True)


@pytest.mark.parametrize("mode", ["fix", "ask"])
def test_what_is_done_or_asks_is_not_demanded(mode: str, world: World) -> None:
    record = deliver(world, public(world), mode=mode).record
    assert world.record(record).demand == ""
    if mode == "fix":
        with pytest.raises(
            CannotAct,
            match="is fixed; only a record that is asking, or one of these, can be fixed: alerted, failed, fighting",
        ):
            engine_of(world).approve(record, "carol", demand=True)
