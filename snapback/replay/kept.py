"""Events that a replay keeps, however many: in memory while they are few, else in temporary files that only we can read."""

from __future__ import annotations

import heapq
import os
import tempfile
import weakref
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import IO, TYPE_CHECKING, Any, NamedTuple, cast

import msgspec

from snapback.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DAWN = datetime(1, 1, 1, tzinfo=UTC)
"""The time of what tells none."""
IN_MEMORY = 64 << 20
"""Bytes of events that are sorted at once."""
_BLOCK = 256 << 10
"""Bytes that are written and read at once."""
_RUNS = 64
"""Sorted files that are merged at once."""
_OVERHEAD = 300
"""Bytes that an event takes in memory beside its JSON."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event as it was recorded: `recorded` from a bare CloudTrail record, or else as an envelope.

    `where` is its file, line and place in the line's records.

    The envelope is kept as JSON: a year of events fits in memory so, and not as objects.
    """

    raw: bytes
    time: datetime
    where: str
    recorded: bool

    @property
    def envelope(self) -> dict[str, Any]:
        return cast("dict[str, Any]", msgspec.json.decode(self.raw))


class Row(NamedTuple):
    """An event and its place in an order: microseconds since `DAWN`, and a number that no other has."""

    at: int
    number: int
    raw: bytes
    where: str
    recorded: bool
    time: int

    @property
    def entry(self) -> Entry:
        return Entry(self.raw, DAWN + timedelta(microseconds=self.time), self.where, self.recorded)


def row_of(entry: Entry, number: int, at: datetime | None = None) -> Row:
    """Its place is by its own time, or by `at`."""
    time = (entry.time - DAWN) // timedelta(microseconds=1)
    place = time if at is None else (at - DAWN) // timedelta(microseconds=1)
    return Row(place, number, entry.raw, entry.where, entry.recorded, time)


class Rows:
    """Rows in the order in which they were added; they may be read as often as one likes. Raises Refused for a full disk."""

    _decoder = msgspec.msgpack.Decoder(list[Row])

    def __init__(self) -> None:
        self._latest: list[Row] = []
        self._bytes = 0
        self._file: IO[bytes] | None = None
        self._blocks: list[tuple[int, int]] = []
        self.count = 0

    def add(self, row: Row) -> None:
        self._latest.append(row)
        self._bytes += len(row.raw) + _OVERHEAD
        self.count += 1
        if self._bytes > _BLOCK:
            self._write()

    def _write(self) -> None:
        data = msgspec.msgpack.encode(self._latest)
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="snapback-")  # noqa: SIM115 - closed with this object
                weakref.finalize(self, self._file.close)
            place = self._file.seek(0, os.SEEK_END)
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            raise Refused(
                f"can't write to {tempfile.gettempdir()}, where the events wait: {error.strerror or error}; make room"
                " there, or set TMPDIR to another folder"
            ) from error
        self._blocks.append((place, len(data)))
        self._latest, self._bytes = [], 0

    def __iter__(self) -> Iterator[Row]:
        for place, size in self._blocks:
            assert self._file
            self._file.seek(place)
            yield from self._decoder.decode(self._file.read(size))
        yield from self._latest


class Sorted:
    """Rows by their places: sorted runs in files, merged when they are read."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._bytes = 0
        self._runs: list[Rows] = []

    def add(self, row: Row) -> None:
        self._rows.append(row)
        self._bytes += len(row.raw) + _OVERHEAD
        if self._bytes > IN_MEMORY:
            if len(self._runs) == _RUNS:
                self._runs = [_in_a_file(heapq.merge(*self._runs))]
            self._runs.append(_in_a_file(sorted(self._rows)))
            self._rows, self._bytes = [], 0

    def __iter__(self) -> Iterator[Row]:
        self._rows.sort()
        return heapq.merge(*self._runs, self._rows)


def _in_a_file(rows: Iterable[Row]) -> Rows:
    kept = Rows()
    for row in rows:
        kept.add(row)
    return kept


class Log:
    """The events of a replay in the order of their delivery, and by their own times."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._delivered = Rows()
        self.accounts: dict[str, int] = {}
        self.first: datetime | None = None
        """The earliest time of an event."""
        latest, late = DAWN, False
        for number, entry in enumerate(entries):
            self._delivered.add(row_of(entry, number))
            account = _account(entry.raw)
            self.accounts[account] = self.accounts.get(account, 0) + 1
            late = late or entry.time < latest
            latest = max(latest, entry.time)
            if entry.time != DAWN and (self.first is None or entry.time < self.first):
                self.first = entry.time
        self._late = late

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Log:
        return entries if isinstance(entries, Log) else cls(entries)

    @property
    def count(self) -> int:
        return self._delivered.count

    def __iter__(self) -> Iterator[Entry]:
        return (row.entry for row in self._delivered)

    def by_time(self) -> Iterator[Entry]:
        if not self._late:
            return iter(self)
        rows = Sorted()
        for row in self._delivered:
            rows.add(row)
        return (row.entry for row in rows)


class _Envelope(msgspec.Struct):
    account: Any = None


_envelopes = msgspec.json.Decoder(_Envelope)


def _account(raw: bytes) -> str:
    account = _envelopes.decode(raw).account
    return account if isinstance(account, str) else ""
