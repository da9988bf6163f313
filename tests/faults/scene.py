"""Where a life of a finding happens: a world, an application on it, and what someone past all sessions sees there."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from chalicelib.aws.ledger_items import from_item
from chalicelib.aws.sessions import AwsSession, AwsSessions
from chalicelib.core.event import Event
from chalicelib.core.eventual import EVENTUAL
from chalicelib.core.settings import Settings
from chalicelib.core.types import UNDER_WAY, Mode, Status
from chalicelib.engine.context import is_gone
from chalicelib.wiring import Application
from tests.support.cases import Case, about
from tests.support.clients import Source
from tests.support.events import HOME, REGION, Envelope
from tests.support.quick_dynamodb import lay_ledger

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.core.record import Record
    from chalicelib.core.rule import Guardrail
    from chalicelib.notify.message import Message
    from chalicelib.notify.summary import Summary
    from tests.faults.wire import Call, Fault, Wire
    from tests.support.world import World

TABLE_NAME = "snapback-ledger"


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
class Scene:
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
    start: Any = None
    """The whole state before what the fault meets."""
    queue: list[Envelope] = field(default_factory=list)
    record: str = ""
    seen: dict[int, tuple[Any, str | None, bool]] = field(default_factory=dict)
    events: int = 1
    news: list[Any] = field(default_factory=list)
    """What the ledger's stream held when the scenario began."""
    chat: Chat = field(default_factory=Chat)
    second_looks: list[Any] = field(default_factory=list)
    """The events that come for a second look."""
    given_up: list[str] = field(default_factory=list)
    """The dead letters of what no channel took, or nobody could read."""
    broken: Exception | None = None
    """What the case itself raised when someone else was to do something; Snapback would take it for AWS's."""

    def begin(self) -> None:
        lay_ledger(self.container())
        self.envelope = plain(self.make(self.world))
        self.application = self.container()  # By the settings that the way of being unsafe may have made.
        self.resource = self.resource_of(self.envelope)
        self.original = self.whole()

    def handle(self, mode: Mode, envelope: Envelope | None = None) -> None:
        if mode is Mode.FIX and self.application.settings.mode is not mode:
            self.application = self.container()
        if mode is Mode.ASK:
            self.application = self.container(mode)
        self.application.engine.handle(Event.parse(envelope or self.envelope), [self.rule])

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
        application.sessions = AwsSessions(HOME, self.world.settings, _SOURCE, now=application.now)
        application.look_again = self.second_looks.append
        return application

    @property
    def is_late(self) -> bool:
        """Whether AWS says of the service that its reads may be late, and what it then answers is known."""
        return self.rule.service in EVENTUAL and bool(self.resource.gone)

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
        finally:
            self.wire.effects += 1  # A case may do it in moto, past the wire.

    def person(self) -> Any:
        others = AwsSessions(HOME, self.world.settings, _SOURCE).reader
        return AwsSession(_SOURCE, {}, HOME, self.resource.region, self.world.settings, readers=others)

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
            return plain(self.case.whole(self.world)), reason, False
        except Exception as error:
            if is_gone(self.resource, error):
                return None, None, True
            raise

    def records(self) -> list[Record]:
        """Those of findings."""
        return [record for record in self._records() if not record.cause]

    def unjudged(self) -> list[Record]:
        """Those of what could not be judged, as long as it can't."""
        return [record for record in self._records() if record.status is Status.UNJUDGED]

    def _records(self) -> list[Record]:
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


def plain(value: Any) -> Any:
    return json.loads(json.dumps(value, sort_keys=True, default=str))
