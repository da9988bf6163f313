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
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.aws.ledger_conditions import number, string
from chalicelib.aws.ledger_table import FILLED, INDEX, batch_get, key_of
from chalicelib.core.types import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from chalicelib.aws.ledger_table import LedgerTable

SHARDS = 4
_AT_ONCE = 100
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
        self, status: Status, when: str = "", values: Mapping[str, Any] | None = None, **more: Any
    ) -> Iterator[Mapping[str, Any]]:
        """Records of a status, the latest first; `when` is about `updated_at`, and a filter about `lease_until`.

        Of what is no record by its key, and says that it has a status, only the key is answered.
        """
        shards = (self._rows(f"{status}#{n}", when, values, **more) for n in range(SHARDS))
        rows = heapq.merge(*shards, key=itemgetter("updated_at"), reverse=True)
        while some := [string(row, "pk") for row in islice(rows, _AT_ONCE)]:
            found: dict[str, Any] = {key: {"pk": {"S": key}, "status": {"S": status}} for key in some}
            records = [key for row in found.values() if (key := key_of(row, "record"))]
            found |= dict.fromkeys(records) | (batch_get(self._db.client, self._db.name, records) if records else {})
            yield from (found[key] for key in some if string(found[key], "status") == status)

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
                for row in self._rows(f"{status}#{n}", "", None):
                    if key := key_of(row, "record"):
                        yield key.removeprefix("record#")

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

    def _rows(self, shard: str, when: str, values: Mapping[str, Any] | None, **more: Any) -> Iterator[dict[str, Any]]:
        for page in self._db.query(INDEX, "status_shard", shard, when, values, ScanIndexForward=False, **more):
            for row in page["Items"]:
                yield {"pk": row["pk"], "updated_at": string(row, "updated_at")}
