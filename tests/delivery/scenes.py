"""Who acts at once: two or three lambdas, people and other writers, on one account."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chalicelib.core.settings import Limits
from chalicelib.core.types import Mode
from tests.delivery.account import Account
from tests.delivery.memory import EVERYONE, SIGNED_IN, acl
from tests.delivery.turns import Killed, Turns

if TYPE_CHECKING:
    from tests.support.events import Envelope

OPEN, CLOSED, MENDED = acl(EVERYONE), acl(), acl("http://acs.amazonaws.com/groups/s3/LogDelivery", permission="WRITE")


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

    account: Account
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
        return Act(lambda: self.account.deliver(event, mode, **settings))

    def approve(self, record: str, by: str) -> Act:
        return Act(lambda: self.account.container().engine.approve(record, by), again=False)

    def undo(self, record: str, by: str) -> Act:
        return Act(lambda: self.account.container().engine.undo(record, by), again=False)

    def maintain(self) -> Act:
        return Act(lambda: self.account.container().maintain())

    def later(self, **passed: float) -> Act:
        return self._in_turn(lambda: self.account.later(**passed))

    def then(self, *acts: Act) -> Act:
        return Act(lambda: [act.do() for act in acts][-1], again=acts[-1].again, retry=acts[-1].do)

    def person(self, value: Any) -> Act:
        return self._in_turn(lambda: self.account.set_acl(value))

    def _in_turn(self, do: Callable[[], None]) -> Act:
        def act() -> None:
            self.account.step()
            do()

        return Act(act)


Make = Callable[[Account], Scene]


def one_event_delivered_twice(account: Account) -> Scene:
    event = account.event()
    scene = Scene(account)
    scene.acts = [scene.deliver(event), scene.deliver(event)]
    return scene


def two_events_about_one_change(account: Account) -> Scene:
    scene = Scene(account)
    scene.acts = [scene.deliver(account.event()), scene.deliver(account.event())]
    scene.or_killed = {("fixed", "fixed")}
    return scene


def two_events_when_it_only_alerts(account: Account) -> Scene:
    scene = Scene(account, effects={0}, ends={("alerted",)}, unsafe={True})
    scene.acts = [scene.deliver(account.event(), Mode.ALERT), scene.deliver(account.event(), Mode.ALERT)]
    return scene


def a_late_duplicate_and_an_undo(account: Account) -> Scene:
    event = account.event()
    record = account.deliver(event).record
    scene = Scene(account, effects={2}, ends={("undone",)}, unsafe={True})
    scene.acts = [scene.undo(record, "bob"), scene.deliver(event)]
    scene.or_killed = {("fixed",)}
    return scene


def another_event_of_the_same_change_and_an_undo(account: Account) -> Scene:
    other = account.event()
    record = account.deliver(account.event()).record
    scene = Scene(account, effects={2}, ends={("undone",)}, unsafe={True})
    scene.acts = [scene.undo(record, "bob"), scene.deliver(other)]
    scene.or_killed = {("fixed",)}
    return scene


def two_undos(account: Account) -> Scene:
    record = account.deliver(account.event()).record
    scene = Scene(account, effects={2}, ends={("undone",)}, unsafe={True})
    scene.acts = [scene.undo(record, "bob"), scene.undo(record, "carol")]
    return scene


def a_delivery_and_an_approval(account: Account) -> Scene:
    record = account.deliver(account.event(), Mode.ASK).record
    account.later(seconds=30)
    account.set_acl(CLOSED)
    account.set_acl(OPEN)
    scene = Scene(account, ends={("fixed",), ("asking", "fixed"), ("expired", "fixed")})
    scene.acts = [scene.approve(record, "bob"), scene.deliver(account.event())]
    scene.or_killed = {("fixed", "fixed")}
    return scene


def two_approvals(account: Account) -> Scene:
    record = account.deliver(account.event(), Mode.ASK).record
    scene = Scene(account)
    scene.acts = [scene.approve(record, "bob"), scene.approve(record, "carol")]
    return scene


def two_approvals_of_two_records_of_one_bucket(account: Account) -> Scene:
    one = account.deliver(account.event(), Mode.ASK).record
    account.later(minutes=1)
    two = account.deliver(account.event(), Mode.ASK).record
    assert one != two
    scene = Scene(account, ends={("expired", "fixed"), ("asking", "fixed")})
    scene.acts = [scene.approve(one, "bob"), scene.approve(two, "carol")]
    scene.or_killed = {("fixed", "fixed")}
    return scene


def maintain_and_a_holder_slower_than_its_lease(account: Account) -> Scene:
    scene = Scene(account, idle=1)
    scene.acts = [scene.deliver(account.event()), scene.then(scene.later(seconds=150), scene.maintain())]
    return scene


def another_delivery_and_a_holder_slower_than_its_lease(account: Account) -> Scene:
    event = account.event()
    scene = Scene(account, idle=1)
    scene.acts = [scene.deliver(event), scene.then(scene.later(seconds=150), scene.deliver(event))]
    return scene


def another_event_and_a_holder_slower_than_its_lease(account: Account) -> Scene:
    """Both say `fixed`, since each may have been the one, or the slower saw that nothing is left to fix."""
    scene = Scene(account, idle=1, ends={("fixed",), ("fixed", "fixed"), ("expired", "fixed")})
    scene.acts = [scene.deliver(account.event()), scene.then(scene.later(seconds=150), scene.deliver(account.event()))]
    return scene


def a_pause_in_between(account: Account) -> Scene:
    scene = Scene(account, effects={0, 1}, ends={("fixed",), ("asking",)}, unsafe={True, False})
    ledger = account.container().ledger
    scene.acts = [scene.deliver(account.event()), Act(lambda: ledger.pause("bob", "a bad day"))]
    scene.or_killed = {("failed",)}
    return scene


def someone_does_it_again_in_between(account: Account) -> Scene:
    """The write may come before the second change or after it; either way it is found."""
    scene = Scene(account, effects={1, 2}, ends={("fixed",), ("fixed", "fixed"), ("fixed", "still_unsafe")})
    scene.acts = [scene.deliver(account.event()), scene.then(scene.person(OPEN), scene.deliver(account.event()))]
    return scene


def someone_does_worse_in_between(account: Account) -> Scene:
    scene = someone_does_it_again_in_between(account)
    scene.acts[1] = scene.then(scene.person(acl(EVERYONE, SIGNED_IN)), scene.deliver(account.event()))
    return scene


def someone_mends_it_in_between(account: Account) -> Scene:
    scene = Scene(account, effects={0, 1}, idle=1, ends={(), ("expired",), ("fixed",)})
    scene.acts = [scene.deliver(account.event()), scene.person(CLOSED)]
    return scene


def someone_deletes_it_in_between(account: Account) -> Scene:
    scene = Scene(account, effects={0, 1}, ends={(), ("fixed",), ("gone",)})
    scene.acts = [scene.deliver(account.event()), scene.person(None)]
    return scene


def two_events_as_it_becomes_a_fight(account: Account) -> Scene:
    limits = Limits(fights=1)
    account.deliver(account.event(), limits=limits)
    account.later(minutes=1)
    account.set_acl(OPEN)
    scene = Scene(account, ends={("fighting", "fixed")}, unsafe={True})
    scene.acts = [scene.deliver(account.event(), limits=limits), scene.deliver(account.event(), limits=limits)]
    return scene


def two_buckets_and_one_fix_left_in_the_minute(account: Account) -> Scene:
    limits = Limits(fixes_per_minute=1)
    account.set_acl(OPEN, "app-data")
    scene = Scene(account, effects={1, 2}, ends={("asking", "fixed")}, unsafe={True, False})
    scene.acts = [
        scene.deliver(account.event(), limits=limits),
        scene.deliver(account.event("app-data"), limits=limits),
    ]
    scene.or_killed = {("fixed", "fixed")}
    return scene


def two_who_maintain_after_a_death(account: Account) -> Scene:
    die(account, account.event())
    scene = Scene(account)
    scene.acts = [scene.maintain(), scene.maintain()]
    return scene


def maintain_and_an_undo_after_a_death(account: Account) -> Scene:
    """One function died before its write; another event had its fix; a person undoes that: it stays undone."""
    die(account, account.event())
    record = account.deliver(account.event()).record
    scene = Scene(
        account,
        effects={2},
        ends={("fixed", "undone"), ("expired", "undone"), ("still_unsafe", "undone")},
        unsafe={True},
    )
    scene.acts = [scene.undo(record, "bob"), scene.maintain()]
    scene.or_killed = {("fixed", "fixed")}
    return scene


def an_undo_slower_than_its_lease_and_maintain(account: Account) -> Scene:
    record = account.deliver(account.event()).record
    scene = Scene(account, effects={2}, idle=1, ends={("undone",)}, unsafe={True})
    scene.acts = [scene.undo(record, "bob"), scene.then(scene.later(seconds=150), scene.maintain())]
    scene.or_killed = {("fixed",)}
    return scene


def a_late_duplicate_once_it_was_done_again(account: Account) -> Scene:
    event = account.event()
    account.deliver(event)
    account.later(minutes=1)
    account.set_acl(OPEN)
    scene = Scene(account, effects={2}, ends={("fixed", "fixed")})
    scene.acts = [scene.deliver(event), scene.deliver(account.event())]
    scene.or_killed = {("fixed", "fixed", "fixed")}
    return scene


def die(account: Account, event: Envelope) -> None:
    """A function goes as it is about to write, and its lease runs out."""
    turns = account.turns = Turns(lambda ready, _: ready[0])
    run_killed(Scene(account, [Act(lambda: account.deliver(event))], killed=(0, 4)), turns)
    account.turns = None
    account.later(minutes=3)


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
    maintain_and_a_holder_slower_than_its_lease,
    another_delivery_and_a_holder_slower_than_its_lease,
    another_event_and_a_holder_slower_than_its_lease,
    a_pause_in_between,
    someone_does_it_again_in_between,
    someone_does_worse_in_between,
    someone_mends_it_in_between,
    someone_deletes_it_in_between,
    two_events_as_it_becomes_a_fight,
    two_buckets_and_one_fix_left_in_the_minute,
    two_who_maintain_after_a_death,
    maintain_and_an_undo_after_a_death,
    an_undo_slower_than_its_lease_and_maintain,
    a_late_duplicate_once_it_was_done_again,
]


def three_deliveries_of_one_event(account: Account) -> Scene:
    scene = one_event_delivered_twice(account)
    scene.acts.append(scene.acts[0])
    return scene


def three_events_about_one_change(account: Account) -> Scene:
    scene = two_events_about_one_change(account)
    scene.acts.append(scene.deliver(account.event()))
    return scene


def a_delivery_an_approval_and_maintain(account: Account) -> Scene:
    scene = a_delivery_and_an_approval(account)
    scene.acts.append(scene.maintain())
    return scene


THREE: list[Make] = [
    three_deliveries_of_one_event,
    three_events_about_one_change,
    a_delivery_an_approval_and_maintain,
]


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
