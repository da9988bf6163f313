"""Whoever acts at the same time, and in whatever order their calls to AWS come: one effect, one record that tells it.

Each scenario is run under every schedule with at most so many preemptions: the real engine and ledger on a table in
memory, and with fewer of them on moto. `SNAPBACK_SCHEDULES=all` runs one preemption more on both.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.errors import CannotAct, Refused
from chalicelib.core.settings import Limits
from chalicelib.core.types import UNDER_WAY, Mode
from chalicelib.fixes.s3.close_bucket_acl import is_public
from tests.delivery.account import Account, Memory, moto_account
from tests.delivery.memory import EVERYONE, SIGNED_IN, acl
from tests.delivery.turns import Killed, Plan, Turns, every_schedule
from tests.support.events import REGION, Envelope

if TYPE_CHECKING:
    from chalicelib.core.record import Record

MORE = os.environ.get("SNAPBACK_SCHEDULES") == "all"
OPEN, CLOSED, MENDED = acl(EVERYONE), acl(), acl("http://acs.amazonaws.com/groups/s3/LogDelivery", permission="WRITE")
LAMBDAS = (1, 2)
"""Minutes that Lambda waits before it calls a function that failed again."""
NEXT: dict[str, set[str]] = {
    "": {"alerted", "asking", "fixing", "fighting"},
    "asking": {"asking", "fixing", "expired", "gone"},
    "fixing": {"fixing", "asking", "fixed", "still_unsafe", "failed", "gone", "expired"},
    "failed": {"fixing", "undoing"},
    "fixed": {"undoing"},
    "still_unsafe": {"undoing"},
    "undoing": {"undoing", "undone", "failed", "gone"},
}
"""Which step may follow which."""
TOLD = {"asking", "alerted", "fighting", "failed", "still_unsafe", "undone"}
"""A person knows that it is unsafe, or wants it so."""


@dataclass
class Act:
    """One of those who act at once. Lambda calls a function that raises again; a person who is told no may not."""

    do: Callable[[], Any]
    again: bool = True
    retry: Callable[[], Any] | None = None
    """What is done again, if not all of it."""


@dataclass
class Scene:
    """What there is before they act, all of them, and what must hold once all is quiet."""

    here: Account
    acts: list[Act] = field(default_factory=list)
    effects: set[int] = frozenset({1})  # type: ignore[assignment]
    """How many writes of Snapback's may have changed the bucket."""
    idle: int = 0
    """How many may have changed nothing, as of a holder that was taken for dead."""
    or_killed: set[tuple[str, ...]] = frozenset()  # type: ignore[assignment]
    """How it may end besides when one of them is killed."""
    ends: set[tuple[str, ...]] = field(default_factory=lambda: {("fixed",)})
    """The statuses of the records in the end, sorted."""
    unsafe: set[bool] = frozenset({False})  # type: ignore[assignment]
    killed: tuple[int, int] | None = None
    """Which job's process ends, and before which of its calls."""

    def deliver(self, event: Envelope, mode: Mode = Mode.FIX, **settings: Any) -> Act:
        return Act(lambda: self.here.deliver(event, mode, **settings))

    def approve(self, record: str, by: str) -> Act:
        return Act(lambda: self.here.container().engine.approve(record, by), again=False)

    def undo(self, record: str, by: str) -> Act:
        return Act(lambda: self.here.container().engine.undo(record, by), again=False)

    def maintain(self) -> Act:
        return Act(lambda: self.here.container().maintain())

    def later(self, **passed: float) -> Act:
        return self._in_turn(lambda: self.here.later(**passed))

    def then(self, *acts: Act) -> Act:
        return Act(lambda: [act.do() for act in acts][-1], again=acts[-1].again, retry=acts[-1].do)

    def person(self, value: Any) -> Act:
        return self._in_turn(lambda: self.here.set_acl(value))

    def _in_turn(self, do: Callable[[], None]) -> Act:
        def act() -> None:
            self.here.step()
            do()

        return Act(act)


Make = Callable[[Account], Scene]


# Who acts at once


