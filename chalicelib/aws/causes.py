"""Why something can't be judged: an item a cause in the ledger's table, `unjudged#<service>.<cause>`.

Items of a day, `unjudged#<service>.causes#<day>` and `unjudged#<service>.own#<day>`, hold the ids of the records for it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.aws.ledger_conditions import number, string
from chalicelib.core.errors import StepRefused
from chalicelib.core.ports import OTHERS, Standing
from chalicelib.core.types import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from chalicelib.aws.ledger_table import LedgerTable

MOST_CAUSES, MOST_OWN = 77, 20
"""Of a service and day: records that stand for a cause, the last of them for all others; and records beside those.

With a record for each worse severity of all the others these are a hundred.
"""
_RANKS = tuple(Severity)
_KEPT = timedelta(days=400)
_COUNTED = timedelta(days=2)


class DynamoCauses:
    """Implements core.ports.Causes. Raises NoLedger when the table is missing, and what boto3 does."""

    def __init__(self, table: LedgerTable, now: Callable[[], datetime]) -> None:
        self._db, self._now = table, now
        self._full: dict[str, frozenset[str]] = {}

    def begin(self, service: str, cause: str, record: str, arn: str, severity: Severity) -> Standing:
        standing = self.get(service, cause)
        if standing and (standing.exempt_until or not is_worse(severity, standing)):
            return standing
        if cause != OTHERS and not self._has_room(service, "causes", record, MOST_CAUSES - 1):
            raise StepRefused("capped", record)
        try:
            begun = self._update(
                service,
                cause,
                "SET #record = :record, arn = :arn, severity = :severity, expires_at = :expires_at",
                {
                    ":record": {"S": record},
                    ":arn": {"S": arn},
                    ":severity": {"N": str(_RANKS.index(severity))},
                    ":expires_at": _seconds(self._now() + _KEPT),
                },
                ConditionExpression="attribute_not_exists(#record) OR attribute_not_exists(severity) OR severity < :severity",
            )
        # Another function has just written a record for this cause.
        except self._db.client.exceptions.ConditionalCheckFailedException:
            return self.get(service, cause) or Standing(record, arn, severity)
        return _standing(begun, self._now())

    def has_room(self, service: str, record: str) -> bool:
        return self._has_room(service, "own", record, MOST_OWN)

    def count(self, service: str, cause: str, times: int, actions: Collection[str], arns: Collection[str] = ()) -> None:
        values = {":times": {"N": str(times)}, ":at": _seconds(self._now()), ":actions": {"SS": sorted(actions)}}
        if arns:
            values[":arns"] = {"SS": sorted(arns)}
        named = ", arns :arns" if arns else ""
        self._update(service, cause, f"ADD times :times, actions :actions{named} SET counted_at = :at", values)

    def get(self, service: str, cause: str) -> Standing | None:
        item = self._db.item(_key(service, cause))
        return _standing(item, self._now()) if item else None

    def end(self, service: str, cause: str, record: str) -> None:
        try:
            self._update(
                service,
                cause,
                "REMOVE #record, arn, severity, times, counted_at, actions, arns",
                {":record": {"S": record}},
                ConditionExpression="#record = :record",
            )
        except self._db.client.exceptions.ConditionalCheckFailedException:
            return  # Another record stands for this cause now.

    def exempt(self, service: str, cause: str, until: datetime) -> None:
        values = {":until": _seconds(until), ":expires_at": _seconds(self._now() + _KEPT)}
        self._update(service, cause, "SET exempt_until = :until, expires_at = :expires_at", values)

    def _has_room(self, service: str, what: str, record: str, most: int) -> bool:
        """Whether a record is one of today's first, asked however often. A full item is read once, and costs no write."""
        key = f"{_key(service, what)}#{self._now():%Y-%m-%d}"
        if key not in self._full:
            values = {
                ":ids": {"SS": [record]},
                ":id": {"S": record},
                ":most": {"N": str(most)},
                ":expires_at": _seconds(self._now() + _COUNTED),
            }
            room = "attribute_not_exists(#ids) OR size(#ids) < :most OR contains(#ids, :id)"
            change = "ADD #ids :ids SET expires_at = :expires_at"
            if self._db.update(key, change, room, names={"#ids": "ids"}, values=values):
                return True
            full = (self._db.item(key) or {}).get("ids", {}).get("SS", ())
            today = {name: ids for name, ids in self._full.items() if name.endswith(key[-10:])}
            self._full = {**today, key: frozenset(full)}
        return record in self._full[key]

    def _update(self, service: str, cause: str, update: str, values: Mapping[str, Any], **more: Any) -> Any:
        if "#record" in update:
            more["ExpressionAttributeNames"] = {"#record": "record"}
        return self._db.client.update_item(
            TableName=self._db.name,
            Key={"pk": {"S": _key(service, cause)}},
            UpdateExpression=update,
            ExpressionAttributeValues=dict(values),
            ReturnValues="ALL_NEW",
            **more,
        ).get("Attributes", {})


def is_worse(severity: Severity, standing: Standing) -> bool:
    """Whether a record of this severity is to stand for a cause instead."""
    return not standing.record or standing.severity is None or _RANKS.index(severity) > _RANKS.index(standing.severity)


def _key(service: str, cause: str) -> str:
    return f"unjudged#{service}.{cause}"


def _standing(item: Mapping[str, Any], now: datetime) -> Standing:
    exempt, counted = number(item, "exempt_until"), number(item, "counted_at")
    return Standing(
        record=string(item, "record"),
        arn=string(item, "arn"),
        severity=_RANKS[int(number(item, "severity"))] if "severity" in item else None,
        exempt_until=datetime.fromtimestamp(exempt, UTC) if exempt > now.timestamp() else None,
        times=int(number(item, "times")),
        counted_at=datetime.fromtimestamp(counted, UTC) if counted else None,
        actions=tuple(sorted(item.get("actions", {}).get("SS", ()))),
        arns=tuple(sorted(item.get("arns", {}).get("SS", ()))),
    )


def _seconds(at: datetime) -> dict[str, str]:
    return {"N": str(int(at.timestamp()))}
