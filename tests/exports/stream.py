"""The ledger's stream as its second reader gets it, and Lambda's way with what it doesn't take."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from chalicelib import catalog
from chalicelib.aws.ledger_items import to_item
from chalicelib.core.types import ASIDE, Status
from chalicelib.exports.base import ExportedStep
from chalicelib.exports.deliver import deliver
from chalicelib.notify.message import message_of
from tests.support.events import HOME, REGION

if TYPE_CHECKING:
    from chalicelib.core.record import Record
    from chalicelib.wiring import Application


def item(number: int, new: Record | None, old: Record | None = None) -> dict[str, Any]:
    """A stream record in its true shape."""
    images = {"NewImage": new, "OldImage": old}
    record = new or old
    assert record is not None
    return {
        "eventID": f"{number:032x}",
        "eventName": "INSERT" if old is None else "MODIFY" if new else "REMOVE",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": REGION,
        "dynamodb": {
            "ApproximateCreationDateTime": 1795514400.0,
            "Keys": {"pk": {"S": f"record#{record.id}"}},
            **{name: to_item(record) for name, record in images.items() if record},
            "SequenceNumber": f"{number}00000000000000000000",
            "SizeBytes": 500,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        "eventSourceARN": f"arn:aws:dynamodb:{REGION}:{HOME}:table/snapback-ledger/stream/2026-11-23T00:00:00.000",
    }


def life(record: Record, number: int = 1) -> list[dict[str, Any]]:
    """The items that a record's steps left, one each."""
    items: list[dict[str, Any]] = []
    before = None
    for count in range(1, len(record.history) + 1):
        kept = [each.status for each in record.history[:count] if each.status not in ASIDE]
        now = replace(record, history=record.history[:count], status=Status(kept[-1]))
        items.append(item(number, now, before))
        before, number = now, number + 1
    return items


def step_of(record: Record, number: str = "1") -> ExportedStep:
    return ExportedStep(number, record, message_of(record), catalog.rule(record.guardrail))


@dataclass
class Lambda:
    """The event source mapping: it delivers again from the lowest sequence number that failed."""

    application: Application
    items: list[Any]

    def once(self) -> list[str]:
        self.application.metrics.clear_metrics()  # Where metrics are disabled, a flush doesn't.
        answer = deliver(self.application, {"Records": self.items}, None, catalog.rule)
        numbers = [each["itemIdentifier"] for each in answer["batchItemFailures"]]
        self.items = [each for each in self.items if numbers and int(_number(each)) >= min(map(int, numbers))]
        return numbers


def _number(each: Any) -> str:
    return str(each["dynamodb"]["SequenceNumber"])