def one_event_delivered_twice(here: Account) -> Scene:
    event = here.event()
    scene = Scene(here)
    scene.acts = [scene.deliver(event), scene.deliver(event)]
    return scene


def two_events_about_one_change(here: Account) -> Scene:
    scene = Scene(here)
    scene.acts = [scene.deliver(here.event()), scene.deliver(here.event())]
    scene.or_killed = {("fixed", "fixed")}
    return scene


def two_events_when_it_only_alerts(here: Account) -> Scene:
    scene = Scene(here, effects={0}, ends={("alerted",)}, unsafe={True})
    scene.acts = [scene.deliver(here.event(), Mode.ALERT), scene.deliver(here.event(), Mode.ALERT)]
    return scene


def a_late_duplicate_and_an_undo(here: Account) -> Scene:
    event = here.event()
    record = here.deliver(event).record
    scene = Scene(here, effects={2}, ends={("undone",)}, unsafe={True})
    scene.acts = [scene.undo(record, "bob"), scene.deliver(event)]
    scene.or_killed = {("fixed",)}
    return scene


def another_event_of_the_same_change_and_an_undo(here: Account) -> Scene:
    other = here.event()
    record = here.deliver(here.event()).record
    scene = Scene(here, effects={2}, ends={("undone",)}, unsafe={True})
    scene.acts = [scene.undo(record, "bob"), scene.deliver(other)]
    scene.or_killed = {("fixed",)}
    return scene


def two_undos(here: Account) -> Scene:
    record = here.deliver(here.event()).record
    scene = Scene(here, effects={2}, ends={("undone",)}, unsafe={True})
    scene.acts = [scene.undo(record, "bob"), scene.undo(record, "carol")]
    return scene


def a_delivery_and_an_approval(here: Account) -> Scene:
    record = here.deliver(here.event(), Mode.ASK).record
    here.later(seconds=30)
    here.set_acl(CLOSED)
    here.set_acl(OPEN)
    scene = Scene(here, ends={("fixed",), ("asking", "fixed"), ("expired", "fixed")})
    scene.acts = [scene.approve(record, "bob"), scene.deliver(here.event())]
    scene.or_killed = {("fixed", "fixed")}
    return scene


def two_approvals(here: Account) -> Scene:
    record = here.deliver(here.event(), Mode.ASK).record
    scene = Scene(here)
    scene.acts = [scene.approve(record, "bob"), scene.approve(record, "carol")]
    return scene


def two_approvals_of_two_records_of_one_bucket(here: Account) -> Scene:
    one = here.deliver(here.event(), Mode.ASK).record
    here.later(minutes=1)
    two = here.deliver(here.event(), Mode.ASK).record
    assert one != two
    scene = Scene(here, ends={("expired", "fixed"), ("asking", "fixed")})
    scene.acts = [scene.approve(one, "bob"), scene.approve(two, "carol")]
    scene.or_killed = {("fixed", "fixed")}
    return scene


def tend_and_a_holder_slower_than_its_lease(here: Account) -> Scene:
    scene = Scene(here, idle=1)
    scene.acts = [scene.deliver(here.event()), scene.then(scene.later(seconds=150), scene.maintain())]
    return scene


def another_delivery_and_a_holder_slower_than_its_lease(here: Account) -> Scene:
    event = here.event()
    scene = Scene(here, idle=1)
    scene.acts = [scene.deliver(event), scene.then(scene.later(seconds=150), scene.deliver(event))]
    return scene


def another_event_and_a_holder_slower_than_its_lease(here: Account) -> Scene:
    """Both say `fixed`: each may have been the one."""
    scene = Scene(here, idle=1, ends={("fixed",), ("fixed", "fixed")})
    scene.acts = [scene.deliver(here.event()), scene.then(scene.later(seconds=150), scene.deliver(here.event()))]
    return scene


def a_stop_in_between(here: Account) -> Scene:
    scene = Scene(here, effects={0, 1}, ends={("fixed",), ("asking",)}, unsafe={True, False})
    ledger = here.container().ledger
    scene.acts = [scene.deliver(here.event()), Act(lambda: ledger.pause("bob", "a bad day"))]
    scene.or_killed = {("failed",)}
    return scene


