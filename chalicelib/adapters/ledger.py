"""The ledger on DynamoDB: one table, one conditional write a step.

Two kinds of item: `record#<id>`, a record; and `slot#<guardrail>#<arn>#<region>`, the lock and the exemption of one
guardrail on one resource. A step writes both in one transaction, so that neither can be true without the other.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.core.event import Actor
from chalicelib.core.ports import Refused
from chalicelib.core.record import UNDER_WAY, Record, Status, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

LEASE = timedelta(seconds=120)
"""How long a lock holds without its holder; longer than a function may run."""
KEPT = timedelta(days=400)

TABLE: dict[str, Any] = {
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "status", "AttributeType": "S"},
        {"AttributeName": "updated_at", "AttributeType": "S"},
    ],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by-status",
            "KeySchema": [
                {"AttributeName": "status", "KeyType": "HASH"},
                {"AttributeName": "updated_at", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
    "BillingMode": "PAY_PER_REQUEST",
    "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
    "SSESpecification": {"SSEEnabled": True},
}
"""The table as CloudFormation and, but for two words, CreateTable take it."""

_JSON = {"before", "after"}
_TIMES = {"event_time", "seen_at"}


class NoLedger(Exception):
    """The table isn't there; says how it is made."""


class DynamoLedger:
    """Implements core.ports.Ledger. Raises NoLedger when the table is missing."""

    def __init__(self, client: DynamoDBClient, table: str, now: Callable[[], datetime]) -> None:
        self._client, self._table, self._now = client, table, now

    def open(self, record: Record, event_time: datetime) -> Record:
        record = replace(record, holder=secrets.token_hex(8))
        refusals = self._transact(
            {"Put": self._put(record, "attribute_not_exists(pk)")},
            self._slot(
                record,
                "(attribute_not_exists(lease_until) OR lease_until < :now)"
                " AND (attribute_not_exists(exempt_until) OR exempt_until < :now)"
                " AND (attribute_not_exists(fingerprint) OR settled = :true OR fingerprint <> :fingerprint"
                " OR seen_at < :event_time)",
                event_time=event_time,
            ),
        )
        if refusals is None:
            return record
        existing, slot = refusals
        if existing:
            return self._taken_over(from_item(existing), record, existing)
        if not slot or _number(slot, "lease_until") >= self._now().timestamp():
            raise Refused("busy", _string(slot, "record"))
        exempt = _number(slot, "exempt_until") >= self._now().timestamp()
        raise Refused("exempt" if exempt else "duplicate", _string(slot, "record"))

    def _taken_over(self, earlier: Record, draft: Record, item: Mapping[str, Any]) -> Record:
        """A record of ours whose holder failed or died is gone on with, from the `before` that it first wrote."""
        if draft.status is not Status.FIXING or earlier.status not in {Status.FIXING, Status.FAILED}:
            raise Refused("duplicate", earlier.id)
        if _number(item, "lease_until") >= self._now().timestamp():
            raise Refused("busy", earlier.id)
        try:
            return self.move(
                earlier, Status.FIXING, by="snapback", note="taken over", attempts=earlier.attempts + 1, error=""
            )
        except Refused as refused:
            raise Refused("busy", earlier.id) from refused

    def move(self, record: Record, status: Status, *, by: str, note: str = "", **changed: Any) -> Record:
        exempt_until: datetime | None = changed.pop("exempt_until", None)
        starts = status in UNDER_WAY
        moved = record.stepped(status, self._now(), by, note, **changed)
        if starts:
            moved = replace(moved, holder=secrets.token_hex(8))
        put = self._put(moved, "#status = :was AND holder = :held", was=record.status, held=record.holder)
        free = "attribute_not_exists(lease_until) OR lease_until < :now"
        slot = self._slot(moved, free if starts else "holder = :held", held=record.holder, exempt_until=exempt_until)
        refusals = self._transact({"Put": put}, slot)
        if refusals is None:
            return moved
        if refusals[0] is None and not starts:  # Another record has the slot by now; ours still has to be told.
            try:
                self._client.put_item(**put)
            except self._client.exceptions.ConditionalCheckFailedException:
                pass
            else:
                return moved
        raise Refused("moved", record.id)

    def get(self, id: str) -> Record | None:
        try:
            item = self._client.get_item(
                TableName=self._table, Key={"pk": {"S": f"record#{id}"}}, ConsistentRead=True
            ).get("Item")
        except self._client.exceptions.ResourceNotFoundException as error:
            raise self._missing() from error
        return from_item(item) if item else None

    def records(self, *statuses: Status) -> Iterator[Record]:
        """Records by status (all, when none is named), the latest first within each."""
        pages = self._client.get_paginator("query")
        for status in statuses or Status:
            try:
                for page in pages.paginate(
                    TableName=self._table,
                    IndexName="by-status",
                    KeyConditionExpression="#status = :status",
                    ExpressionAttributeNames={"#status": "status"},
                    ExpressionAttributeValues={":status": {"S": status}},
                    ScanIndexForward=False,
                ):
                    yield from map(from_item, page["Items"])
            except self._client.exceptions.ResourceNotFoundException as error:
                raise self._missing() from error

    def create(self) -> None:
        """Make the table as the template does; for a laptop and for tests."""
        spec = {**TABLE, "SSESpecification": {"Enabled": True}}
        spec["StreamSpecification"] = {**spec["StreamSpecification"], "StreamEnabled": True}
        self._client.create_table(TableName=self._table, **spec)
        self._client.get_waiter("table_exists").wait(TableName=self._table)
        self._client.update_time_to_live(
            TableName=self._table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"}
        )
        self._client.update_continuous_backups(
            TableName=self._table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )

    def exists(self) -> bool:
        try:
            self._client.describe_table(TableName=self._table)
        except self._client.exceptions.ResourceNotFoundException:
            return False
        return True

    def _put(self, record: Record, condition: str, **values: str) -> Any:
        now = self._now()
        item = to_item(record)
        item["updated_at"] = {"S": now.isoformat(timespec="milliseconds")}
        item["expires_at"] = {"N": str(int((now + KEPT).timestamp()))}
        item["lease_until"] = {"N": str(self._lease(record))}
        put: dict[str, Any] = {"TableName": self._table, "Item": item, "ConditionExpression": condition}
        if values:
            put["ExpressionAttributeNames"] = {"#status": "status"}
            put["ExpressionAttributeValues"] = {f":{name}": {"S": value} for name, value in values.items()}
        return put

    def _slot(
        self,
        record: Record,
        condition: str,
        *,
        event_time: datetime | None = None,
        held: str = "",
        exempt_until: datetime | None = None,
    ) -> Any:
        now = self._now().timestamp()
        values: dict[str, Any] = {
            ":record": {"S": record.id},
            ":holder": {"S": record.holder},
            ":fingerprint": {"S": record.fingerprint},
            ":seen_at": {"N": str(record.seen_at.timestamp())},
            ":lease_until": {"N": str(self._lease(record))},
            ":settled": {"BOOL": record.status not in {Status.ALERTED, Status.ASKING}},
            ":expires_at": {"N": str(int((self._now() + KEPT).timestamp()))},
        }
        if exempt_until:
            values[":exempt_until"] = {"N": str(exempt_until.timestamp())}
        update = "SET " + ", ".join(f"{'#record' if name == ':record' else name[1:]} = {name}" for name in values)
        used = {":now": {"N": str(now)}, ":true": {"BOOL": True}, ":held": {"S": held}}
        used[":event_time"] = {"N": str(event_time.timestamp() if event_time else 0)}
        values |= {name: value for name, value in used.items() if name in condition}
        return {
            "Update": {
                "TableName": self._table,
                "Key": {"pk": {"S": f"slot#{record.slot}"}},
                "UpdateExpression": update,
                "ConditionExpression": condition,
                "ExpressionAttributeNames": {"#record": "record"},
                "ExpressionAttributeValues": values,
            }
        }

    def _lease(self, record: Record) -> float:
        return (self._now() + LEASE).timestamp() if record.status in UNDER_WAY else 0

    def _transact(self, *items: Any) -> list[Mapping[str, Any] | None] | None:
        """None when written; else, for each item, what stood in its way (None: nothing did)."""
        for item in items:
            next(iter(item.values()))["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        try:
            self._client.transact_write_items(TransactItems=items)
        except self._client.exceptions.ResourceNotFoundException as error:
            raise self._missing() from error
        except self._client.exceptions.TransactionCanceledException as error:
            reasons = error.response["CancellationReasons"]
            codes = {reason["Code"] for reason in reasons} - {"None"}
            if codes - {"ConditionalCheckFailed", "TransactionConflict"}:
                raise
            return [reason.get("Item", {}) if reason["Code"] != "None" else None for reason in reasons]
        finally:
            for item in items:
                next(iter(item.values())).pop("ReturnValuesOnConditionCheckFailure")
        return None

    def _missing(self) -> NoLedger:
        return NoLedger(f"there is no ledger: table {self._table!r} does not exist; --create-ledger makes it")


def to_item(record: Record) -> dict[str, Any]:
    item: dict[str, Any] = {"pk": {"S": f"record#{record.id}"}}
    for field in fields(record):
        value = getattr(record, field.name)
        if field.name == "history":
            item["history"] = {"L": [{"S": json.dumps(asdict(step))} for step in value]}
        elif field.name == "actor":
            item["actor"] = {"S": json.dumps(asdict(value))}
        elif field.name in _JSON:
            item[field.name] = {"S": json.dumps(value)}
        elif field.name in _TIMES:
            item[field.name] = {"S": value.isoformat()}
        elif isinstance(value, bool):
            item[field.name] = {"BOOL": value}
        else:
            item[field.name] = {"N": str(value)} if isinstance(value, int) else {"S": str(value)}
    return item


def from_item(item: Mapping[str, Any]) -> Record:
    """A record from DynamoDB's typed JSON, as in the table and in its stream."""
    values: dict[str, Any] = {}
    for field in fields(Record):
        if field.name not in item:
            continue
        ((type_, value),) = item[field.name].items()
        if field.name == "history":
            value = tuple(Step(**json.loads(step["S"])) for step in value)
        elif field.name == "actor":
            value = Actor(**json.loads(value))
        elif field.name == "status":
            value = Status(value)
        elif field.name in _JSON:
            value = json.loads(value)
        elif field.name in _TIMES:
            value = datetime.fromisoformat(value)
        values[field.name] = int(value) if type_ == "N" else value
    return Record(**values)


def _number(item: Mapping[str, Any] | None, name: str) -> float:
    return float((item or {}).get(name, {}).get("N", 0))


def _string(item: Mapping[str, Any] | None, name: str) -> str:
    return str((item or {}).get(name, {}).get("S", ""))


def utc_now() -> datetime:
    return datetime.now(UTC)
