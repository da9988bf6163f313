"""docs/recover.md: which items of the ledger hold a person's name or address, and when they expire."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.aws.ledger import KEPT
from tests.guardrails.s3.test_bucket_acl_made_public import CASE, ID

if TYPE_CHECKING:
    from tests.support.world import World

APPROVER, UNDOER = "approver@example.com", "undoer@example.com"


@pytest.fixture
def record(world: World) -> str:
    """One that somebody approved, and somebody else undid."""
    (outcome,) = world.deliver(CASE.unsafe[0](world), ID, "ask")
    engine = world.application("ask", ID).engine
    engine.approve(outcome.record, APPROVER)
    engine.undo(outcome.record, UNDOER)
    return outcome.record


def naming(world: World) -> dict[str, Any]:
    """The items that hold who changed it, from where, or who decided."""
    (record,) = world.records()
    names = (APPROVER, UNDOER, record.actor.principal, record.actor.source_ip)
    assert all(names)
    table: Any = {"TableName": "snapback-ledger"}
    items = {each["pk"]["S"]: each for each in world.client("dynamodb").scan(**table)["Items"]}
    assert len(items) > 3
    return {key: each for key, each in items.items() if any(name in json.dumps(each) for name in names)}


def test_names_and_addresses_are_in_the_record_s_item_alone(world: World, record: str) -> None:
    found = naming(world)
    assert found.keys() == {f"record#{record}"}
    text = json.dumps(found)
    assert all(name in text for name in (APPROVER, UNDOER))


def test_it_expires_400_days_after_its_last_step(world: World, record: str) -> None:
    (item,) = naming(world).values()
    assert KEPT.days == 400
    assert int(item["expires_at"]["N"]) == int((world.clock + KEPT).timestamp())
