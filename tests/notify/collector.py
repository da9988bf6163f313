"""Channels that answer as a test says, and Lambda's event source mapping before them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from chalicelib.aws.ledger_items import to_item
from chalicelib.aws.overflow_store import Spill
from chalicelib.core.errors import ChannelBusy
from chalicelib.core.settings import Route, SlackSettings
from chalicelib.core.types import Status
from chalicelib.notify.drain import drain
from chalicelib.notify.outbox import deliver
from tests.notify.test_message import record_of
from tests.support.events import HOME, REGION

if TYPE_CHECKING:
    from chalicelib.core.record import Record
    from chalicelib.notify.message import Message
    from chalicelib.notify.summary import Summary
    from chalicelib.wiring import Application
    from tests.support.world import World


GUARDRAIL = "s3.bucket_acl_made_public"
SECRET = "correct horse battery staple"
TRANSIENT = [ChannelBusy("channel x answered 503"), ChannelBusy("channel x answered 429", 3)]


@dataclass
class Collector:
    """A channel that answers from a list, then takes everything; who is told directly stands behind an `@`."""

    name: str
    answers: list[Exception | None] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    summaries: list[Summary] = field(default_factory=list)
    received: list[str] = field(default_factory=list)
    tries: int = 0

    def _answer(self) -> None:
        self.tries += 1
        if answer := self.answers.pop(0) if self.answers else None:
            raise answer

    def send(self, message: Message) -> None:
        self._answer()
        self.messages.append(message)
        self.received.append(message.id)

    def sum_up(self, summary: Summary) -> None:
        self._answer()
        self.summaries.append(summary)
        self.received += summary.messages

    def send_direct(self, message: Message, email: str) -> None:
        self._answer()
        self.received.append(f"{message.id}@{email}")


@dataclass
class Lambda:
    """The event source mapping, which delivers again from the lowest number that failed, and the clock of the drain."""

    application: Application
    world: World
    items: list[Any]
    answers: list[list[str]] = field(default_factory=list)
    dead_letters: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.application.give_up = lambda dead_letter: self.dead_letters.append(json.loads(dead_letter))

    def once(self) -> list[str]:
        self.application.metrics.clear_metrics()  # Where metrics are disabled, a flush doesn't.
        with self.world.running("notify"):
            failed = deliver(self.application, {"Records": self.items}, None)["batchItemFailures"]
        numbers = [each["itemIdentifier"] for each in failed]
        self.answers.append(numbers)
        self.items = [item for item in self.items if numbers and int(sequence_number(item)) >= min(map(int, numbers))]
        return numbers

    def minutes(self, number: int = 1, each: int = 1) -> None:
        """So many pass, with a drain at the end of each, or of several."""
        for _ in range(0, number, each):
            self.world.later(minutes=each)
            self.application.metrics.clear_metrics()
            with self.world.running("notify"):
                drain(self.application)

    @property
    def held(self) -> list[str]:
        found = self.world.client("dynamodb").scan(TableName="snapback-ledger")["Items"]
        return sorted(item["pk"]["S"] for item in found if item.get("state", {}).get("S") == "held")


def sequence_number(item: Any) -> str:
    return str(item["dynamodb"]["SequenceNumber"])


def item(number: int, new: Record | None, old: Record | None = None) -> dict[str, Any]:
    """A stream record in its true shape."""
    images = {"NewImage": new, "OldImage": old}
    return {
        "eventID": f"{number:032x}",
        "eventName": "INSERT" if old is None else "MODIFY" if new else "REMOVE",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": REGION,
        "dynamodb": {
            "ApproximateCreationDateTime": 1795514400.0,
            "Keys": {"pk": {"S": f"record#{(new or old or record_of(Status.ALERTED)).id}"}},
            **{name: to_item(record) for name, record in images.items() if record},
            "SequenceNumber": f"{number}00000000000000000000",
            "SizeBytes": 500,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        "eventSourceARN": f"arn:aws:dynamodb:{REGION}:{HOME}:table/snapback-ledger/stream/2026-11-23T00:00:00.000",
    }


POISONS = {"actor": "TypeError", "status": "ValueError", "history": "JSONDecodeError", "overflow": "NoSuchKey"}
"""What makes a record unreadable, and the error that it comes to."""


def poisoned(bad: Any, how: str, app: Application, world: World) -> Any:
    """A stream item that this version can't read: its record lacks something, is a later version's, or its states are gone."""
    image = bad["dynamodb"]["NewImage"]
    if how == "overflow":
        client = world.client("s3")
        client.create_bucket(Bucket="spill")
        app.ledger._spill = Spill(lambda: client, "spill")
        image["spilt"] = {"S": f"records/{image['id']['S']}/{'0' * 64}.json"}
    elif how == "history":
        image["history"]["L"][-1] = {"S": "{"}
    elif how == "status":
        image["status"] = {"S": "of a later version"}
    else:
        del image[how]
    return bad


def alerts(*names: str) -> list[dict[str, Any]]:
    return [item(number, record_of(Status.ALERTED, id=name)) for number, name in enumerate(names, 1)]


def chain(app: Application) -> list[Collector]:
    """ops → mail → the alarm topic."""
    app.settings = replace(
        app.settings,
        channels=(
            SlackSettings(name="ops", url="ssm:/x", fallback="mail"),
            SlackSettings(name="mail", url="ssm:/x"),
        ),
        routes=(Route(channels=("ops",)),),
    )
    ops, mail, topic = Collector("ops"), Collector("mail"), Collector("alarm-topic")
    app.channels, app.last_resort = [ops, mail], topic
    return [ops, mail, topic]
