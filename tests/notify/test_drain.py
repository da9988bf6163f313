"""Held messages, sent each minute: one drain at a time, and nothing twice."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.core.errors import Undeliverable
from chalicelib.core.types import Status
from chalicelib.notify.drain import drain
from chalicelib.notify.outbox import deliver
from tests.notify.collector import TRANSIENT, Collector, Lambda, alerts, item
from tests.notify.test_message import record_of

if TYPE_CHECKING:
    import io

    from chalicelib.notify.message import Message
    from chalicelib.wiring import Application
    from tests.support.world import World


def test_a_drain_that_cannot_mark_stops_rather_than_tell_everything_twice(app: Application, world: World) -> None:
    app.channels = [ops := Collector("ops", [TRANSIENT[0]])]
    lambda_ = Lambda(app, world, alerts("a", "b", "c"))
    lambda_.once()
    with world.denied("PutItem"), pytest.raises(ClientError):
        lambda_.minutes(1)
    assert ops.received == ["a-1"]
    lambda_.minutes(1)
    assert ops.received == ["a-1", "a-1", "b-1", "c-1"], (
        "the one between sending and marking comes twice, by the same id"
    )


def test_a_message_that_cannot_even_be_queued_stays_held_and_stops_no_other_channel(
    app: Application, world: World
) -> None:
    app.channels = [
        ops := Collector("ops", [TRANSIENT[0], Undeliverable("channel ops answered 400")]),
        siem := Collector("siem", [TRANSIENT[0]]),
    ]
    lambda_ = Lambda(app, world, alerts("a", "b"))
    lambda_.once()

    def full(_: str) -> None:
        raise RuntimeError("no queue")

    app.give_up = full
    with pytest.raises(RuntimeError, match="no queue"):
        lambda_.minutes(1)
    assert siem.received == ["a-1", "b-1"]
    lambda_.minutes(1)
    assert ops.received == ["a-1", "b-1"]


def test_only_one_drain_runs_at_a_time_and_a_dead_one_s_lease_ends(app: Application, world: World) -> None:
    app.channels = [ops := Collector("ops", [TRANSIENT[0]])]
    lambda_ = Lambda(app, world, alerts("a"))
    lambda_.once()
    send, inner = ops.send, []

    def slow(message: Message) -> None:
        inner.append(drain(app))
        send(message)

    ops.send = slow  # type: ignore[method-assign]
    lambda_.minutes(1)
    assert ops.received == ["a-1"]
    assert inner == [{}]
    until = str(world.clock.timestamp() + 90)
    world.client("dynamodb").update_item(
        TableName="snapback-ledger",
        Key={"pk": {"S": "outbox"}},
        UpdateExpression="SET lease_until = :until",
        ExpressionAttributeValues={":until": {"N": until}},
    )
    app.time_left = lambda: 0.0
    lambda_.items = alerts("b")
    lambda_.once()
    app.time_left = lambda: 100.0
    lambda_.minutes(1)
    assert ops.received == ["a-1"], "another one's lease"
    lambda_.minutes(1)
    assert ops.received == ["a-1", "b-1"]


def test_an_index_that_is_late_brings_nothing_twice(
    app: Application, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.channels = [ops := Collector("ops", [TRANSIENT[0]])]
    lambda_ = Lambda(app, world, alerts("a"))
    lambda_.once()
    query: Any = {
        "TableName": "snapback-ledger",
        "IndexName": "by-status-shard",
        "KeyConditionExpression": "status_shard = :shard",
        "ExpressionAttributeValues": {":shard": {"S": "held#ops"}},
    }
    pages = list(app.dynamodb.get_paginator("query").paginate(**query))
    assert pages[0]["Count"] == 1
    lambda_.minutes(1)
    monkeypatch.setattr(app.dynamodb, "get_paginator", lambda _: SimpleNamespace(paginate=lambda **_: pages))
    lambda_.minutes(2)
    assert ops.received == ["a-1"]


def test_a_message_held_by_another_version_is_told_as_its_record_now_is(app: Application, world: World) -> None:
    app.channels = [ops := Collector("ops", [TRANSIENT[0]])]
    record = app.ledger.open(record_of(Status.ALERTED, id="a"), world.clock, app.settings.limits)
    lambda_ = Lambda(app, world, [item(1, record)])
    lambda_.once()
    world.client("dynamodb").update_item(
        TableName="snapback-ledger",
        Key={"pk": {"S": "message#ops#a#1"}},
        UpdateExpression="SET message = :old",
        ExpressionAttributeValues={":old": {"S": json.dumps({"record": "a", "step": 1, "who": "knows"})}},
    )
    lambda_.minutes(1)
    assert ops.received == ["a-1"]


def test_a_held_message_that_cannot_be_read_stops_no_other(app: Application, world: World, log: io.StringIO) -> None:
    app.channels = [ops := Collector("ops", [TRANSIENT[0]])]
    lambda_ = Lambda(app, world, alerts("a", "b"))
    lambda_.once()
    world.client("dynamodb").update_item(
        TableName="snapback-ledger",
        Key={"pk": {"S": "message#ops#a#1"}},
        UpdateExpression="SET message = :odd",
        ExpressionAttributeValues={":odd": {"S": "{}"}},
    )
    lambda_.minutes(1)
    assert ops.received == ["b-1"]
    assert "message#ops#a#1" in log.getvalue()
    assert lambda_.held == ["message#ops#a#1"]


def test_marks_expire_and_held_messages_never_do(app: Application, world: World) -> None:
    app.channels = [Collector("ops"), Collector("siem", [TRANSIENT[0]])]
    deliver(app, {"Records": alerts("a")}, None)
    found = {each["pk"]["S"]: each for each in world.client("dynamodb").scan(TableName="snapback-ledger")["Items"]}
    mark = found["message#ops#a#1"]
    assert int(mark["expires_at"]["N"]) > world.clock.timestamp() + 24 * 3600
    assert mark.keys() == {"pk", "state", "expires_at"}
    assert "expires_at" not in found["message#siem#a#1"]
    assert all("expires_at" in each for key, each in found.items() if key.startswith(("rate#", "flood#")))
