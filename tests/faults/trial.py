"""One life of one finding, with one fault in it, and what must hold at each moment of it."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from aws_lambda_powertools import Logger

from chalicelib.aws.ledger import TABLE, from_item
from chalicelib.aws.sessions import AwsSession, AwsSessions
from chalicelib.core.errors import CannotAct
from chalicelib.core.event import Event
from chalicelib.core.settings import Settings
from chalicelib.core.types import UNDER_WAY, UNDOABLE, Mode, Status
from chalicelib.engine.context import is_gone
from chalicelib.notify.message import is_sent
from chalicelib.notify.outbox import deliver
from chalicelib.wiring import Application
from tests.faults.wire import OTHERS, STALE, Call, Fault, Killed, Wire
from tests.support.cases import Case, about
from tests.support.clients import Source
from tests.support.events import HOME, REGION, Envelope

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.core.record import Record
    from chalicelib.core.rule import Guardrail
    from chalicelib.notify.message import Message
    from chalicelib.notify.routing import Summary
    from tests.support.world import World

TABLE_NAME = "snapback-ledger"
SCENARIOS = ("fix", "approve", "undo", "maintain", "notify")
RETRIES = (0, 1, 2)
"""Minutes between the deliveries of an event whose function fails, by Lambda's own hand."""
LOUD = frozenset({Status.FAILED, Status.STILL_UNSAFE, Status.ALERTED, Status.ASKING, Status.FIGHTING})
"""Nothing is claimed that isn't so: a person has been told that it is, or may be, unsafe."""


class Lost(AssertionError):
    """A promise was broken."""


@dataclass
class Chat:
    """A channel that takes everything."""

    name: str = "chat"
    messages: list[Message] = field(default_factory=list)

    def send(self, message: Message) -> None:
        self.messages.append(message)

    def sum_up(self, summary: Summary) -> None:
        raise NotImplementedError("no trial is a flood")


