"""One sweep that writes at a time: an item of the ledger's table, with a lease that ends if the process dies."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.aws.ledger_conditions import string

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chalicelib.wiring import Application

_KEY = {"pk": {"S": "sweep"}}
LEASE = timedelta(minutes=5)
"""Longer than a place takes; each place renews it."""
WAIT = 5.0


class SweepLock:
    def __init__(self, application: Application, holder: str) -> None:
        self._app, self._holder = application, holder

    @contextmanager
    def held(self, on_wait: Callable[[str], None]) -> Iterator[None]:
        """Wait until no other sweep holds it; `on_wait` hears once who does."""
        told = False
        while other := self._taken():
            if not told:
                on_wait(other)
            told = True
            self._app.sleep(WAIT)
        try:
            yield
        finally:
            self._let_go()

    def renew(self) -> None:
        self._taken()

    def _taken(self) -> str:
        """Take it or renew it; answers who has it instead, or ''."""
        now, client = self._app.now(), self._app.dynamodb
        values = {
            ":me": {"S": self._holder},
            ":now": {"N": str(now.timestamp())},
            ":until": {"N": str((now + LEASE).timestamp())},
        }
        try:
            client.update_item(
                TableName=self._app.table,
                Key=_KEY,
                UpdateExpression="SET holder = :me, lease_until = :until",
                ConditionExpression="attribute_not_exists(pk) OR holder = :me OR lease_until < :now",
                ExpressionAttributeValues=values,
            )
        except client.exceptions.ConditionalCheckFailedException:
            item = client.get_item(TableName=self._app.table, Key=_KEY, ConsistentRead=True).get("Item", {})
            return string(item, "holder") or "another sweep"
        return ""

    def _let_go(self) -> None:
        client = self._app.dynamodb
        try:
            client.delete_item(
                TableName=self._app.table,
                Key=_KEY,
                ConditionExpression="holder = :me",
                ExpressionAttributeValues={":me": {"S": self._holder}},
            )
        except client.exceptions.ConditionalCheckFailedException:
            return  # The lease ended, and another sweep has it.