def someone_does_it_again_in_between(here: Account) -> Scene:
    """The write may come before the second change or after it; either way it is found."""
    scene = Scene(here, effects={1, 2}, ends={("fixed",), ("fixed", "fixed"), ("fixed", "still_unsafe")})
    scene.acts = [scene.deliver(here.event()), scene.then(scene.person(OPEN), scene.deliver(here.event()))]
    return scene


def someone_does_worse_in_between(here: Account) -> Scene:
    scene = someone_does_it_again_in_between(here)
    scene.acts[1] = scene.then(scene.person(acl(EVERYONE, SIGNED_IN)), scene.deliver(here.event()))
    return scene


def someone_mends_it_in_between(here: Account) -> Scene:
    scene = Scene(here, effects={0, 1}, idle=1, ends={(), ("fixed",)})
    scene.acts = [scene.deliver(here.event()), scene.person(CLOSED)]
    return scene


def someone_deletes_it_in_between(here: Account) -> Scene:
    scene = Scene(here, effects={0, 1}, ends={(), ("fixed",), ("gone",)})
    scene.acts = [scene.deliver(here.event()), scene.person(None)]
    return scene


def two_events_as_it_becomes_a_fight(here: Account) -> Scene:
    limits = Limits(fights=1)
    here.deliver(here.event(), limits=limits)
    here.later(minutes=1)
    here.set_acl(OPEN)
    scene = Scene(here, ends={("fighting", "fixed")}, unsafe={True})
    scene.acts = [scene.deliver(here.event(), limits=limits), scene.deliver(here.event(), limits=limits)]
    return scene


def two_buckets_and_one_fix_left_in_the_minute(here: Account) -> Scene:
    limits = Limits(fixes_per_minute=1)
    here.set_acl(OPEN, "app-data")
    scene = Scene(here, effects={1, 2}, ends={("asking", "fixed")}, unsafe={True, False})
    scene.acts = [scene.deliver(here.event(), limits=limits), scene.deliver(here.event("app-data"), limits=limits)]
    scene.or_killed = {("fixed", "fixed")}
    return scene


def two_who_tend_after_a_death(here: Account) -> Scene:
    die(here, here.event())
    scene = Scene(here)
    scene.acts = [scene.maintain(), scene.maintain()]
    return scene


def tend_and_an_undo_after_a_death(here: Account) -> Scene:
    """One function died before its write; another event had its fix; a person undoes that: it stays undone."""
    die(here, here.event())
    record = here.deliver(here.event()).record
    scene = Scene(here, effects={2}, ends={("fixed", "undone"), ("expired", "undone")}, unsafe={True})
    scene.acts = [scene.undo(record, "bob"), scene.maintain()]
    scene.or_killed = {("fixed", "fixed")}
    return scene


def an_undo_slower_than_its_lease_and_tend(here: Account) -> Scene:
    record = here.deliver(here.event()).record
    scene = Scene(here, effects={2}, idle=1, ends={("undone",)}, unsafe={True})
    scene.acts = [scene.undo(record, "bob"), scene.then(scene.later(seconds=150), scene.maintain())]
    scene.or_killed = {("fixed",)}
    return scene


def a_late_duplicate_once_it_was_done_again(here: Account) -> Scene:
    event = here.event()
    here.deliver(event)
    here.later(minutes=1)
    here.set_acl(OPEN)
    scene = Scene(here, effects={2}, ends={("fixed", "fixed")})
    scene.acts = [scene.deliver(event), scene.deliver(here.event())]
    scene.or_killed = {("fixed", "fixed", "fixed")}
    return scene


def die(here: Account, event: Envelope) -> None:
    """A function goes as it is about to write, and its lease runs out."""
    turns = here.turns = Turns(lambda ready, _: ready[0])
    run_killed(Scene(here, [Act(lambda: here.deliver(event))], killed=(0, 4)), turns)
    here.turns = None
    here.later(minutes=3)


