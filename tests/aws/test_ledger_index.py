"""The index of records by status: in order over its shards, believed about nothing, and filled in after an upgrade."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.aws.ledger_index import SHARDS, shard_of
from chalicelib.aws.ledger_table import FILLED, INDEX, TABLE
from chalicelib.core.errors import NoLedger, Unfinished
from chalicelib.core.types import Status
from chalicelib.notify.held import waiting
from tests.aws.test_ledger import NOON, draft
from tests.guardrails.s3 import test_bucket_acl_made_public as acl
from tests.notify.collector import TRANSIENT, Collector, Lambda, alerts

if TYPE_CHECKING:
    from chalicelib.wiring import Application
    from tests.support.world import World

NAME = "snapback-ledger"
SINCE = {
    "status_shard",
    "steps",
    "refused",
    "document",
    "undone",
    "aws_arn",
    "offered",
    "tags",
    "calls",
    "found_by",
    "cause",
    "covered_by",
}
"""What items of the first version have not."""


@pytest.fixture
def app(world: World) -> Application:
    return world.application()


def flood(app: Application, world: World, many: int, status: Status = Status.ALERTED) -> list[str]:
    """So many records, a second apart; answers their ids, the latest first."""
    ids, start = [], len(list(app.ledger.records()))
    for number in range(start, start + many):
        world.later(seconds=1)
        record = draft(f"s3.{number:016x}", status=status, arn=f"arn:aws:s3:::app-{number}", resource=f"app-{number}")
        opened = app.ledger.open(record.stepped(status, world.clock, "snapback"), NOON, app.settings.limits)
        ids.append(opened.id)
    return ids[::-1]


def former(world: World, key: str = "record#") -> None:
    """The table as a version without the index left it."""
    client = world.client("dynamodb")
    for item in client.scan(TableName=NAME)["Items"]:
        if item["pk"]["S"].startswith(key):
            item.pop("status_shard")
            client.put_item(TableName=NAME, Item=item)
    client.delete_item(TableName=NAME, Key={"pk": {"S": FILLED}})


def earlier(world: World) -> None:
    """A table of the version before the index, with the same items as that version wrote them."""
    client = world.client("dynamodb")
    items = []
    if NAME in client.list_tables()["TableNames"]:
        items = client.scan(TableName=NAME)["Items"]
        client.update_table(TableName=NAME, DeletionProtectionEnabled=False)
        client.delete_table(TableName=NAME)
    client.create_table(
        TableName=NAME,
        KeySchema=TABLE["KeySchema"],
        BillingMode=TABLE["BillingMode"],
        AttributeDefinitions=[
            each for each in TABLE["AttributeDefinitions"] if each["AttributeName"] != "status_shard"
        ],
        GlobalSecondaryIndexes=[each for each in TABLE["GlobalSecondaryIndexes"] if each["IndexName"] != INDEX],
    )
    for item in items:
        if item["pk"]["S"] != FILLED:
            client.put_item(TableName=NAME, Item={name: each for name, each in item.items() if name not in SINCE})


def ids(app: Application, status: Status = Status.ALERTED) -> list[str]:
    return [record.id for record in app.ledger.records(status)]


def test_a_flood_of_one_status_is_spread_and_comes_in_order(app: Application, world: World) -> None:
    made = flood(app, world, 230)
    assert ids(app) == made
    assert app.ledger.count(Status.ALERTED) == 230
    shards = [shard_of("alerted", each) for each in made]
    assert all(shards.count(f"alerted#{n}") > 230 / SHARDS / 2 for n in range(SHARDS))


def test_the_index_holds_no_state(world: World, app: Application) -> None:
    secret = json.dumps({"password": "correct horse"})
    opened = app.ledger.open(draft(before={"policy": secret}), NOON, app.settings.limits)
    query = {"TableName": NAME, "IndexName": INDEX, "KeyConditionExpression": "status_shard = :shard"}
    shard = {":shard": {"S": shard_of(opened.status, opened.id)}}
    (row,) = world.client("dynamodb").query(**query, ExpressionAttributeValues=shard)["Items"]
    assert row.keys() == {"pk", "status_shard", "updated_at", "lease_until"}
    (projection,) = (each["Projection"] for each in TABLE["GlobalSecondaryIndexes"] if each["IndexName"] == INDEX)
    assert projection == {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["lease_until"]}


def test_what_the_index_still_says_of_a_record_that_moved_on_is_not_believed(
    app: Application, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    flood(app, world, 3, Status.ASKING)
    late = list(app.ledger.records(Status.ASKING))
    pages = [list(app.ledger._db.query(INDEX, "status_shard", f"asking#{n}")) for n in range(SHARDS)]
    app.ledger.move(late[0], Status.EXPIRED, by="bob")
    world.client("dynamodb").delete_item(TableName=NAME, Key={"pk": {"S": f"record#{late[1].id}"}})
    answers = iter(pages)
    monkeypatch.setattr(app.ledger._db, "query", lambda *_, **__: iter(next(answers)))
    assert ids(app, Status.ASKING) == [late[2].id]


def test_a_table_without_the_index_is_said_in_one_line(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    """moto takes a table without the index for no table at all."""

    def refuse(**_: Any) -> Any:
        message = f"The table does not have the specified index: {INDEX}"
        raise ClientError({"Error": {"Code": "ValidationException", "Message": message}}, "Query")
        yield

    monkeypatch.setattr(app.dynamodb, "get_paginator", lambda _: SimpleNamespace(paginate=refuse))
    with pytest.raises(NoLedger, match="no index 'by-status-shard'; deploy the stack again"):
        ids(app)


def test_records_of_a_version_before_are_filled_in_open_ones_first(app: Application, world: World) -> None:
    closed, open_ones = flood(app, world, 3, Status.EXPIRED), flood(app, world, 2, Status.ASKING)
    former(world)
    assert not ids(app, Status.ASKING)
    looks = count()
    assert app.ledger.fill_index(lambda: next(looks) < 3, list[Exception]().append) == 3  # Then its time is over.
    assert ids(app, Status.ASKING) == open_ones
    assert len(ids(app, Status.EXPIRED)) == 1
    assert app.ledger.fill_index(lambda: True, list[Exception]().append) == 2
    assert ids(app, Status.EXPIRED) == closed
    before = {record.id: record for record in app.ledger.records()}
    assert all(record.history for record in before.values())


def test_messages_that_were_held_before_are_sent(app: Application, world: World) -> None:
    app.channels = [ops := Collector("ops", [TRANSIENT[0]])]
    lambda_ = Lambda(app, world, alerts("a"))
    lambda_.once()
    former(world, "message#")
    lambda_.minutes(1)
    assert ops.received == []
    app.maintain()
    assert waiting(app.dynamodb, NAME)["ops"][0] == 1
    lambda_.minutes(1)
    assert ops.received == ["a-1"]


def test_once_all_are_filled_in_it_is_looked_once_a_day(app: Application, world: World) -> None:
    flood(app, world, 1)
    former(world)
    assert app.ledger.fill_index(lambda: True, list[Exception]().append) == 1
    assert app.ledger.fill_index(lambda: True, list[Exception]().append) == 0
    world.calls.clear()
    app.maintain()
    assert "UpdateItem" not in {call.operation for call in world.calls}
    assert [call.operation for call in world.calls].count("Query") == 4 * SHARDS  # under way (two), asking, unjudged
    client = world.client("dynamodb")  # A rollback writes such an item again.
    (item,) = (each for each in client.scan(TableName=NAME)["Items"] if each["pk"]["S"].startswith("record#"))
    item.pop("status_shard")
    client.put_item(TableName=NAME, Item=item)
    world.later(days=1, minutes=1)
    app.maintain()
    assert len(ids(app)) == 1


def test_the_index_is_filled_after_what_is_overdue(app: Application, world: World) -> None:
    """A large table takes many runs to fill; recovery isn't kept waiting, and filling has the end of each run."""
    (asked,) = flood(app, world, 1, Status.ASKING)
    for old in flood(app, world, 3, Status.EXPIRED):
        former(world, f"record#{old}")
    world.later(days=2)
    world.calls.clear()
    app.time_left = lambda: 31.0 if len(world.calls) < 20 else 29.0
    with suppress(Unfinished):
        app.maintain()
    filled = [n for n, call in enumerate(world.calls) if call.operation == "UpdateItem"]
    moved = [n for n, call in enumerate(world.calls) if call.operation == "TransactWriteItems"]
    found = app.ledger.get(asked)
    assert found is not None
    assert len(found.history) > 1
    assert len(filled) == 3
    assert max(moved) < min(filled)


