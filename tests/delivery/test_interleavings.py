"""Whoever acts at the same time, and in whatever order their calls to AWS come: one effect, one record that tells it.

Each scenario is run under every schedule with at most so many preemptions: the real engine and ledger on a table in
memory, and with fewer of them on moto. `SNAPBACK_SCHEDULES=all` runs one preemption more on both.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.errors import CannotAct, StepRefused
from chalicelib.core.settings import Limits
from chalicelib.core.types import UNDER_WAY
from chalicelib.fixes.s3.close_bucket_acl import is_public
from tests.delivery.account import Account, Memory, moto_account
from tests.delivery.scenes import (
    MAKES,
    MENDED,
    OPEN,
    THREE,
    Make,
    Scene,
    another_event_of_the_same_change_and_an_undo,
    die,
    run_killed,
    two_approvals,
)
from tests.delivery.turns import Killed, Plan, Turns, every_schedule
from tests.support.events import REGION

if TYPE_CHECKING:
    from chalicelib.core.record import Record


MORE = os.environ.get("SNAPBACK_SCHEDULES") == "all"
LAMBDAS = (1, 2)
"""Minutes that Lambda waits before it calls a function that failed again."""
NEXT: dict[str, set[str]] = {
    "": {"alerted", "asking", "fixing", "fighting"},
    "asking": {"asking", "fixing", "expired", "gone"},
    "fixing": {"fixing", "asking", "fixed", "still_unsafe", "failed", "gone", "expired"},
    "failed": {"fixing", "undoing"},
    "fixed": {"undoing", "still_unsafe"},
    "still_unsafe": {"undoing"},
    "undoing": {"undoing", "undone", "failed", "gone"},
}
"""Which step may follow which."""
TOLD = {"asking", "alerted", "fighting", "failed", "still_unsafe", "undone"}
"""A person knows that it is unsafe, or wants it so."""


# How it is run
class Broken(AssertionError):
    """A promise did not hold under a schedule."""


def play(make: Make, account: Account, plan: Plan, killed: tuple[int, int] | None = None) -> Turns:
    """Run one schedule, and all that follows by itself. Raises Broken."""
    account.reset()
    account.set_acl(OPEN)
    account.later(seconds=1.5)
    scene = make(account)
    scene.killed = killed
    turns = account.turns = Turns(plan.choose)
    results = run_killed(scene, turns)
    account.turns = None
    try:
        try_again(scene, results)
        for _ in range(2):
            account.later(minutes=5)
            account.container().maintain()
        judge(scene)
    except Exception as error:
        told = [str(getattr(each, "status", None) or repr(each)) for each in results]
        records = [[f"{step.status} ({step.note})" for step in record.history] for record in account.records()]
        raise Broken(f"turns {turns.steps}, killed {killed}: {told}; {records}; {error!r}") from error
    return turns


def try_again(scene: Scene, results: list[Any]) -> None:
    """Lambda calls a function that raised twice more, later; a person who is told to does as well. Raises the last."""
    waiting = list(results)
    for minutes in LAMBDAS:
        scene.account.later(minutes=minutes)
        for number, act in enumerate(scene.acts):
            if isinstance(waiting[number], BaseException) and (act.again or "try again" in str(waiting[number])):
                try:
                    waiting[number] = (act.retry or act.do)()
                except Exception as error:  # noqa: BLE001 - raised below, after the last delivery
                    waiting[number] = error
    for act, result in zip(scene.acts, waiting, strict=True):
        if isinstance(result, BaseException) and act.again:
            raise result
        if isinstance(result, BaseException) and not isinstance(result, CannotAct | StepRefused | Killed):
            raise result


def judge(scene: Scene) -> None:
    account, killed = scene.account, scene.killed is not None
    records = account.records()
    for record in records:
        judge_history(record)
        if record.before is not None and record.status not in {"asking", "alerted", "fighting", "gone"}:
            assert any(map(is_public, record.before["grants"])), "its `before` is our own doing"
    assert not [record for record in records if record.status in UNDER_WAY], "left under way"
    assert not account.locked(), "locked for good"
    assert not account.rewritten(), "history was lost"
    ends = tuple(sorted(str(record.status) for record in records))
    assert ends in scene.ends | (scene.or_killed if killed else set()), f"ended as {ends}"
    assert killed or account.is_unsafe() in scene.unsafe, f"unsafe: {account.is_unsafe()}"
    assert not account.is_unsafe() or {*ends} & TOLD, "unsafe and not told"
    effects = sum(one["Grants"] != two["Grants"] for _, one, two in account.writes)
    if effects not in scene.effects and not (killed and effects < max(scene.effects)):
        raise AssertionError(f"{effects} effects")
    idle = len(account.writes) - effects
    assert idle <= scene.idle + killed, f"{idle} writes that changed nothing"
    account.container().ledger.resume("bob")
    fixed = [record for record in records if record.status == "fixed"]
    if fixed and account.acl() is not None and not account.is_unsafe():
        account.container().engine.undo(fixed[-1].id, "dave")
        assert fixed[-1].before
        assert account.acl(fixed[-1].resource)["Grants"] == fixed[-1].before["grants"], "undone, but not as it was"


def judge_history(record: Record) -> None:
    steps = record.history
    assert steps[-1].status == record.status
    assert all(one.at <= two.at for one, two in pairwise(steps)), f"out of order: {steps}"
    for one, two in pairwise(["", *(step.status for step in steps)]):
        assert two in NEXT.get(one, set()), f"{two} after {one}"


# The tests
ON_MOTO = MAKES if MORE else [*MAKES[:2], another_event_of_the_same_change_and_an_undo, two_approvals]
Tell = Callable[[str, object], None]


def named(make: Make) -> str:
    return make.__name__


@pytest.fixture(scope="module")
def moto() -> Iterator[Account]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        with moto_account() as account:
            yield account


def all_hold(make: Make, account: Account, preemptions: int, killed: tuple[int, int] | None = None) -> tuple[int, bool]:
    """How many schedules there are, and whether any of them came to the call at which one is killed."""
    came = False

    def run(plan: Plan) -> None:
        nonlocal came
        turns = play(make, account, plan, killed)
        came = came or (killed is not None and turns.steps.count(killed[0]) > killed[1])

    return every_schedule(run, preemptions), came


@pytest.mark.parametrize("make", MAKES, ids=named)
def test_in_every_order_there_is_one_effect_and_one_record_that_tells_it(make: Make, record_property: Tell) -> None:
    count, _ = all_hold(make, Memory(), 2 + MORE)
    record_property("schedules", count)
    assert count >= 10


@pytest.mark.parametrize("make", MAKES, ids=named)
def test_and_with_one_of_them_killed_at_any_call(make: Make, record_property: Tell) -> None:
    account, schedules = Memory(), 0
    for job in range(2):
        came, call = True, 0
        while came:
            count, came = all_hold(make, account, 1 + MORE, (job, call))
            schedules, call = schedules + count * came, call + 1
    record_property("schedules", schedules)
    assert schedules > 10


@pytest.mark.parametrize("make", THREE, ids=named)
def test_and_with_three_of_them(make: Make, record_property: Tell) -> None:
    count, _ = all_hold(make, Memory(), 1 + MORE)
    record_property("schedules", count)
    assert count > 90


@pytest.mark.parametrize("make", ON_MOTO, ids=named)
def test_and_on_moto_call_for_call(make: Make, moto: Account, record_property: Tell) -> None:
    count, _ = all_hold(make, moto, 1 + MORE)
    record_property("schedules", count)
    assert count >= 10


def test_an_undo_that_died_is_not_gone_on_with_over_what_someone_did_since() -> None:
    account, call = Memory(), 0
    outcomes = set()
    while call < 12:
        account.reset()
        account.set_acl(OPEN)
        record = account.deliver(account.event()).record
        undo = Scene(account).undo(record, "bob")
        account.turns = Turns(lambda ready, _: ready[0])
        run_killed(Scene(account, [undo], killed=(0, call)), account.turns)
        account.turns = None
        account.set_acl(MENDED)
        account.later(minutes=5)
        account.container().maintain()
        (left,) = account.records()
        assert account.acl() == MENDED or left.status == "undone"
        outcomes.add((str(left.status), account.acl() == MENDED))
        call += 1
    assert outcomes == {("fixed", True), ("failed", True), ("undone", True)}


def test_an_undo_that_died_waits_while_writes_are_paused() -> None:
    account = Memory()
    account.set_acl(OPEN)
    record = account.deliver(account.event()).record
    account.turns = Turns(lambda ready, _: ready[0])
    run_killed(Scene(account, [Scene(account).undo(record, "bob")], killed=(0, 5)), account.turns)
    account.turns = None
    account.container().ledger.pause("bob", "a bad day")
    account.later(minutes=5)
    account.container().maintain()
    assert not account.is_unsafe()
    assert [each.status for each in account.records()] == ["failed"]
    account.container().ledger.resume("bob")
    account.container().engine.undo(record, "bob")
    assert account.is_unsafe()


def test_the_fix_of_a_dead_holder_counts_when_it_is_gone_on_with() -> None:
    account, limits = Memory(), Limits(fixes_per_minute=1)
    for bucket in ("one", "two"):
        account.set_acl(OPEN, bucket)
        die(account, account.event(bucket))
    account.later(minutes=5)
    account.container(limits=limits).maintain()
    assert sorted(str(each.status) for each in account.records()) == ["asking", "fixed"]
