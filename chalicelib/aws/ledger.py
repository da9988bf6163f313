"""The ledger on DynamoDB: one table, one conditional write a step.

Four kinds of item: `record#<service>.<hash>`, a record; `slot#<guardrail>#<arn>#<region>`, the exemption of one guardrail
on one resource; `lock#<service>#<document>#<arn>#<region>`, who writes a document; and `undo#<record>`, which undo was
begun. A step writes them in one transaction, so that none can be true without the others. Keys begin with the service:
IAM keeps each guard function to its own, and `undo#` to `act` and to people.
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Unpack

from chalicelib.aws.causes import DynamoCauses
from chalicelib.aws.ledger_conditions import (
    FREE,
    HELD,
    NEWS,
    NOT_EXEMPT,
    SEEN_SINCE,
    Asked,
    Condition,
    Update,
    no_fight,
    number,
    string,
    why_refused,
)
from chalicelib.aws.ledger_index import shard_of
from chalicelib.aws.ledger_items import from_item, to_item
from chalicelib.aws.ledger_reads import FIXED_KEPT, StoredRecords
from chalicelib.aws.ledger_table import LedgerTable
from chalicelib.aws.overflow_store import SPILL_OVER, Spill
from chalicelib.aws.pause_switch import PauseSwitch
from chalicelib.core.errors import Reason, StepRefused, UnreadableRecord
from chalicelib.core.record import STATES
from chalicelib.core.types import REFUSED, UNDER_WAY, Close, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from chalicelib.core.ports import Changed
    from chalicelib.core.record import Record
    from chalicelib.core.settings import Limits

LEASE = timedelta(seconds=120)
"""How long a lock holds without its holder; longer than a function may run."""
KEPT = timedelta(days=400)


class DynamoLedger(StoredRecords):
    """Implements core.ports.Ledger. Raises NoLedger when the table is missing."""

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        now: Callable[[], datetime],
        spill: Spill | None = None,
        sleep: Callable[[float], None] = time.sleep,
        unreadable: Callable[[UnreadableRecord], None] | None = None,
    ) -> None:
        super().__init__(LedgerTable(client, table, sleep), now, spill, unreadable)
        self.create, self.exists, self.lacking = self._db.create, self._db.exists, self._db.lacking
        switch = PauseSwitch(self._db, now)
        self.paused, self.pause, self.resume = switch.paused, switch.pause, switch.resume
        self.causes = DynamoCauses(self._db, now)

    def open(self, record: Record, event_time: datetime, limits: Limits) -> Record:
        record = replace(record, holder=secrets.token_hex(8))
        fights = limits.fights if record.status is Status.FIXING else 0
        fight, now = timedelta(minutes=limits.fight_minutes), self._now()
        news = [NOT_EXEMPT, NEWS, *([no_fight(fights)] if fights else [])]
        asked = Asked(
            now=now.timestamp(),
            event_time=event_time.timestamp(),
            looked_at=record.seen_at.timestamp(),
            since=(now - fight).timestamp(),
            fingerprint=record.fingerprint,
        )
        exempt_until = now + fight if record.status is Status.FIGHTING else None
        items = [
            {"Put": self._put(record, "attribute_not_exists(pk)")},
            self._slot(record, news, asked, fights=fights, exempt_until=exempt_until),
        ]
        if record.document:
            items.append(self._lock(record, [FREE, SEEN_SINCE], asked))
        refusals = self._db.transact(*items)
        if refusals is None:
            return record
        existing, slot, lock = (*refusals, None)[:3]
        if existing:
            try:
                earlier = from_item(existing)
            except UnreadableRecord as error:
                raise StepRefused("duplicate", record.id) from error
            return self._taken_over(earlier, record, existing)
        order = (
            (lock, FREE),
            (slot, NOT_EXEMPT),
            (slot, NEWS),
            (lock, SEEN_SINCE),
            *((slot, each) for each in news[2:]),
        )
        why: Reason = next((each for item, one in order if item and (each := why_refused(item, [one], asked))), "busy")
        raise StepRefused(why, string(lock if why == "busy" else slot, "record"))

    def is_exempt(self, record: Record) -> bool:
        """Whether an undo or a person exempted what the record is about, for now."""
        slot, asked = self._db.item(f"slot#{record.slot}"), Asked(now=self._now().timestamp())
        return bool(slot) and why_refused(slot or {}, [NOT_EXEMPT], asked) is not None

    def count_fix(self, record: Record, limits: Limits) -> None:
        minute = self._now().strftime("%Y-%m-%dT%H:%M")
        key, expires_at = f"fixes#{record.guardrail}#{record.account}#{minute}", self._now() + timedelta(days=1)
        if not self._db.count(key, "fixes", limits.fixes_per_minute, int(expires_at.timestamp())):
            raise StepRefused("capped", record.id)

    def _taken_over(self, earlier: Record, draft: Record, item: Mapping[str, Any]) -> Record:
        """A record of ours whose holder failed or died is gone on with, from the `before` that it first wrote."""
        if draft.status is not Status.FIXING or earlier.status not in {Status.FIXING, Status.FAILED}:
            raise StepRefused("duplicate", earlier.id)
        if number(item, "lease_until") >= self._now().timestamp():
            raise StepRefused("busy", earlier.id)
        try:
            return self.move(
                earlier,
                Status.FIXING,
                by="snapback",
                note="taken over",
                looked_at=draft.seen_at,
                attempts=earlier.attempts + 1,
                error="",
            )
        except StepRefused as refused:
            raise StepRefused("exempt" if refused.why == "exempt" else "busy", earlier.id) from refused

    def move(
        self,
        record: Record,
        status: Status,
        *,
        by: str,
        note: str = "",
        why: Close = "",
        looked_at: datetime | None = None,
        exempt_until: datetime | None = None,
        holding: bool = False,
        **changed: Unpack[Changed],
    ) -> Record:
        starts = status in UNDER_WAY and not holding
        moved = record.stepped(status, self._now(), by, note, why, **changed)
        if starts:
            moved = replace(moved, holder=secrets.token_hex(8))
        asked = Asked(
            now=self._now().timestamp(),
            looked_at=looked_at.timestamp() if looked_at else 0,
            held=record.holder,
        )
        on_slot = [] if starts else [HELD]
        # An exemption may be newer than the question, or than the death of the record's holder.
        if status is Status.FIXING:
            on_slot.append(NOT_EXEMPT)
        written = [{"Put": self._put_over(record, moved)}, *self._undo(record, moved)]
        items = [
            written[0],
            self._slot(moved, on_slot, asked, exempt_until=exempt_until or _lifted(record, status)),
            *written[1:],
        ]
        if moved.document and starts:
            items.append(self._lock(moved, [FREE, *([SEEN_SINCE] if looked_at else [])], asked))
        elif moved.document and record.status in UNDER_WAY:
            items.append(self._lock(moved, [HELD], asked))
        refusals = self._db.transact(*items)
        if refusals is None:
            return moved
        # Alone: the record is unchanged, but another record has the slot or the lock.
        alone, slot = refusals[0] is None, refusals[1]
        if alone and slot and why_refused(slot, on_slot, asked) == "exempt":
            raise StepRefused("exempt", record.id)
        # Another record has the slot or the lock. This step is written without them, so that it is still reported.
        if alone and status not in UNDER_WAY and not exempt_until and self._db.transact(*written) is None:
            return moved
        raise StepRefused("moved", record.id)

    def note(self, record: Record, *, by: str, note: str, what: str = REFUSED, offered: str = "") -> Record:
        noted = record.noted(self._now(), by, note, what, offered)
        put = self._put_over(record, noted)
        if record.status in UNDER_WAY:
            raise StepRefused("moved", record.id)
        try:
            self._db.patiently(lambda: self._db.client.put_item(**put))
        except self._db.client.exceptions.ConditionalCheckFailedException as error:
            raise StepRefused("moved", record.id) from error
        return noted

    def _undo(self, record: Record, moved: Record) -> list[Any]:
        """Whoever begins an undo seals what it writes; whoever ends it takes the seal away."""
        if (record.status is Status.UNDOING) is (moved.status is Status.UNDOING):
            return []
        item = {
            "pk": {"S": f"undo#{moved.id}"},
            "seal": {"S": moved.undo_seal if moved.status is Status.UNDOING else ""},
            "expires_at": {"N": str(int((self._now() + KEPT).timestamp()))},
        }
        return [{"Put": {"TableName": self._db.name, "Item": item}}]

    def _put_over(self, record: Record, new: Record) -> Any:
        """Unless anybody moved it, took it over, or added to its history; items of the first version count no steps."""
        steps = "(attribute_not_exists(steps) OR steps = :steps)"
        refused = "(attribute_not_exists(refused) OR refused = :refused)"
        put = self._put(new, f"#status = :was AND holder = :held AND {steps} AND {refused}")
        put["ExpressionAttributeNames"] = {"#status": "status"}
        put["ExpressionAttributeValues"] = {
            ":was": {"S": record.status},
            ":held": {"S": record.holder},
            ":steps": {"N": str(len(record.history))},
            ":refused": {"N": str(record.refused)},
        }
        return put

    def _put(self, record: Record, condition: str) -> Any:
        now = self._now()
        item = to_item(record)
        states = {name: item[name] for name in sorted(STATES)}
        if self._spill and len(json.dumps(states)) > SPILL_OVER:
            for name in states:
                del item[name]
            item["spilt"] = {"S": self._spill.put(record.id, states)}
        item["updated_at"] = {"S": record.touched or now.isoformat(timespec="milliseconds")}
        item["expires_at"] = {"N": str(int((now + KEPT).timestamp()))}
        item["lease_until"] = {"N": str(_lease(record, self._now()))}
        item["steps"] = {"N": str(len(record.history))}
        item["status_shard"] = {"S": shard_of(record.status, record.id)}
        return {"TableName": self._db.name, "Item": item, "ConditionExpression": condition}

    def _slot(
        self,
        record: Record,
        conditions: Sequence[Condition],
        asked: Asked,
        *,
        fights: int = 0,
        exempt_until: datetime | None = None,
    ) -> Any:
        """The update of a record's slot."""
        sets: dict[str, Any] = {
            "record": {"S": record.id},
            "holder": {"S": record.holder},
            "fingerprint": {"S": record.fingerprint},
            "seen_at": {"N": str(record.seen_at.timestamp())},
            "settled": {"BOOL": record.settled},
            "expires_at": {"N": str(int((self._now() + KEPT).timestamp()))},
        }
        if exempt_until:
            sets["exempt_until"] = {"N": str(exempt_until.timestamp())}
        if fights:
            sets["fix_1"] = {"N": str(asked.now)}
        update = Update(self._db.name, f"slot#{record.slot}", sets)
        # Shifts the times of the last fixes by one. DynamoDB reads the right-hand side from the old item.
        for n in range(2, fights + 1):
            update.also(f"fix_{n} = if_not_exists(fix_{n - 1}, :never)", never={"N": "0"})
        update.only_if(conditions, asked)
        return {"Update": update.request()}

    def _lock(self, record: Record, conditions: Sequence[Condition], asked: Asked) -> Any:
        """The update of the lock on a record's document: taken, left, or, by who only reports, just looked at."""
        sets: dict[str, Any] = {"expires_at": {"N": str(int((self._now() + KEPT).timestamp()))}}
        if record.status in UNDER_WAY:
            sets |= {
                "record": {"S": record.id},
                "holder": {"S": record.holder},
                "lease_until": {"N": str(_lease(record, self._now()))},
            }
        elif HELD in conditions:
            sets |= {"lease_until": {"N": "0"}, "left_at": {"N": str(asked.now)}}
        fixed = record.status is Status.FIXED
        if fixed:
            sets["fixed_1"] = {"S": record.id}
        update = Update(self._db.name, f"lock#{record.document}", sets)
        for n in range(2, FIXED_KEPT + 1 if fixed else 2):
            update.also(f"fixed_{n} = if_not_exists(fixed_{n - 1}, :none)", none={"S": ""})
        update.only_if(conditions, asked)
        return {"Update": update.request()}


def _lifted(record: Record, status: Status) -> datetime | None:
    """An undo that failed exempts nothing: it was exempt while the undo was under way."""
    return datetime.fromtimestamp(0, UTC) if record.status is Status.UNDOING and status is Status.FAILED else None


def _lease(record: Record, now: datetime) -> float:
    return (now + LEASE).timestamp() if record.status in UNDER_WAY else 0
