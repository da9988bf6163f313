"""Events of our own for others to hook on: source `snapback`, detail type `Snapback Finding` (docs/finding-event.md)."""

from __future__ import annotations

import json
from collections import OrderedDict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from chalicelib.analysis.secrets import redact
from chalicelib.analysis.text import cut, plain
from chalicelib.core.partitions import partition

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chalicelib.exports.base import ExportedStep

SOURCE, DETAIL_TYPE = "snapback", "Snapback Finding"
"""No rule of ours is for this source, so that what we tell never comes back to us as something to look at."""
ENTRIES = 10
"""Of one PutEvents; together they may have 1 MB, and one of ours has 20 KB at most.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
"""
_REMEMBERED = 10_000
_TOLD = (
    "id",
    "record",
    "step",
    "at",
    "status",
    "news",
    "mode",
    "guardrail",
    "title",
    "severity",
    "headline",
    "resource",
    "account",
    "region",
    "event",
    "reason",
    "actor",
    "changes",
    "changed",
    "did",
    "commands",
)
"""Of a message. Its links are action tokens for the people of a channel."""


class Bus:
    name = "bus"

    def __init__(self, client: Any, bus: str) -> None:
        self._client, self._bus = client, bus
        self._there: OrderedDict[str, None] = OrderedDict()
        """The ids of the events that this container has put, the latest: Lambda delivers what another sink refused again."""

    def send(self, steps: Sequence[ExportedStep]) -> Mapping[str, str]:
        """After a call of which not all is taken, none is made: what would be sent then comes again anyway."""
        left = [step for step in steps if step.message.id not in self._there]
        while left:
            some = left[:ENTRIES]
            answer = self._client.put_events(Entries=[entry(step, self._bus) for step in some])
            refused: dict[str, str] = {}
            for step, said in zip(some, answer["Entries"], strict=True):
                if code := said.get("ErrorCode"):
                    refused[step.number] = code
                else:
                    self._remember(step.message.id)
            if refused:
                return refused | dict.fromkeys((step.number for step in left[ENTRIES:]), "not sent yet")
            left = left[ENTRIES:]
        return {}

    def _remember(self, id: str) -> None:
        self._there[id] = None
        if len(self._there) > _REMEMBERED:
            self._there.popitem(last=False)


def entry(step: ExportedStep, bus: str) -> dict[str, Any]:
    return {
        "Source": SOURCE,
        "DetailType": DETAIL_TYPE,
        "EventBusName": bus,
        "Time": datetime.fromisoformat(step.message.at),
        "Resources": [step.message.resource],
        "Detail": json.dumps(detail(step)),
    }


def detail(step: ExportedStep) -> dict[str, Any]:
    """What docs/finding-event.schema.json describes: a message, with what tools want besides."""
    record = step.record
    return {
        "version": 1,
        **{name: getattr(step.message, name) for name in _TOLD},
        "partition": partition(record.region),
        "controls": list(step.rule.controls) if step.rule else [],
        "calls": list(record.calls),
        "found_by": record.found_by,
        "tags": {cut(plain(key), 128): cut(plain(redact(value)), 256) for key, value in record.tags.items()},
    }
