"""A record that this version or this function can't read, where another one leans on it: the finding is told all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.types import Status
from tests.engine.bucket import again
from tests.guardrails.s3.test_bucket_acl_made_public import CASE, ID
from tests.support import shared_documents as documents

if TYPE_CHECKING:
    from chalicelib.core.record import Record
    from tests.support.world import World

TABLE = "snapback-ledger"
POLICY = "s3.bucket_policy_made_public"
LATER = {"status": {"S": "of_a_later_version"}}


def change(world: World, key: str, values: dict[str, Any], to: str = "") -> None:
    client = world.client("dynamodb")
    item = client.get_item(TableName=TABLE, Key={"pk": {"S": key}})["Item"]
    client.put_item(TableName=TABLE, Item={**item, **values, "pk": {"S": to or key}})


def age(world: World, record: Record) -> None:
    """As a version wrote it whose ids named no service."""
    early = record.id.partition(".")[2]
    change(world, f"record#{record.id}", {"id": {"S": early}}, f"record#{early}")
    world.client("dynamodb").delete_item(TableName=TABLE, Key={"pk": {"S": f"record#{record.id}"}})
    change(world, f"slot#{record.slot}", {"record": {"S": early}})


@pytest.mark.parametrize("event", ["redelivered", "new"])
@pytest.mark.parametrize("mode", ["alert", "fix"])
def test_what_an_unreadable_record_stands_for_is_told_once_more(world: World, event: str, mode: Any) -> None:
    envelope = CASE.unsafe[0](world)
    (first,) = world.deliver(envelope, ID, "alert")
    change(world, f"record#{first.record}", LATER)
    world.later(seconds=30)
    if event == "new":
        envelope = again(envelope, world, minutes=10)
    (outcome,) = world.deliver(envelope, ID, mode)
    assert outcome.status in {Status.ALERTED, Status.FIXED}
    assert outcome.record != first.record
    (twice,) = world.deliver(envelope, ID, "alert")
    assert twice.record in {outcome.record, ""}


def test_what_an_early_version_told_is_not_told_again(world: World) -> None:
    envelope = CASE.unsafe[0](world)
    (first,) = world.deliver(envelope, ID, "alert")
    age(world, world.record(first.record))
    (outcome,) = world.deliver(envelope, ID, "alert")
    assert outcome.status == "duplicate"


@pytest.mark.parametrize("how", ["early", "later"])
def test_a_fight_ends_beside_a_record_that_cannot_be_read(world: World, how: str) -> None:
    envelope = CASE.unsafe[0](world)
    for number in range(4):
        (outcome,) = world.deliver(envelope, ID)
        if number == 3:
            break
        assert outcome.status is Status.FIXED
        if number == 2 and how == "early":
            age(world, world.record(outcome.record))
        elif number == 2:
            change(world, f"record#{outcome.record}", LATER)
        world.client("s3").put_bucket_acl(Bucket="app-logs", ACL="public-read")
        envelope = again(envelope, world, minutes=1)
    assert outcome.status is Status.FIGHTING


@pytest.mark.parametrize("force", [False, True])
def test_an_unreadable_neighbour_keeps_no_undo_waiting(world: World, force: bool) -> None:
    (outcome,) = world.deliver(documents.bucket(world)[POLICY], POLICY)
    record, other = world.record(outcome.record), "s3.ffffffffffffffff"
    change(world, f"record#{record.id}", {**LATER, "id": {"S": other}}, f"record#{other}")
    change(world, f"lock#{record.document}", {"fixed_2": {"S": other}})
    application = world.application("fix", POLICY)
    assert application.engine.undo(record.id, "bob", force=force).status is Status.UNDONE
    assert world.record(record.id).status is Status.UNDONE
    assert any(other in str(error) for error in application.unreadable)
