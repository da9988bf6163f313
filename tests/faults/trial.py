"""One life of one finding, with one fault in it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from chalicelib.core.errors import CannotAct
from chalicelib.core.event import Event
from chalicelib.core.types import Mode, Status
from chalicelib.notify.outbox import deliver
from tests.faults.promises import Lost, honest, judge, told_once
from tests.faults.scene import Scene, plain
from tests.faults.wire import OTHERS, POISONED, STALE, Killed

if TYPE_CHECKING:
    from collections.abc import Callable

RETRIES = (0, 1, 2)
"""Minutes between the deliveries of an event whose function fails, by Lambda's own hand."""


class Trial(Scene):
    """What is done, and how it is delivered again."""

    def try_out(self) -> None:
        """Learn how it ends without a fault, and from which state."""
        self.begin()
        self.handle(Mode.FIX)
        if self.scenario == "approve" and self.one().status is Status.ASKING:  # As what can't be undone always does.
            self.application.engine.approve(self.one().id, "carol")
        self.ends, self.before = self.one().status, self.one().before
        self.seen.clear()

    def run(self) -> None:
        """Raises Lost, and what Snapback raises where it has no business to."""
        self.begin()
        self.wire.clear(self.fault, remembers=self.fault is None or self.fault.kind in STALE)
        self.wire.someone, self.wire.unseen = self.meddle, min(self.resource.gone, default="")
        prepare, act = SCENARIOS[self.scenario]
        prepare(self)
        self.start = self.whole()
        self.wire.calls.clear()
        self.strive(act)
        if self.fault and not self.fault.kind.startswith("stale") and not self.wire.met:
            raise Lost("the fault was never met")
        if self.broken:
            raise Lost(f"the case can't do its part: {self.broken}")
        self.wire.fault, self.calls = None, list(self.wire.calls)
        if self.scenario == "notify":
            self.notify()
            return told_once(self)
        self.come_back()
        return judge(self)

    def prepare_fix(self) -> None:
        pass

    def prepare_approve(self) -> None:
        self.handle(Mode.ASK)
        self.record = self.one().id

    def prepare_undo(self) -> None:
        with self.wire.open():
            fault, self.wire.fault = self.wire.fault, None
            self.handle(Mode.FIX)
            self.wire.fault = fault
        self.record = self.one().id
        self.world.later(minutes=5)

    def prepare_maintain(self) -> None:
        """A function died as it was about to write."""
        with patch.object(type(self.rule.fix), "write", side_effect=Killed), suppress(Killed):
            self.handle(Mode.FIX)
        self.record = self.one().id
        self.world.later(minutes=5)

    def prepare_notify(self) -> None:
        self.handle(Mode.FIX)
        self.news = plain(self.stream())

    def fix(self) -> None:
        self.handle(Mode.FIX)

    def approve(self) -> None:
        self.application.engine.approve(self.record, "carol")

    def undo(self) -> None:
        self.application.engine.undo(self.record, "bob")

    def maintain(self) -> None:
        self.application.maintain()

    def notify(self) -> None:
        self.application.channels = [self.chat]
        self.application.give_up = self.given_up.append
        items = self.news
        if self.fault and self.fault.kind == POISONED:
            self.wire.met += 1
            items = [each for good in self.news for each in (unreadable(good), good)]
        answer = deliver(self.application, {"Records": items}, None)
        self.application.metrics.clear_metrics()
        if answer["batchItemFailures"]:
            raise RuntimeError("Lambda delivers them again")

    def strive(self, act: Callable[[Trial], None]) -> None:
        """Until it is done, three times at most. What is refused is told to the person who asked, who may try again."""
        for minutes in RETRIES:
            self.world.later(minutes=minutes)
            try:
                with self.wire.open():
                    act(self)
            except Killed:
                self.application = self.container()
            except CannotAct:
                if self.fault and self.fault.passing:
                    raise
                if not self.wire.met or (self.fault and self.fault.kind in {*OTHERS, *STALE}):
                    break
            except Exception as error:  # whatever it is, Lambda delivers the event again
                if self.fault and self.fault.passing:
                    raise
                self.error = error
            else:
                honest(self)
                return
            honest(self)
        if self.scenario == "fix":
            self.queue.append(self.envelope)

    def come_back(self) -> None:
        """What runs by the clock once the trouble is over, twice, and the events of those who meddled."""
        self.world.later(minutes=1)
        for envelope in plain(self.second_looks):
            self.application.engine.handle(Event.parse(envelope), [self.rule])
            honest(self)
        for minutes in (4, 5):  # `maintain` runs every five minutes.
            self.world.later(minutes=minutes)
            self.application = self.container()
            self.application.maintain()
            honest(self)
            if not self.under_way():
                break
        if self.fault and self.fault.kind == "remade" and self.scenario != "undo":
            again = plain(self.envelope)
            self.world.later(minutes=5)
            again["detail"]["eventID"] = again["id"] = "33333333-0000-4000-8000-000000000001"
            again["detail"]["eventTime"] = again["time"] = self.world.clock.isoformat()
            self.events = 2
            self.handle(Mode.FIX, again)
            honest(self, last=True)


def unreadable(item: Any) -> Any:
    """An item of the stream as a later version may write it."""
    other = plain(item)
    other["dynamodb"]["NewImage"]["status"] = {"S": "of a later version"}
    return other


SCENARIOS: dict[str, tuple[Callable[[Trial], None], Callable[[Trial], None]]] = {
    "fix": (Trial.prepare_fix, Trial.fix),
    "approve": (Trial.prepare_approve, Trial.approve),
    "undo": (Trial.prepare_undo, Trial.undo),
    "maintain": (Trial.prepare_maintain, Trial.maintain),
    "notify": (Trial.prepare_notify, Trial.notify),
}
"""What comes before the fault, and what meets it."""
