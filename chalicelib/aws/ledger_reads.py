"""The ledger's records, as they are read: nothing is believed that doesn't fit its key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.aws.ledger_conditions import string
from chalicelib.aws.ledger_index import AT_ONCE, LedgerIndex
from chalicelib.aws.ledger_items import from_item
from chalicelib.aws.overflow_store import SPILL_VARIABLE
from chalicelib.core.errors import NoOverflow, UnreadableRecord
from chalicelib.core.record import STATES
from chalicelib.core.types import UNDER_WAY, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from chalicelib.aws.ledger_table import LedgerTable
    from chalicelib.aws.overflow_store import Spill
    from chalicelib.core.record import Record

FIXED_KEPT = 20
"""How many records a lock remembers whose fixes wrote its document."""


class StoredRecords:
    """Each method but `fill_index` is a read. `unreadable` hears of items that a list leaves out; without it, they are raised."""

    def __init__(
        self,
        db: LedgerTable,
        now: Callable[[], datetime],
        spill: Spill | None,
        unreadable: Callable[[UnreadableRecord], None] | None,
    ) -> None:
        self._db, self._now, self._spill, self._unreadable = db, now, spill, unreadable
        self._index = LedgerIndex(db)
        self.count, self.ids = self._index.count, self._index.ids

    def fill_index(self, goes_on: Callable[[], bool], failed: Callable[[Exception], None]) -> int:
        """The one write here: see LedgerIndex.fill."""
        return self._index.fill(self._now(), goes_on, failed)

    def fixed(self, document: str) -> list[str]:
        lock = self._db.item(f"lock#{document}") or {}
        return [each for n in range(1, FIXED_KEPT + 1) if (each := string(lock, f"fixed_{n}"))]

    def get(self, id: str) -> Record | None:
        item = self._db.item(f"record#{id}")
        return self.load(item) if item else None

    def last_of(self, slot: str) -> Record | None:
        """The latest record of a slot, by its key: a guard may not query the index."""
        return self.former(string(self._db.item(f"slot#{slot}"), "record"))

    def former(self, id: str) -> Record | None:
        """The record that a slot names. A guard may read none of an early version, whose id names no service."""
        return self.known(id) if "." in id else None

    def known(self, id: str) -> Record | None:
        """A record that others lean on: one that can't be read is left out, and `unreadable` hears of it."""
        item = self._db.item(f"record#{id}")
        return next(self._loaded([item] if item else []), None)

    def load(self, item: Mapping[str, Any]) -> Record:
        """A record from DynamoDB's typed JSON, as in the table and in its stream, with the states that were spilt.

        Raises UnreadableRecord, and NoOverflow.
        """
        record, spilt = from_item(item), string(item, "spilt")
        if not spilt:
            return record
        if self._spill is None:
            raise NoOverflow(f"record {record.id} is over 400 KB and in the spill bucket; set {SPILL_VARIABLE}")
        states = self._spill.get(record.id, spilt)
        return from_item({**item, **{name: states[name] for name in STATES if name in states}})

    def undo_begun(self, record: Record) -> bool:
        """Whether who may began this undo, of these states. What holds a record may write `undoing` into it, forged."""
        return string(self._db.item(f"undo#{record.id}"), "seal") == record.undo_seal

    def overdue(self) -> Iterator[Record]:
        """Records under way whose holder is past its lease: it died, and someone should go on with them."""
        for status in sorted(UNDER_WAY):
            yield from self._loaded(
                self._index.items(
                    [status],
                    FilterExpression="lease_until < :now",
                    values={":now": {"N": str(self._now().timestamp())}},
                )
            )

    def asked_before(self, time: datetime) -> Iterator[Record]:
        """Records that wait for an approval, and of which no message went out since then."""
        before = {":before": {"S": time.isoformat(timespec="milliseconds")}}
        yield from self._loaded(self._index.items([Status.ASKING], " AND updated_at <= :before", before))

    def records(self, *statuses: Status, until: str = "", each: Callable[..., Iterable[Any]] = map) -> Iterator[Record]:
        """Records of these statuses, or all, the latest first; `until` is a time that a record has as `touched`."""
        when, values = (" AND updated_at <= :until", {":until": {"S": until}}) if until else ("", None)
        yield from self._loaded(self._index.items(statuses or Status, when, values, each, Limit=AT_ONCE))

    def _loaded(self, items: Iterable[Mapping[str, Any]]) -> Iterator[Record]:
        for item in items:
            try:
                record = self.load(item)
            except (UnreadableRecord, NoOverflow, ClientError, BotoCoreError) as error:
                self._leave_out(item, error)
            else:
                yield record

    def _leave_out(self, item: Mapping[str, Any], error: Exception) -> None:
        if self._unreadable is None:
            raise error
        if not isinstance(error, UnreadableRecord):  # The overflow bucket failed; it may work again later.
            error = UnreadableRecord(f"item {string(item, 'pk')!r}: its states can't be read now: {error}")
        self._unreadable(error)