MAKES: list[Make] = [
    one_event_delivered_twice,
    two_events_about_one_change,
    two_events_when_it_only_alerts,
    a_late_duplicate_and_an_undo,
    another_event_of_the_same_change_and_an_undo,
    two_undos,
    a_delivery_and_an_approval,
    two_approvals,
    two_approvals_of_two_records_of_one_bucket,
    tend_and_a_holder_slower_than_its_lease,
    another_delivery_and_a_holder_slower_than_its_lease,
    another_event_and_a_holder_slower_than_its_lease,
    a_stop_in_between,
    someone_does_it_again_in_between,
    someone_does_worse_in_between,
    someone_mends_it_in_between,
    someone_deletes_it_in_between,
    two_events_as_it_becomes_a_fight,
    two_buckets_and_one_fix_left_in_the_minute,
    two_who_tend_after_a_death,
    tend_and_an_undo_after_a_death,
    an_undo_slower_than_its_lease_and_tend,
    a_late_duplicate_once_it_was_done_again,
]


def three_deliveries_of_one_event(here: Account) -> Scene:
    scene = one_event_delivered_twice(here)
    scene.acts.append(scene.acts[0])
    return scene


def three_events_about_one_change(here: Account) -> Scene:
    scene = two_events_about_one_change(here)
    scene.acts.append(scene.deliver(here.event()))
    return scene


def a_delivery_an_approval_and_tend(here: Account) -> Scene:
    scene = a_delivery_and_an_approval(here)
    scene.acts.append(scene.maintain())
    return scene


THREE: list[Make] = [
    three_deliveries_of_one_event,
    three_events_about_one_change,
    a_delivery_an_approval_and_tend,
]


# How it is run


class Broken(AssertionError):
    """A promise did not hold under a schedule."""


def play(make: Make, here: Account, plan: Plan, killed: tuple[int, int] | None = None) -> Turns:
    """Run one schedule, and all that follows by itself. Raises Broken."""
    here.reset()
    here.set_acl(OPEN)
    here.later(seconds=1.5)
    scene = make(here)
    scene.killed = killed
    turns = here.turns = Turns(plan.choose)
    results = run_killed(scene, turns)
    here.turns = None
    try:
        try_again(scene, results)
        for _ in range(2):
            here.later(minutes=5)
            here.container().maintain()
        judge(scene)
    except Exception as error:
        told = [str(getattr(each, "status", None) or repr(each)) for each in results]
        records = [[f"{step.status} ({step.note})" for step in record.history] for record in here.records()]
        raise Broken(f"turns {turns.steps}, killed {killed}: {told}; {records}; {error!r}") from error
    return turns


def run_killed(scene: Scene, turns: Turns) -> list[Any]:
    if scene.killed is None:
        return turns.run([act.do for act in scene.acts])
    job, call = scene.killed
    step = turns.step

    def dying() -> None:
        step()
        if turns.steps and turns.steps[-1] == job and turns.steps.count(job) == call + 1:
            raise Killed

    turns.step = dying  # type: ignore[method-assign]
    return turns.run([act.do for act in scene.acts])


def try_again(scene: Scene, results: list[Any]) -> None:
    """Lambda calls a function that raised twice more, later; a person who is told to does as well. Raises the last."""
    waiting = list(results)
    for minutes in LAMBDAS:
        scene.here.later(minutes=minutes)
        for number, act in enumerate(scene.acts):
            if isinstance(waiting[number], BaseException) and (act.again or "try again" in str(waiting[number])):
                try:
                    waiting[number] = (act.retry or act.do)()
                except Exception as error:  # noqa: BLE001 - raised below, after the last delivery
                    waiting[number] = error
    for act, result in zip(scene.acts, waiting, strict=True):
        if isinstance(result, BaseException) and act.again:
            raise result
        if isinstance(result, BaseException) and not isinstance(result, CannotAct | Refused | Killed):
            raise result


