"""A ledger in memory, as far as reports need one: for tests of thousands of findings. It keeps the port's promises.

tests/aws/test_causes.py holds its causes and DynamoDB's to the same answers.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chalicelib.aws.causes import MOST_CAUSES, MOST_OWN, is_worse
from chalicelib.core.errors import StepRefused
from chalicelib.core.ports import OTHERS, Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

    from chalicelib.core.record import Record
    from chalicelib.core.types import Severity


class MemoryCauses:
    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._standing: dict[tuple[str, str], Standing] = {}
        self._rooms: defaultdict[tuple[str, str, str], set[str]] = defaultdict(set)
        self.writes = 0

    def get(self, service: str, cause: str) -> Standing | None:
        standing = self._standing.get((service, cause))
        if standing and standing.exempt_until and standing.exempt_until <= self._now():
            return standing._replace(exempt_until=None)
        return standing

    def begin(self, service: str, cause: str, record: str, arn: str, severity: Severity) -> Standing:
        standing = self.get(service, cause)
        if standing and (standing.exempt_until or not is_worse(severity, standing)):
            return standing
        if cause != OTHERS and not self._has_room(service, "causes", record, MOST_CAUSES - 1):
            raise StepRefused("capped", record)
        return self._set(service, cause, record=record, arn=arn, severity=severity)

    def has_room(self, service: str, record: str) -> bool:
        return self._has_room(service, "own", record, MOST_OWN)

    def count(self, service: str, cause: str, times: int, actions: Collection[str], arns: Collection[str] = ()) -> None:
        was = self._standing.get((service, cause), Standing("", ""))
        self._set(
            service,
            cause,
            times=was.times + times,
            counted_at=self._now().replace(microsecond=0),
            actions=tuple(sorted({*was.actions, *actions})),
            arns=tuple(sorted({*was.arns, *arns})),
        )

    def end(self, service: str, cause: str, record: str) -> None:
        if (standing := self.get(service, cause)) and standing.record == record:
            self._set(service, cause, record="", arn="", severity=None, times=0, counted_at=None, actions=(), arns=())

    def exempt(self, service: str, cause: str, until: datetime) -> None:
        self._set(service, cause, exempt_until=until)

    def _has_room(self, service: str, what: str, record: str, most: int) -> bool:
        ids = self._rooms[service, what, f"{self._now():%Y-%m-%d}"]
        if len(ids) < most:
            ids.add(record)
        return record in ids

    def _set(self, service: str, cause: str, **changed: Any) -> Standing:
        self.writes += 1
        standing = self._standing.get((service, cause), Standing("", ""))._replace(**changed)
        self._standing[service, cause] = standing
        return self.get(service, cause) or standing


class MemoryLedger:
    """`opened` are the records, in order."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.causes = MemoryCauses(now)
        self._records: dict[str, Record] = {}

    @property
    def opened(self) -> list[Record]:
        return list(self._records.values())

    def open(self, record: Record, *_: Any) -> Record:
        if record.id in self._records:
            raise StepRefused("duplicate", record.id)
        self._records[record.id] = replace(record, holder="holder")
        return self._records[record.id]

    def get(self, id: str) -> Record | None:
        return self._records.get(id)

    def paused(self) -> str:
        return ""
