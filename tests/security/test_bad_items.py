"""Items that Snapback did not write so, in every place that reads the table, its stream or a queue.

Each is refused where it is read, told, and keeps the good one beside it from nothing.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import nullcontext, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from click.testing import CliRunner

from chalicelib import catalog, wiring
from chalicelib.aws.ledger_index import shard_of
from chalicelib.aws.ledger_items import to_item
from chalicelib.aws.ledger_table import TABLE_VARIABLE
from chalicelib.aws.overflow_store import SPILL_VARIABLE
from chalicelib.core.errors import Unfinished, UnreadableRecord
from chalicelib.core.types import Status
from chalicelib.exports.deliver import deliver as export
from chalicelib.notify.drain import drain
from chalicelib.notify.held import MOST, Held, HeldMessages, waiting
from chalicelib.notify.held import to_item as held_item
from chalicelib.notify.message import message_of
from chalicelib.notify.outbox import deliver as notify
from snapback.cli import main
from tests.notify.collector import Collector, item
from tests.notify.test_message import record_of
from tests.security.test_ledger_rooms import BROKEN, FOREIGN
from tests.support.events import HOME, REGION
from tests.test_app import Context

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.core.record import Record
    from tests.support.world import World

TABLE = "snapback-ledger"
GOOD, BAD = "s3.aaaaaaaaaaaaaaaa", "s3.bbbbbbbbbbbbbbbb"
OTHERS: dict[str, dict[str, Any]] = {
    "truncated": {"history": None, "actor": None},
    "another kind of item": {"pk": {"S": "slot#s3.bbb"}},
    "number for text": {"guardrail": {"N": "1"}},
    "truth for text": {"title": {"BOOL": True}},
    "list for text": {"before": {"L": []}},
}
HOW = {**FOREIGN, **BROKEN, **OTHERS}


def record(id: str, *statuses: Status) -> Record:
    return record_of(*statuses, id=id)


def bad(good: dict[str, Any], how: str) -> dict[str, Any]:
    """What a forger, another version or a lost half makes of an item."""
    return {name: each for name, each in {**good, **HOW[how]}.items() if each is not None}


def store(world: World, status: Status, how: str) -> None:
    """A good and a bad item, both open and overdue, as the index lists them."""
    for name in (GOOD, BAD):
        made = to_item(record(name, status))
        listed = {"status_shard": {"S": shard_of(status, name)}, "updated_at": {"S": "2026-11-23T09:00:00.000+00:00"}}
        listed |= {"lease_until": {"N": "1"}}
        made = {**made, **listed}
        if name == BAD:
            made = bad(made, how)
            made.setdefault("status", {"S": status})
        world.client("dynamodb").put_item(TableName=TABLE, Item=made)


def read_by_id(world: World, how: str) -> None:
    store(world, Status.ASKING, how)
    ledger = world.application().ledger
    assert ledger.get(GOOD)
    key = HOW[how].get("pk", {"S": f"record#{BAD}"})["S"].removeprefix("record#")
    if not key.startswith("slot#"):
        with pytest.raises(UnreadableRecord):
            ledger.get(key)


def read_by_status(world: World, how: str) -> None:
    store(world, Status.ASKING, how)
    application = world.application()
    assert [each.id for each in application.ledger.records(Status.ASKING)] == [GOOD]
    if "status" not in HOW[how]:
        assert len(application.unreadable) == 1


def maintain(world: World, how: str) -> None:
    store(world, Status.ASKING, how)
    world.later(days=2)
    with suppress(Unfinished):  # Which tells of the bad one.
        world.application().maintain()
    found = world.application().ledger.get(GOOD)
    assert found is not None
    assert len(found.history) > 1, "nobody followed up on the good one"


def stream_to_chat(world: World, how: str) -> None:
    application = world.application()
    application.channels = [ops := Collector("ops")]
    letters: list[str] = []
    application.give_up = letters.append
    first, second = item(1, record(BAD, Status.ALERTED)), item(2, record(GOOD, Status.ALERTED))
    first["dynamodb"]["NewImage"] = bad(first["dynamodb"]["NewImage"], how)
    assert notify(application, {"Records": [first, second]}, None) == {"batchItemFailures": []}
    assert ops.received == [f"{GOOD}-1"]


class Sink:
    name = "siem"

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send(self, steps: Any) -> dict[str, str]:
        self.sent += [step.record.id for step in steps]
        return {}


def stream_to_tools(world: World, how: str) -> None:
    application = world.application()
    application.sinks = [sink := Sink()]
    application.give_up = lambda _: None
    first, second = item(1, record(BAD, Status.ALERTED)), item(2, record(GOOD, Status.ALERTED))
    first["dynamodb"]["NewImage"] = bad(first["dynamodb"]["NewImage"], how)
    assert export(application, {"Records": [first, second]}, None, catalog.rule) == {"batchItemFailures": []}
    assert sink.sent == [GOOD]


def command_line(world: World, how: str) -> None:
    store(world, Status.ASKING, how)
    with patch.dict("os.environ", {TABLE_VARIABLE: TABLE}):
        listed, shown = (CliRunner().invoke(main, words) for words in (["records"], ["show", GOOD]))
    assert GOOD in listed.output
    assert shown.exit_code == 0, shown.output
    if "status" not in HOW[how]:
        assert (listed.exit_code, type(listed.exception)) == (2, SystemExit)
        assert "snapback: left out: " in listed.output


RECORDS: dict[str, Callable[[World, str], None]] = {
    each.__name__: each
    for each in (read_by_id, read_by_status, maintain, stream_to_chat, stream_to_tools, command_line)
}


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("place", RECORDS)
def test_a_bad_record_is_refused_wherever_it_is_read_and_the_good_one_goes_on(
    place: str, how: str, world: World
) -> None:
    world.application()
    RECORDS[place](world, how)


SPILLS: dict[str, bytes | str] = {
    "gone": "NoSuchKey",
    "denied": "AccessDenied",
    "archived": "InvalidObjectState",
    "list": b'["before"]',
    "number for text": b'{"before": {"S": 1}}',
    "no JSON": b"{",
    "no text": b"\xff",
    "deep": b"[" * 100_000 + b"]" * 100_000,
}


@pytest.mark.parametrize("how", SPILLS)
@pytest.mark.parametrize("place", RECORDS)
def test_states_that_cannot_be_read_are_refused_and_the_good_one_goes_on(
    place: str, how: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.client("s3").create_bucket(Bucket="spill")
    monkeypatch.setenv(SPILL_VARIABLE, "spill")
    body = SPILLS[how]
    key = f"records/{BAD}/{'0' * 64}.json"
    if isinstance(body, bytes):
        key = f"records/{BAD}/{hashlib.sha256(body).hexdigest()}.json"
        world.client("s3").put_object(Bucket="spill", Key=key, Body=body)
    monkeypatch.setitem(HOW, how, {"spilt": {"S": key}})
    world.application()
    with world.denied("GetObject", code=body) if isinstance(body, str) else nullcontext():
        RECORDS[place](world, how)


def test_an_overflow_bucket_that_fails_for_the_moment_keeps_no_other_record_waiting(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SPILL_VARIABLE, "spill")
    monkeypatch.setitem(HOW, "bucket", {"spilt": {"S": f"records/{BAD}/{'0' * 64}.json"}})  # It isn't there.
    world.application()
    maintain(world, "bucket")


def test_items_of_another_kind_hold_up_no_message(world: World) -> None:
    application = world.application()
    application.channels = [ops := Collector("ops")]
    held = HeldMessages(application)
    listed = {"status_shard": {"S": "held#ops"}, "updated_at": {"S": "2020-01-01T00:00:00.000+00:00"}}
    for number in range(MOST + 20):
        made = {"pk": {"S": f"slot#s3.{number}"}, **listed}
        world.client("dynamodb").put_item(TableName=TABLE, Item=made)
    world.client("dynamodb").put_item(TableName=TABLE, Item={"pk": {"S": f"record#{BAD}"}, **listed})
    held.hold(Held(channel="ops", message=message_of(record(GOOD, Status.ALERTED)), due=held.stamp()))
    assert waiting(application.dynamodb, TABLE)["ops"][0] == 1
    world.later(minutes=1)
    with world.running("notify"):
        drain(application)
    assert ops.received == [f"{GOOD}-1"]


HELD: dict[str, dict[str, Any]] = {
    "a record's key": {"pk": {"S": f"record#{BAD}"}},
    "another channel": {"channel": {"S": "board"}},
    "somebody's inbox": {"channel": {"S": "ops@eve@example.com"}},
    "another record": {"message": {"S": json.dumps({"record": GOOD})}},
    "cut off": {"message": {"S": '{"record": "s3.'}},
    "no message": {"message": {"N": "1"}},
}


@pytest.mark.parametrize("how", HELD)
def test_a_bad_message_is_not_sent_and_the_good_one_is(how: str, world: World) -> None:
    application = world.application()
    application.channels = [ops := Collector("ops"), board := Collector("board")]
    held = HeldMessages(application)
    for name in (GOOD, BAD):
        made = Held(channel="ops", message=message_of(record(name, Status.ALERTED)), due=held.stamp())
        held.hold(made)
        if name == BAD:
            key = {"pk": held_item(made)["pk"]}
            found = world.client("dynamodb").get_item(TableName=TABLE, Key=key)["Item"]
            world.client("dynamodb").delete_item(TableName=TABLE, Key=key)
            world.client("dynamodb").put_item(TableName=TABLE, Item={**found, **HELD[how]})
    world.later(minutes=1)
    drain(application)
    assert ops.received == [f"{GOOD}-1"]
    assert board.received == []


PLACE = {"sweep": "2026-11-23T10:00", "account": HOME, "region": REGION, "kind": "s3.Bucket"}
MESSAGES: dict[str, Any] = {
    "a stranger's account": {**PLACE, "account": "999999999999"},
    "a kind of another version": {**PLACE, "kind": "s3.Vault"},
    "another host": {**PLACE, "region": "evil.example"},
}


@pytest.mark.parametrize("function", [wiring.sweep, wiring.sweep_worker], ids=["sweep", "sweep_worker"])
@pytest.mark.parametrize("how", MESSAGES)
def test_a_bad_message_of_a_sweep_makes_no_call(
    function: Any, how: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    application = world.application()
    monkeypatch.setattr(wiring, "_APPLICATION", {HOME: application})
    body = json.dumps({**MESSAGES[how], "ids": ["x"], "expected_from_events": []})
    function({"Records": [{"body": body}]}, Context())
    assert world.calls == []


def test_the_good_ones_would_have_been_read(world: World) -> None:
    """Else the tests above prove nothing."""
    world.application()
    store(world, Status.ASKING, "key")
    both = [replace(record(name, Status.ASKING)) for name in (GOOD, BAD)]
    for each in both:
        world.client("dynamodb").put_item(
            TableName=TABLE,
            Item={
                **to_item(each),
                "status_shard": {"S": shard_of(each.status, each.id)},
                "updated_at": {"S": "2026"},
            },
        )
    assert {each.id for each in world.application().ledger.records(Status.ASKING)} == {GOOD, BAD}
