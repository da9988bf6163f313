"""One switch for all writes: an item of the ledger's table."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.aws.ledger_conditions import string

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from chalicelib.aws.ledger_table import LedgerTable

PAUSE_KEPT = timedelta(seconds=30)
"""How old the answer may be to whether all writes are paused."""


class PauseSwitch:
    def __init__(self, db: LedgerTable, now: Callable[[], datetime]) -> None:
        self._db, self._now = db, now
        self._pause: tuple[datetime, str] | None = None

    def paused(self) -> str:
        now = self._now()
        if self._pause is None or not now - PAUSE_KEPT < self._pause[0] <= now:
            item = self._db.item("pause") or {}
            self._pause = (now, string(item, "paused"))
        return self._pause[1]

    def pause(self, by: str, why: str) -> None:
        """Pause all writes by every function within PAUSE_KEPT, until `resume`."""
        said = f"paused by {by} at {self._now().isoformat(timespec='seconds')}: {why}"
        self._db.client.put_item(TableName=self._db.name, Item={"pk": {"S": "pause"}, "paused": {"S": said}})
        self._pause = None

    def resume(self, by: str) -> None:
        """The opposite of `pause`; who did it stays on the item."""
        said = f"resumed by {by} at {self._now().isoformat(timespec='seconds')}"
        self._db.client.put_item(TableName=self._db.name, Item={"pk": {"S": "pause"}, "resumed": {"S": said}})
        self._pause = None