@dataclass
class Trial:
    """`rule` on a resource made unsafe by `make`; what `scenario` does is what the fault on the wire meets."""

    rule: Guardrail[Any]
    case: Case
    make: Callable[[World], Envelope]
    scenario: str
    wire: Wire
    world: World
    ends: Status = Status.FIXED
    """What an event comes to when nothing goes wrong: fixed, or alerted where there is nothing that a fix can do."""
    fault: Fault | None = None
    before: Any = None
    """What a fix found: what someone else may put back in the midst of it."""
    calls: list[Call] = field(default_factory=list)
    queue: list[Envelope] = field(default_factory=list)
    record: str = ""
    seen: dict[int, tuple[Any, str | None, bool]] = field(default_factory=dict)
    events: int = 1
    broken: Exception | None = None
    """What the case itself raised when someone else was to do something; Snapback would take it for AWS's."""

    def try_out(self) -> None:
        """Learn how it ends without a fault, and from which state."""
        self.begin()
        self.handle(Mode.FIX)
        if self.scenario == "approve" and self.one().status is Status.ASKING:  # As what can't be undone always does.
            self.application.engine.approve(self.one().id, "carol")
        self.ends, self.before = self.one().status, self.one().before
        self.seen.clear()

    def begin(self) -> None:
        spec = {**TABLE, "SSESpecification": {"Enabled": True}}
        spec["StreamSpecification"] = {**spec["StreamSpecification"], "StreamEnabled": True}
        _SOURCE.client("dynamodb").create_table(TableName=TABLE_NAME, **spec)
        self.envelope = _plain(self.make(self.world))
        self.application = self.container()
        self.resource = self.resource_of(self.envelope)
        self.original = self.whole()

    def run(self) -> None:
        """Raises Lost, and what Snapback raises where it has no business to."""
        self.begin()
        self.wire.clear(self.fault, remembers=self.fault is None or self.fault.kind in STALE)
        self.wire.someone = self.meddle
        getattr(self, f"prepare_{self.scenario}")()
        self.start = self.whole()
        self.wire.calls.clear()
        self.strive(getattr(self, self.scenario))
        if self.fault and not self.fault.kind.startswith("stale") and not self.wire.met:
            raise Lost("the fault was never met")
        if self.broken:
            raise Lost(f"the case can't do its part: {self.broken}")
        self.wire.fault, self.calls = None, list(self.wire.calls)
        if self.scenario == "notify":
            self.notify()
            return self.told_once()
        self.come_back()
        return self.judge()

    # What is done, and how it is delivered again

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

    def prepare_tend(self) -> None:
        """A function died as it was about to write."""
        with patch.object(type(self.rule.fix), "write", side_effect=Killed), suppress(Killed):
            self.handle(Mode.FIX)
        self.record = self.one().id
        self.world.later(minutes=5)

    def prepare_notify(self) -> None:
        self.handle(Mode.FIX)
        self.news = _plain(self.stream())
        self.chat = Chat()

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
        answer = deliver(self.application, {"Records": self.news}, None)
        self.application.metrics.clear_metrics()
        if answer["batchItemFailures"]:
            raise RuntimeError("Lambda delivers them again")

    def handle(self, mode: Mode, envelope: Envelope | None = None) -> None:
        if mode is Mode.FIX and self.application.settings.mode is not mode:
            self.application = self.container()
        if mode is Mode.ASK:
            self.application = self.container(mode)
        self.application.engine.handle(Event.parse(envelope or self.envelope), [self.rule])

    def strive(self, act: Callable[[], None]) -> None:
        """Until it is done, three times at most. What is refused is told to the person who asked, who may try again."""
        for minutes in RETRIES:
            self.world.later(minutes=minutes)
            try:
                with self.wire.open():
                    act()
            except Killed:
                self.application = self.container()
            except CannotAct:
                if not self.wire.met or (self.fault and self.fault.kind in {*OTHERS, *STALE}):
                    break
            except Exception as error:  # noqa: BLE001 - whatever it is, Lambda delivers the event again
                self.error = error
            else:
                self.honest()
                return
            self.honest()
        if self.scenario == "fix":
            self.queue.append(self.envelope)

    def come_back(self) -> None:
        """What runs by the clock once the trouble is over, twice, and the events of those who meddled."""
        for _ in range(2):
            self.world.later(minutes=5)
            self.application = self.container()
            self.application.maintain()
            self.honest()
            if not self.under_way():
                break
        if self.fault and self.fault.kind == "remade" and self.scenario != "undo":
            again = _plain(self.envelope)
            self.world.later(minutes=5)
            again["detail"]["eventID"] = again["id"] = "33333333-0000-4000-8000-000000000001"
            again["detail"]["eventTime"] = again["time"] = self.world.clock.isoformat()
            self.events = 2
            self.handle(Mode.FIX, again)
            self.honest(last=True)

    # What must hold

    def honest(self, *, last: bool = False) -> None:
        """At any moment: what is claimed is so, and what is changed is on record."""
        records, meddled = self.records(), self.fault is not None and self.fault.kind in OTHERS
        if len({record.id for record in records}) > self.events:
            raise Lost(f"{len(records)} records for {self.events} event")
        states = {record.status for record in records}
        if not meddled and self.whole() != self.start:
            unchanged = {"undo": {Status.FIXED}, "approve": {Status.ASKING}}.get(self.scenario, set())
            if not states or states <= unchanged | {Status.ALERTED}:
                raise Lost(f"it was changed, and the ledger says {states or 'nothing'}")
        if self.unsafe() and Status.FIXED in states and not (meddled and self.fault and self.fault.kind == "remade"):
            raise Lost("fixed, says the ledger, and it is unsafe")
        if last and self.unsafe() and not states & LOUD:
            raise Lost(f"someone did it again, and {states} is all that was made of it")

    def judge(self) -> None:
        """In the end, when all that could go wrong has."""
        record = next(iter(sorted(self.records(), key=lambda record: record.seen_at)), None)
        if record and (missing := self.untold(record)):
            raise Lost(f"{missing} was not told")
        self.nothing_is_locked()
        getattr(self, f"judge_{'undo' if self.scenario == 'undo' else 'fix'}")(record)

    def judge_fix(self, record: Record | None) -> None:
        kind = self.fault.kind if self.fault else ""
        if self.unsafe() and not (record and record.status in LOUD) and not self.queue:
            raise Lost(f"unsafe, and nobody knows: {record and record.status}")
        if self.queue and not self.gone:
            self.handle(Mode.FIX)
            record = self.one()
        if self.scenario == "approve" and record and record.status is Status.ASKING and not self.gone:
            with suppress(CannotAct):
                self.application.engine.approve(record.id, "carol")
            self.application.engine.approve(record.id, "carol") if self.one().status is Status.ASKING else None
            record = self.one()
        if kind == "removed" and (self.gone or (record and record.status is Status.GONE)):
            return
        if record is None:
            raise Lost("nothing is on record")
        loud = self.unsafe() and record.status in LOUD and self.scenario != "fix"
        if self.events == 1 and record.status is not self.ends and not loud:
            safe = "unsafe" if self.unsafe() else "safe"
            raise Lost(f"it is {safe}, and the ledger says {record.status}: {record.error or record.history[-1].note}")
        if record.reversible and self.rule.fix:
            self.judge_way_back(record, kind)

    def judge_way_back(self, record: Record, kind: str) -> None:
        """After a fix."""
        if kind not in OTHERS and record.status in UNDOABLE:
            self.application.engine.undo(record.id, "bob", force=record.status is not Status.FIXED)
            if self.whole() != self.original:
                raise Lost("undone, but not as it was")
        if kind == "disturbed":
            self.application.engine.undo(record.id, "bob")

    def judge_undo(self, record: Record | None) -> None:
        assert record is not None
        if self.gone:
            return
        if record.status is not Status.UNDONE:
            if record.status not in UNDOABLE:
                raise Lost(f"an undo ended as {record.status}")
            self.application.engine.undo(record.id, "bob", force=record.status is Status.FAILED)
            record = self.one()
        if record.status is not Status.UNDONE:
            raise Lost(f"an undo ended as {record.status}")
        if not (self.fault and self.fault.kind in OTHERS) and self.whole() != self.original:
            raise Lost("undone, but not as it was")

    def nothing_is_locked(self) -> None:
        if under_way := self.under_way():
            raise Lost(f"left as {under_way[0].status} for good")
        now = self.world.clock.timestamp()
        for item in self.items():
            if float(item.get("lease_until", {}).get("N", 0)) >= now:
                raise Lost(f"{item['pk']['S']} is still locked")

    def untold(self, record: Record) -> str:
        """The last status that nobody was told of, if there is one."""
        news = [from_item(image) for image in self.images()]
        said = {(each.id, each.status) for each in news if is_sent(each)}
        return "" if record.status in UNDER_WAY or (record.id, record.status) in said else record.status

    def told_once(self) -> None:
        """Each step that is to be told is, in order; again only where its mark was not written, and with the same id."""
        wanted = [f"{record.id}-{len(record.history)}" for record in map(from_item, self.images()) if is_sent(record)]
        said = [message.id for message in self.chat.messages]
        if list(dict.fromkeys(said)) != wanted:
            raise Lost(f"{wanted} was to be told, and {said} was")
        if len(said) > len(wanted) + self.wire.met:
            raise Lost(f"{wanted} was told as {said}")

    # The world

    def container(self, mode: Mode = Mode.FIX) -> Application:
        settings = {name: getattr(self.world.settings, name) for name in Settings.__struct_fields__}
        modes = {"mode": mode, "guardrails": {self.rule.id: mode}}
        application = Application(
            HOME,
            settings=Settings(**(settings | modes)),
            now=lambda: self.world.clock,
            sleep=self.world.pauses.append,
            table=TABLE_NAME,
            logger=_QUIET,
        )
        application.sessions = AwsSessions(HOME, self.world.settings, _SOURCE)
        return application

    def meddle(self, kind: str) -> None:
        assert self.rule.fix is not None
        try:
            if kind == "removed":
                assert self.case.remove
                self.case.remove(self.world)
            elif kind == "disturbed":
                assert self.case.disturb
                self.case.disturb(self.world)
            else:
                self.rule.fix.write(self.resource, self.before, self.person())
        except Exception as error:
            self.broken = error
            raise

    def person(self) -> Any:
        return AwsSession(_SOURCE, {}, HOME, self.resource.region, self.world.settings)

    def resource_of(self, envelope: Envelope) -> Any:
        reader = AwsSession(_SOURCE, {}, HOME, REGION, self.world.settings)
        (resource,) = about(self.rule, envelope, reader)
        return resource

    def whole(self) -> Any:
        return self.now()[0]

    def unsafe(self) -> str | None:
        return self.now()[1]

    @property
    def gone(self) -> bool:
        return self.now()[2]

    def now(self) -> tuple[Any, str | None, bool]:
        """The whole state, why it is unsafe, and whether it is gone. Looked at again after each write, by anyone."""
        if self.wire.effects not in self.seen:
            self.seen[self.wire.effects] = self.reader()
        return self.seen[self.wire.effects]

    def reader(self) -> tuple[Any, str | None, bool]:
        try:
            reason = self.rule(self.resource, self.person())
            return _plain(self.case.whole(self.world)), reason, False
        except Exception as error:
            if is_gone(self.resource, error):
                return None, None, True
            raise

    def records(self) -> list[Record]:
        return [from_item(item) for item in self.items() if item["pk"]["S"].startswith("record#")]

    def under_way(self) -> list[Record]:
        return [record for record in self.records() if record.status in UNDER_WAY]

    def one(self) -> Record:
        (record,) = self.records()
        return record

    def items(self) -> list[Any]:
        """All that is in the ledger's table, past all sessions."""
        return [item.to_json()["Attributes"] for item in self.table.items.values()]

    def stream(self) -> list[Any]:
        return [each.to_json() for each in self.table.stream_shard.items]

    @property
    def table(self) -> Any:
        from moto.dynamodb.models import dynamodb_backends

        return dynamodb_backends[HOME][REGION].tables[TABLE_NAME]

    def images(self) -> list[Any]:
        """The records that went by in the ledger's stream."""
        changes = (each["dynamodb"].get("NewImage") for each in self.stream())
        return [image for image in changes if image and image["pk"]["S"].startswith("record#")]


_SOURCE: Any = Source(REGION)
_QUIET = Logger(service="snapback", level="CRITICAL")


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, sort_keys=True, default=str))
