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

from chalicelib.aws.overflow_store import SPILL_OVER, SPILL_VARIABLE, NoSpill, Spill
from chalicelib.core.errors import Refused
from chalicelib.core.event import Actor
from chalicelib.core.record import Record, Step
from chalicelib.core.types import REFUSED, UNDER_WAY, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

    from chalicelib.core.settings import Limits

PAUSE_KEPT = timedelta(seconds=30)
"""How old the answer may be to whether all writes are paused."""
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
_SMALL = {"tags", "calls"}
_TIMES = {"event_time", "seen_at"}


class NoLedger(Exception):
    """The table isn't there; says how it is made."""


class DynamoLedger:
    """Implements core.ports.Ledger. Raises NoLedger when the table is missing."""

    def __init__(
        self, client: DynamoDBClient, table: str, now: Callable[[], datetime], spill: Spill | None = None
    ) -> None:
        self._client, self._table, self._now, self._spill = client, table, now, spill
        self._pause: tuple[datetime, str] | None = None

    def open(self, record: Record, event_time: datetime, limits: Limits) -> Record:
        record = replace(record, holder=secrets.token_hex(8))
        fights = limits.fights if record.status is Status.FIXING else 0
        refusals = self._transact(
            {"Put": self._put(record, "attribute_not_exists(pk)")},
            self._slot(
                record,
                "(attribute_not_exists(lease_until) OR lease_until < :now)"
                " AND (attribute_not_exists(exempt_until) OR exempt_until < :now)"
                " AND (attribute_not_exists(fingerprint) OR settled = :true OR fingerprint <> :fingerprint"
                " OR seen_at < :event_time)"
                " AND (attribute_not_exists(left_at) OR left_at <= :looked_at)"
                + f" AND (attribute_not_exists(fix_{fights}) OR fix_{fights} < :since)"
                * bool(fights),
                event_time=event_time,
                looked_at=record.seen_at,
                fights=fights,
                since=self._now() - timedelta(minutes=limits.fight_minutes),
                exempt_until=self._now() + timedelta(minutes=limits.fight_minutes)
                if record.status is Status.FIGHTING
                else None,
            ),
        )
        if refusals is None:
            return record
        existing, slot = refusals
        if existing:
            return self._taken_over(from_item(existing), record, existing)
        if not slot or _number(slot, "lease_until") >= self._now().timestamp():
            raise Refused("busy", _string(slot, "record"))
        if _number(slot, "exempt_until") >= self._now().timestamp():
            raise Refused("exempt", _string(slot, "record"))
        seen = not slot["settled"]["BOOL"] and _string(slot, "fingerprint") == record.fingerprint
        covered = seen and _number(slot, "seen_at") >= event_time.timestamp()
        left = _number(slot, "left_at") > record.seen_at.timestamp()  # What was seen may be no more: look again.
        raise Refused("duplicate" if covered else "busy" if left else "fighting", _string(slot, "record"))

    def count_fix(self, record: Record, limits: Limits) -> None:
        minute = self._now().strftime("%Y-%m-%dT%H:%M")
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": f"fixes#{record.guardrail}#{record.account}#{minute}"}},
                UpdateExpression="ADD fixes :one SET expires_at = :expires_at",
                ConditionExpression="attribute_not_exists(fixes) OR fixes < :most",
                ExpressionAttributeValues={
                    ":one": {"N": "1"},
                    ":most": {"N": str(limits.fixes_per_minute)},
                    ":expires_at": {"N": str(int((self._now() + timedelta(days=1)).timestamp()))},
                },
            )
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise Refused("capped", record.id) from error

    def paused(self) -> str:
        now = self._now()
        if self._pause is None or not now - PAUSE_KEPT < self._pause[0] <= now:
            item = self._item("pause") or {}
            self._pause = (now, _string(item, "paused"))
        return self._pause[1]

    def pause(self, by: str, why: str) -> None:
        """Pause all writes by every function within PAUSE_KEPT, until `resume`."""
        said = f"paused by {by} at {self._now().isoformat(timespec='seconds')}: {why}"
        self._client.put_item(TableName=self._table, Item={"pk": {"S": "pause"}, "paused": {"S": said}})
        self._pause = None

    def resume(self, by: str) -> None:
        """The opposite of `pause`; who did it stays on the item."""
        said = f"resumed by {by} at {self._now().isoformat(timespec='seconds')}"
        self._client.put_item(TableName=self._table, Item={"pk": {"S": "pause"}, "resumed": {"S": said}})
        self._pause = None

    def _taken_over(self, earlier: Record, draft: Record, item: Mapping[str, Any]) -> Record:
        """A record of ours whose holder failed or died is gone on with, from the `before` that it first wrote."""
        if draft.status is not Status.FIXING or earlier.status not in {Status.FIXING, Status.FAILED}:
            raise Refused("duplicate", earlier.id)
        if _number(item, "lease_until") >= self._now().timestamp():
            raise Refused("busy", earlier.id)
        try:
            return self.move(
                *(earlier, Status.FIXING),
                by="snapback",
                note="taken over",
                looked_at=draft.seen_at,
                attempts=earlier.attempts + 1,
                error="",
            )
        except Refused as refused:
            raise Refused("exempt" if refused.why == "exempt" else "busy", earlier.id) from refused

    def move(self, record: Record, status: Status, *, by: str, note: str = "", **changed: Any) -> Record:
        exempt_until: datetime | None = changed.pop("exempt_until", None)
        looked_at: datetime | None = changed.pop("looked_at", None)
        starts = status in UNDER_WAY
        moved = record.stepped(status, self._now(), by, note, **changed)
        if starts:
            moved = replace(moved, holder=secrets.token_hex(8))
        put = self._put_over(record, moved)
        free = "(attribute_not_exists(lease_until) OR lease_until < :now)"
        if status is Status.FIXING and record.status is not Status.ASKING:  # What was decided since its holder died.
            free += " AND (attribute_not_exists(exempt_until) OR exempt_until < :now)"
        if looked_at:
            free += " AND (attribute_not_exists(left_at) OR left_at <= :looked_at)"
        slot = self._slot(
            *(moved, free if starts else "holder = :held"),
            held=record.holder,
            exempt_until=exempt_until,
            looked_at=looked_at,
            leaves=moved.settled and not starts,
        )
        refusals = self._transact({"Put": put}, slot)
        if refusals is None:
            return moved
        now = self._now().timestamp()
        alone, slot_now = refusals[0] is None, refusals[1]  # The record is as it was; only the slot is another's.
        let_be = _number(slot_now, "lease_until") < now <= _number(slot_now, "exempt_until")
        if alone and let_be and "exempt_until" in free:
            raise Refused("exempt", record.id)
        if alone and not starts and not exempt_until:  # Another record has the slot by now; ours still has to be told.
            try:
                self._client.put_item(**put)
            except self._client.exceptions.ConditionalCheckFailedException:
                pass
            else:
                return moved
        raise Refused("moved", record.id)

    def note(self, record: Record, *, by: str, note: str, what: str = REFUSED) -> Record:
        noted = record.noted(self._now(), by, note, what)
        put = self._put_over(record, noted)
        if record.status in UNDER_WAY:
            raise Refused("moved", record.id)
        try:
            self._client.put_item(**put)
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise Refused("moved", record.id) from error
        return noted

    def get(self, id: str) -> Record | None:
        item = self._item(f"record#{id}")
        return self.load(item) if item else None

    def _item(self, key: str) -> Mapping[str, Any] | None:
        try:
            return self._client.get_item(TableName=self._table, Key={"pk": {"S": key}}, ConsistentRead=True).get("Item")
        except self._client.exceptions.ResourceNotFoundException as error:
            raise self._missing() from error

    def load(self, item: Mapping[str, Any]) -> Record:
        """A record from DynamoDB's typed JSON, as in the table and in its stream, with the states that were spilt."""
        if "spilt" not in item:
            return from_item(item)
        if self._spill is None:
            raise NoSpill(f"record {item['id']['S']} is over 400 KB and in the spill bucket; set {SPILL_VARIABLE}")
        return from_item({**item, **self._spill.get(item["spilt"]["S"])})

    def overdue(self) -> Iterator[Record]:
        """Records under way whose holder is past its lease: it died, and someone should go on with them."""
        for status in sorted(UNDER_WAY):
            yield from self._query(
                status,
                FilterExpression="lease_until < :now",
                values={":now": {"N": str(self._now().timestamp())}},
            )

    def asked_before(self, time: datetime) -> Iterator[Record]:
        """Records that ask, and were not told of since then."""
        before = {":before": {"S": time.isoformat(timespec="milliseconds")}}
        yield from self._query(Status.ASKING, before, " AND updated_at <= :before")

    def records(self, *statuses: Status) -> Iterator[Record]:
        """Records by status (all, when none is named), the latest first within each."""
        for status in statuses or Status:
            yield from self._query(status)

    def _query(
        self, status: Status, values: Mapping[str, Any] | None = None, when: str = "", **more: Any
    ) -> Iterator[Record]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            IndexName="by-status",
            KeyConditionExpression=f"#status = :status{when}",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":status": {"S": status}, **(values or {})},
            ScanIndexForward=False,
            **more,
        )
        try:
            for page in pages:
                yield from map(self.load, page["Items"])
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

    def _put_over(self, record: Record, new: Record) -> Any:
        """Unless anybody moved it, took it over, or added to its history; items of the first version count no steps."""
        steps = "(attribute_not_exists(steps) OR steps = :steps)"
        put = self._put(new, f"#status = :was AND holder = :held AND {steps}")
        put["ExpressionAttributeNames"] = {"#status": "status"}
        put["ExpressionAttributeValues"] = {
            ":was": {"S": record.status},
            ":held": {"S": record.holder},
            ":steps": {"N": str(len(record.history))},
        }
        return put

    def _put(self, record: Record, condition: str) -> Any:
        now = self._now()
        item = to_item(record)
        states = {name: item[name] for name in sorted(_JSON)}
        if self._spill and len(json.dumps(states)) > SPILL_OVER:
            for name in states:
                del item[name]
            item["spilt"] = {"S": self._spill.put(record.id, states)}
        item["updated_at"] = {"S": record.touched or now.isoformat(timespec="milliseconds")}
        item["expires_at"] = {"N": str(int((now + KEPT).timestamp()))}
        item["lease_until"] = {"N": str(self._lease(record))}
        item["steps"] = {"N": str(len(record.history))}
        return {"TableName": self._table, "Item": item, "ConditionExpression": condition}

    def _slot(
        self,
        record: Record,
        condition: str,
        *,
        event_time: datetime | None = None,
        held: str = "",
        exempt_until: datetime | None = None,
        fights: int = 0,
        since: datetime | None = None,
        looked_at: datetime | None = None,
        leaves: bool = False,
    ) -> Any:
        now = self._now().timestamp()
        values: dict[str, Any] = {
            ":record": {"S": record.id},
            ":holder": {"S": record.holder},
            ":fingerprint": {"S": record.fingerprint},
            ":seen_at": {"N": str(record.seen_at.timestamp())},
            ":lease_until": {"N": str(self._lease(record))},
            ":settled": {"BOOL": record.settled},
            ":expires_at": {"N": str(int((self._now() + KEPT).timestamp()))},
        }
        if leaves:
            values[":left_at"] = {"N": str(now)}
        if exempt_until:
            values[":exempt_until"] = {"N": str(exempt_until.timestamp())}
        update = "SET " + ", ".join(f"{'#record' if name == ':record' else name[1:]} = {name}" for name in values)
        if fights:  # The times of the last fixes move up by one: what is on the right is the item as it was.
            values |= {":fixed_at": {"N": str(now)}, ":never": {"N": "0"}}
            earlier = (f"fix_{n} = if_not_exists(fix_{n - 1}, :never)" for n in range(2, fights + 1))
            update += ", " + ", ".join(["fix_1 = :fixed_at", *earlier])
            if fights == 1:
                del values[":never"]
        used = {":now": {"N": str(now)}, ":true": {"BOOL": True}, ":held": {"S": held}}
        used[":looked_at"] = {"N": str(looked_at.timestamp() if looked_at else 0)}
        used[":since"] = {"N": str(since.timestamp() if since else 0)}
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


def stepped(item: Mapping[str, Any], load: Callable[[Mapping[str, Any]], Record]) -> Record | None:
    """The record in an item of the table's stream, as `load` reads it, if it is there with a new step.

    A new step, and not a new status: a question that is asked anew, with another preview, stays `asking`.
    """
    new, old = item["dynamodb"].get("NewImage"), item["dynamodb"].get("OldImage") or {}
    if not new or not new["pk"]["S"].startswith("record#"):
        return None
    if len(new["history"]["L"]) <= len(old.get("history", {}).get("L", [])):
        return None
    return load(new)


def to_item(record: Record) -> dict[str, Any]:
    item: dict[str, Any] = {"pk": {"S": f"record#{record.id}"}}
    for field in fields(record):
        value = getattr(record, field.name)
        if field.name == "history":
            item["history"] = {"L": [{"S": json.dumps(asdict(step))} for step in value]}
        elif field.name == "actor":
            item["actor"] = {"S": json.dumps(asdict(value))}
        elif field.name in _JSON | _SMALL:
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
        elif field.name in _JSON | _SMALL:
            value = json.loads(value)
            value = tuple(value) if isinstance(value, list) else value
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
