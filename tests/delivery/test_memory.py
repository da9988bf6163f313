"""The table in memory, and moto without HTTP, answer as moto does, so that what holds on the one holds on the others."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.aws.ledger import DynamoLedger
from chalicelib.aws.ledger_table import INDEX
from chalicelib.core.errors import StepRefused
from chalicelib.core.settings import Limits
from chalicelib.core.types import UNDER_WAY, Status
from tests.aws.test_ledger import (
    Clock,
    draft,
)
from tests.delivery.memory import Table

if TYPE_CHECKING:
    from chalicelib.core.record import Record
    from tests.support.world import World


@pytest.fixture
def ledger(clock: Clock) -> DynamoLedger:
    return DynamoLedger(Table(), "records", clock)  # type: ignore[arg-type]


@st.composite
def steps(draw: st.DrawFn) -> tuple[str, Any]:
    kind = draw(st.sampled_from(["open", "open", "open", "move", "move", "count", "later", "stop"]))
    values: dict[str, Any] = {
        "open": {
            "event": draw(st.integers(0, 3)),
            "status": draw(st.sampled_from([Status.FIXING, Status.FIXING, Status.ALERTED, Status.FIGHTING])),
            "reason": draw(st.sampled_from(["bad", "worse"])),
            "age": draw(st.sampled_from([0, 1, 90, 4000])),
            "looked": draw(st.sampled_from([0, 1, 60])),
        },
        "move": {
            "which": draw(st.integers(0, 5)),
            "status": draw(
                st.sampled_from([Status.FIXED, Status.FAILED, Status.UNDOING, Status.FIXING, Status.UNDONE])
            ),
            "exempt": draw(st.booleans()),
            "looked": draw(st.sampled_from([None, 0, 60])),
        },
        "count": {},
        "later": {"seconds": draw(st.sampled_from([0.5, 5, 60, 130, 3700]))},
        "stop": {},
    }
    return kind, values[kind]


def taken(ledger: DynamoLedger, time: Clock, records: list[Record], kind: str, values: Any) -> str:
    """What a step came to, holders aside, which are drawn by lot."""
    limits = Limits(fights=2, fixes_per_minute=2)
    try:
        if kind == "open":
            made = draft(
                f"event{values['event']}",
                status=values["status"],
                reason=values["reason"],
                seen_at=time() - timedelta(seconds=values["looked"]),
            )
            record = ledger.open(made, time() - timedelta(seconds=values["age"]), limits)
        elif kind == "move":
            if not records:
                return "nothing to move"
            more: dict[str, Any] = {}
            if values["exempt"]:
                more["exempt_until"] = time() + timedelta(hours=1)
            if values["looked"] is not None and values["status"] in UNDER_WAY:
                more["looked_at"] = time() - timedelta(seconds=values["looked"])
            record = ledger.move(records[values["which"] % len(records)], values["status"], by="bob", **more)
        elif kind == "count":
            ledger.count_fix(draft(), limits)
            return "counted"
        else:
            ledger.pause("bob", "a bad day")
            return ledger.paused()
    except StepRefused as refused:
        return str(refused)
    records.append(record)
    return repr(replace(record, holder=""))


def test_the_table_in_memory_answers_as_motos_does(world: World) -> None:
    moto, quick = world.aws.client("dynamodb"), world.client("dynamodb")

    @settings(max_examples=12, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(steps(), min_size=4, max_size=14))
    def agree(story: list[tuple[str, Any]]) -> None:
        from moto.dynamodb.models import dynamodb_backends

        now = Clock()
        table: Any = Table()
        clients = ((moto, "records"), (quick, "quick"), (table, "records"))
        ledgers = [DynamoLedger(client, name, now) for client, name in clients]
        for ledger in ledgers[:2]:
            if not ledger.exists():
                ledger.create()
        for tables in dynamodb_backends.values():
            for region in tables.values():
                for each in region.tables.values():
                    each.items.clear()
        held: list[list[Record]] = [[], [], []]
        for kind, values in story:
            if kind == "later":
                now.later(**values)
                continue
            told = {taken(ledger, now, records, kind, values) for ledger, records in zip(ledgers, held, strict=True)}
            assert len(told) == 1, (kind, values, told)
        for listed in (DynamoLedger.records, DynamoLedger.overdue):
            assert bare(listed(ledgers[0])) == bare(listed(ledgers[1])) == bare(listed(ledgers[2]))

    agree()


def test_moto_without_http_counts_and_pages_as_moto_does(world: World) -> None:
    moto, quick = world.aws.client("dynamodb"), world.client("dynamodb")
    for client, name in ((moto, "records"), (quick, "quick")):
        DynamoLedger(client, name, Clock()).create()

    def answers(client: Any, name: str) -> list[Any]:
        count: Any = {
            "TableName": name,
            "UpdateExpression": "ADD times :one SET expires_at = :until",
            "ExpressionAttributeValues": {":one": {"N": "1"}, ":until": {"N": "9"}},
            "ReturnValues": "UPDATED_NEW",
        }
        page: Any = {
            "TableName": name,
            "IndexName": INDEX,
            "KeyConditionExpression": "status_shard = :shard AND updated_at <= :until",
            "ExpressionAttributeValues": {":shard": {"S": "held#ops"}, ":until": {"S": "5"}},
        }
        counts = [client.update_item(Key={"pk": {"S": "count#a"}}, **count)["Attributes"]["times"] for _ in range(3)]
        for number in range(4):
            row = {"pk": f"message#{number}", "status_shard": "held#ops", "updated_at": str(number)}
            client.put_item(TableName=name, Item={key: {"S": value} for key, value in row.items()})
        pages = [client.query(**page, Limit=limit) for limit in (9, 5, 4, 3, 1)]
        return [counts, [([row["pk"] for row in each["Items"]], "LastEvaluatedKey" in each) for each in pages]]

    assert answers(moto, "records") == answers(quick, "quick")


def bare(records: Any) -> list[str]:
    return sorted(repr(replace(record, holder="")) for record in records)
