"""Finds records by their status, and held messages by their channel: the table's index `by-status-shard`.

An item's `status_shard` is its status and a number of its own, so that a flood of one status is not one partition's.
The index holds keys only: what is found is read from the table, as it is by then. docs/scale.md has the arithmetic.

Items of a version before have no `status_shard`. `act` fills them in, by the former index, which the release after this
one no longer has: CloudFormation makes or deletes one index an update.
"""

from __future__ import annotations

import heapq
import zlib
from datetime import timedelta
from itertools import chain, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.aws.ledger_conditions import number, string
from chalicelib.aws.ledger_table import FILLED, INDEX, batch_get, key_of
from chalicelib.core.types import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from chalicelib.aws.ledger_table import LedgerTable

SHARDS = 4
AT_ONCE = 100
"""As many keys as BatchGetItem takes."""
_LOOKED = timedelta(days=1)
"""How long it is believed that no item lacks its shard: a rollback writes such items again."""


def shard_of(status: str, id: str) -> str:
    return f"{status}#{zlib.crc32(id.encode()) % SHARDS}"


class LedgerIndex:
    """Raises NoLedger when the table is missing."""

    def __init__(self, db: LedgerTable) -> None:
        self._db = db

    def items(
        self,
        statuses: Iterable[Status],
        when: str = "",
        values: Mapping[str, Any] | None = None,
        each: Callable[..., Iterable[Any]] = map,
        **more: Any,
    ) -> Iterator[Mapping[str, Any]]:
        """Records of these statuses, the latest first; `when` is about `updated_at`, and a filter about `lease_until`.

        Of what is no record by its key, and says that it has a status, only the key is answered. `each` reads the first
        page of each shard, as `map` does, or a pool's.
        """
        shards = [self._rows(status, n, when, values, **more) for status in statuses for n in range(SHARDS)]
        firsts = each(lambda rows: next(rows, None), shards)
        begun = [chain([first], shard) for first, shard in zip(firsts, shards, strict=True) if first is not None]
        rows = heapq.merge(*begun, key=itemgetter("updated_at"), reverse=True)
        while some := list(islice(rows, AT_ONCE)):
            found: dict[str, Any] = {
                row["key"]: {"pk": {"S": row["key"]}, "status": {"S": row["status"]}} for row in some
            }
            records = [key for row in found.values() if (key := key_of(row, "record"))]
            found |= dict.fromkeys(records) | (batch_get(self._db.client, self._db.name, records) if records else {})
            yield from (item for row in some if string(item := found[row["key"]], "status") == row["status"])

    def count(self, status: Status, values: Mapping[str, Any] | None = None, **more: Any) -> int:
        """How many records have a status; the index may be some moments late."""
        pages = (
            page
            for n in range(SHARDS)
            for page in self._db.query(INDEX, "status_shard", f"{status}#{n}", "", values, Select="COUNT", **more)
        )
        return sum(page["Count"] for page in pages)

    def ids(self) -> Iterator[str]:
        """The ids of all records, in no order: only the index is read."""
        for status in Status:
            for n in range(SHARDS):
                for row in self._rows(status, n, "", None):
                    if row["key"].startswith("record#"):
                        yield row["key"].removeprefix("record#")

    def fill(self, now: datetime, goes_on: Callable[[], bool], failed: Callable[[Exception], None]) -> int:
        """Give items of a version before their shard, while time allows; answers how many got one, or failed to.

        Open records come first. `failed` hears of each item that can't be written; the others go on. Once a whole pass
        finds none, it isn't looked again for a day.
        """
        if number(self._db.item(FILLED), "filled_at") > (now - _LOOKED).timestamp():
            return 0
        channels = (self._db.item("outbox") or {}).get("channels", {}).get("SS", [])
        statuses = sorted(Status, key=lambda status: not status.traits.needs_person and not status.traits.under_way)
        filled = 0
        for status in (*statuses, *(f"held#{channel}" for channel in channels)):
            lacking = "attribute_not_exists(status_shard)"
            for page in self._db.query("by-status", "status", status, FilterExpression=lacking):
                for item in page["Items"]:
                    if not goes_on():
                        return filled
                    kind = "message" if status.startswith("held#") else "record"
                    if not (key := key_of(item, kind)):
                        continue
                    try:
                        filled += self._fill(key, status)
                    except (ClientError, BotoCoreError) as error:
                        filled += 1
                        failed(error)
        if not filled:
            self._db.put({"pk": {"S": FILLED}, "filled_at": {"N": str(now.timestamp())}})
        return filled

    def _fill(self, key: str, status: str) -> bool:
        """Unless somebody moved it on, which gave it a shard."""
        shard = shard_of(status, key.removeprefix("record#")) if key.startswith("record#") else status
        return self._db.patiently(
            lambda: self._db.update(
                key,
                "SET status_shard = :shard",
                "attribute_not_exists(status_shard) AND #status = :status",
                names={"#status": "status"},
                values={":shard": {"S": shard}, ":status": {"S": status}},
            )
        )

    def _rows(
        self, status: str, shard: int, when: str, values: Mapping[str, Any] | None, **more: Any
    ) -> Iterator[dict[str, str]]:
        of_shard = f"{status}#{shard}"
        for page in self._db.query(INDEX, "status_shard", of_shard, when, values, ScanIndexForward=False, **more):
            for row in page["Items"]:
                yield {"key": string(row, "pk"), "status": status, "updated_at": string(row, "updated_at")}
