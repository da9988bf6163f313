"""Is Snapback well, and what waits for a person?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.canary import SILENT, Sign, last_sign
from chalicelib.core.types import UNDER_WAY, having
from chalicelib.notify.held import waiting

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from chalicelib.wiring import Application

WAITING = tuple(sorted(having("needs_person")))
"""Records that wait for a person."""


@dataclass(frozen=True, slots=True)
class Health:
    """`paused` says who paused all writes, and `overdue` counts those under way whose function died.

    `held` are how many messages wait for each channel, and why it takes none, or ''. `dead_letters` and `failed_messages` are None where it isn't known which queues hold them.
    """

    paused: str
    records: dict[str, int]
    under_way: int
    overdue: int
    held: dict[str, tuple[int, str]]
    dead_letters: int | None
    failed_messages: int | None
    sign: Sign
    now: datetime

    @property
    def silent(self) -> bool:
        """Whether canaries were sent, and none has been answered for too long."""
        heard = self.sign.answered_at or self.sign.sent_at
        return heard is not None and self.now - heard > SILENT

    @property
    def unknown(self) -> list[str]:
        """What could not be found out."""
        parts = {
            "dead_letters": self.dead_letters is None,
            "failed_messages": self.failed_messages is None,
            "canary": self.sign.answered_at is None and not self.silent,
        }
        return [name for name, missing in parts.items() if missing]

    @property
    def problem(self) -> bool:
        failing = any(why for _, why in self.held.values())
        waiting = any((*self.records.values(), self.overdue, failing, self.dead_letters, self.failed_messages))
        return bool(waiting or self.paused or self.silent or self.sign.trouble)

    def to_json(self) -> dict[str, Any]:
        return {
            "well": not self.problem and not self.unknown,
            "unknown": self.unknown,
            "paused": self.paused,
            **self.records,
            "under_way": self.under_way,
            "overdue": self.overdue,
            "held": {name: {"messages": held, "why": why} for name, (held, why) in self.held.items()},
            "dead_letters": self.dead_letters,
            "failed_messages": self.failed_messages,
            "canary": {
                "sent_at": self.sign.sent_at and self.sign.sent_at.isoformat(),
                "answered_at": self.sign.answered_at and self.sign.answered_at.isoformat(),
                "silent": self.silent,
            },
            "settings": self.sign.trouble,
        }


def health(application: Application, dead_letters: str, failed_messages: str) -> Health:
    """The queues are given by their URLs, or as '' where they aren't known. Raises NoLedger, NoQueue, and what boto3 does."""
    from snapback.dlq import Queue

    paused = application.ledger.paused()
    now = application.now()
    count: Callable[..., int] = application.ledger.count
    late = {"values": {":now": {"N": str(now.timestamp())}}, "FilterExpression": "lease_until < :now"}
    return Health(
        paused=paused,
        records={status.value: count(status) for status in WAITING},
        under_way=sum(count(status) for status in UNDER_WAY),
        overdue=sum(count(status, **late) for status in UNDER_WAY),
        held=waiting(application.dynamodb, application.table),
        dead_letters=Queue(dead_letters).counts()[0] if dead_letters else None,
        failed_messages=Queue(failed_messages).counts()[0] if failed_messages else None,
        sign=last_sign(application.dynamodb, application.table),
        now=now,
    )