def judge(scene: Scene) -> None:
    here, killed = scene.here, scene.killed is not None
    records = here.records()
    for record in records:
        judge_history(record)
        if record.before is not None and record.status not in {"asking", "alerted", "fighting", "gone"}:
            assert any(map(is_public, record.before["grants"])), "its `before` is our own doing"
    assert not [record for record in records if record.status in UNDER_WAY], "left under way"
    assert not here.locked(), "locked for good"
    assert not here.rewritten(), "history was lost"
    ends = tuple(sorted(str(record.status) for record in records))
    assert ends in scene.ends | (scene.or_killed if killed else set()), f"ended as {ends}"
    assert killed or here.is_unsafe() in scene.unsafe, f"unsafe: {here.is_unsafe()}"
    assert not here.is_unsafe() or {*ends} & TOLD, "unsafe and not told"
    effects = sum(one["Grants"] != two["Grants"] for _, one, two in here.writes)
    if effects not in scene.effects and not (killed and effects < max(scene.effects)):
        raise AssertionError(f"{effects} effects")
    idle = len(here.writes) - effects
    assert idle <= scene.idle + killed, f"{idle} writes that changed nothing"
    here.container().ledger.resume("bob")
    fixed = [record for record in records if record.status == "fixed"]
    if fixed and here.acl() is not None and not here.is_unsafe():
        here.container().engine.undo(fixed[-1].id, "dave")
        assert fixed[-1].before
        assert here.acl(fixed[-1].resource)["Grants"] == fixed[-1].before["grants"], "undone, but not as it was"


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


def all_hold(make: Make, here: Account, preemptions: int, killed: tuple[int, int] | None = None) -> tuple[int, bool]:
    """How many schedules there are, and whether any of them came to the call at which one is killed."""
    came = False

    def run(plan: Plan) -> None:
        nonlocal came
        turns = play(make, here, plan, killed)
        came = came or (killed is not None and turns.steps.count(killed[0]) > killed[1])

    return every_schedule(run, preemptions), came


@pytest.mark.parametrize("make", MAKES, ids=named)
def test_in_every_order_there_is_one_effect_and_one_record_that_tells_it(make: Make, record_property: Tell) -> None:
    count, _ = all_hold(make, Memory(), 2 + MORE)
    record_property("schedules", count)
    assert count >= 10


@pytest.mark.parametrize("make", MAKES, ids=named)
def test_and_with_one_of_them_killed_at_any_call(make: Make, record_property: Tell) -> None:
    here, schedules = Memory(), 0
    for job in range(2):
        came, call = True, 0
        while came:
            count, came = all_hold(make, here, 1 + MORE, (job, call))
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
    here, call = Memory(), 0
    outcomes = set()
    while call < 9:
        here.reset()
        here.set_acl(OPEN)
        record = here.deliver(here.event()).record
        undo = Scene(here).undo(record, "bob")
        here.turns = Turns(lambda ready, _: ready[0])
        run_killed(Scene(here, [undo], killed=(0, call)), here.turns)
        here.turns = None
        here.set_acl(MENDED)
        here.later(minutes=5)
        here.container().maintain()
        (left,) = here.records()
        assert here.acl() == MENDED or left.status == "undone"
        outcomes.add((str(left.status), here.acl() == MENDED))
        call += 1
    assert outcomes == {("fixed", True), ("failed", True), ("undone", True)}


def test_an_undo_that_died_waits_while_all_is_stopped() -> None:
    here = Memory()
    here.set_acl(OPEN)
    record = here.deliver(here.event()).record
    here.turns = Turns(lambda ready, _: ready[0])
    run_killed(Scene(here, [Scene(here).undo(record, "bob")], killed=(0, 4)), here.turns)
    here.turns = None
    here.container().ledger.pause("bob", "a bad day")
    here.later(minutes=5)
    here.container().maintain()
    assert not here.is_unsafe()
    assert [each.status for each in here.records()] == ["failed"]
    here.container().ledger.resume("bob")
    here.container().engine.undo(record, "bob")
    assert here.is_unsafe()


def test_the_fix_of_a_dead_holder_counts_when_it_is_gone_on_with() -> None:
    here, limits = Memory(), Limits(fixes_per_minute=1)
    for bucket in ("one", "two"):
        here.set_acl(OPEN, bucket)
        die(here, here.event(bucket))
    here.later(minutes=5)
    here.container(limits=limits).maintain()
    assert sorted(str(each.status) for each in here.records()) == ["asking", "fixed"]