def test_one_item_that_cannot_be_filled_in_holds_up_no_other(
    app: Application, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *others = flood(app, world, 3)
    former(world)
    real = app.dynamodb.update_item

    def refuse(**asked: Any) -> Any:
        if asked["Key"]["pk"]["S"] == f"record#{first}":
            raise ClientError({"Error": {"Code": "TransactionConflictException", "Message": "x"}}, "UpdateItem")
        return real(**asked)

    failed: list[Exception] = []
    monkeypatch.setattr(app.dynamodb, "update_item", refuse)
    app.ledger.fill_index(lambda: True, failed.append)
    assert sorted(ids(app)) == sorted(others)
    assert len(failed) == 1
    assert "filled_at" not in (app.ledger._db.item(FILLED) or {})  # The next run tries again.
    with pytest.raises(Unfinished, match="TransactionConflict"):
        app.maintain()


def test_items_of_another_kind_are_not_filled_in(app: Application, world: World) -> None:
    made = flood(app, world, 1)
    former(world)
    for key in ("channel#ops", "slot#s3.x", "message#ops#s3.x#1"):
        item = {"pk": {"S": key}, "status": {"S": "alerted"}, "updated_at": {"S": "2026-11-01T00:00:00.000+00:00"}}
        world.client("dynamodb").put_item(TableName=NAME, Item=item)
    with world.running("act"):
        app.maintain()
    assert ids(app) == made
    assert app.unreadable == []
    client = world.client("dynamodb")
    items = {item["pk"]["S"]: item for item in client.scan(TableName=NAME)["Items"]}
    assert "status_shard" not in items["channel#ops"]


def test_a_record_that_moves_on_meanwhile_keeps_its_own_shard(app: Application, world: World) -> None:
    flood(app, world, 1, Status.ASKING)
    former(world)
    client: Any = world.client("dynamodb")
    (item,) = (each for each in client.scan(TableName=NAME)["Items"] if each["pk"]["S"].startswith("record#"))
    record = app.ledger.load(item)

    def meanwhile() -> bool:
        app.ledger.move(replace(record), Status.EXPIRED, by="bob")
        return True

    assert app.ledger.fill_index(meanwhile, list[Exception]().append) == 0
    assert len(ids(app, Status.EXPIRED)) == 1


def test_after_an_upgrade_what_was_fixed_before_is_listed_and_can_be_undone(world: World) -> None:
    (outcome,) = world.deliver(acl.canned("public-read")(world), acl.ID)
    earlier(world)
    app = world.application()
    assert app.ledger.lacking() == [INDEX]
    with pytest.raises(NoLedger):
        ids(app, Status.FIXED)
    (index,) = (each for each in TABLE["GlobalSecondaryIndexes"] if each["IndexName"] == INDEX)
    changed: Any = [{"Create": index}]
    world.client("dynamodb").update_table(
        TableName=NAME, AttributeDefinitions=TABLE["AttributeDefinitions"], GlobalSecondaryIndexUpdates=changed
    )
    assert app.ledger.lacking() == []
    app.maintain()
    assert ids(app, Status.FIXED) == [outcome.record]
    assert world.application("fix", acl.ID).engine.undo(outcome.record, "bob").status is Status.UNDONE
    grants = world.client("s3").get_bucket_acl(Bucket="app-logs")["Grants"]
    assert "AllUsers" in json.dumps(grants)


def test_before_the_index_is_there_what_was_fixed_can_be_undone_too(world: World) -> None:
    (outcome,) = world.deliver(acl.canned("public-read")(world), acl.ID)
    earlier(world)
    assert world.application("fix", acl.ID).engine.undo(outcome.record, "bob").status is Status.UNDONE
