"""What somebody who may write one service's items of the ledger can't get done: forged records, undos, spills."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.aws.ledger import DynamoLedger
from chalicelib.aws.ledger_index import shard_of
from chalicelib.aws.ledger_items import from_item, to_item
from chalicelib.aws.ledger_table import FILLED
from chalicelib.aws.overflow_store import SPILL_OVER, Spill
from chalicelib.core.errors import CannotAct, Unfinished, UnreadableRecord
from chalicelib.core.types import Status
from tests.engine.bucket import deliver, public

if TYPE_CHECKING:
    from chalicelib.core.record import Record
    from tests.support.world import World

PUBLIC = "http://acs.amazonaws.com/groups/global/AllUsers"
TABLE = "snapback-ledger"


@pytest.fixture
def fixed(world: World) -> Record:
    return world.record(deliver(world, public(world)).record)


def put(world: World, record: Record, **attributes: Any) -> None:
    """As whoever may write the table does, past Snapback."""
    item = {**to_item(record), **listed(record.status, record.id)}
    world.client("dynamodb").put_item(TableName=TABLE, Item={**item, **attributes})


def listed(status: str, id: str) -> dict[str, Any]:
    """The attributes by which the index finds an item, overdue."""
    found = {"status": status, "status_shard": shard_of(status, id), "updated_at": "2026-11-23T10:00:00.000+00:00"}
    return {**{name: {"S": value} for name, value in found.items()}, "lease_until": {"N": "1"}}


def is_public(world: World) -> bool:
    return PUBLIC in json.dumps(world.client("s3").get_bucket_acl(Bucket="app-logs")["Grants"])


def test_an_id_and_its_keys_begin_with_the_service(world: World, fixed: Record) -> None:
    assert fixed.id.startswith("s3.")
    keys = {item["pk"]["S"] for item in world.client("dynamodb").scan(TableName=TABLE)["Items"]}
    begins = ("record#s3.", "slot#s3.", "lock#s3#", "fixes#s3.")
    assert all(key.startswith(begins) for key in keys - {FILLED})
    assert {begin for begin in begins if any(key.startswith(begin) for key in keys)} == {*begins}


class TestForgedUndo:
    """Recovery writes the `before` of a record in `undoing`, five minutes later, with nobody asked."""

    def test_recovery_writes_nothing_for_one_that_nobody_began(self, world: World, fixed: Record) -> None:
        put(world, replace(fixed, status=Status.UNDOING))
        world.application().maintain()
        assert not is_public(world)
        assert world.record(fixed.id).status is Status.FAILED
        assert "no approver began it" in world.record(fixed.id).error

    @pytest.mark.parametrize(
        "changed",
        [
            {"before": {"grants": []}},
            {"undone": {"grants": []}},
            {"resource": "payroll"},
            {"account": "999999999999"},
            {"region": "eu-west-1"},
        ],
        ids=str,
    )
    def test_nor_for_one_that_was_begun_for_something_else(
        self, world: World, fixed: Record, changed: dict[str, Any]
    ) -> None:
        ledger = world.application().ledger
        begun = ledger.move(fixed, Status.UNDOING, by="bob", undone=fixed.before)
        assert ledger.undo_begun(begun)
        assert not ledger.undo_begun(replace(begun, **changed))

    def test_one_that_is_over_does_not_count_again(self, world: World, fixed: Record) -> None:
        application = world.application()
        application.engine.undo(fixed.id, "bob")
        world.client("s3").put_bucket_acl(Bucket="app-logs", ACL="private")
        put(world, replace(world.record(fixed.id), status=Status.UNDOING))
        application.maintain()
        assert not is_public(world)

    def test_one_that_act_began_and_died_with_is_finished(self, world: World, fixed: Record) -> None:
        world.application().ledger.move(fixed, Status.UNDOING, by="bob", undone=fixed.before)
        world.later(minutes=5)
        world.application().maintain()
        assert is_public(world)
        assert world.record(fixed.id).status is Status.UNDONE


FOREIGN = {
    "key": {"pk": {"S": "record#s3.ffffffffffffffff"}},
    "id": {"id": {"S": "iam.0123456789abcdef"}},
    "guardrail": {"guardrail": {"S": "iam.role_open_to_anyone"}},
    "kind": {"kind": {"S": "iam.Role"}},
    "shell": {"id": {"S": "s3.$(reboot)"}, "pk": {"S": "record#s3.$(reboot)"}},
}
BROKEN: dict[str, Any] = {
    "status": {"status": {"S": "from_the_future"}},
    "actor": {"actor": {"S": '{"kind": "IAM'}},
    "history": {"history": {"L": [{"S": '{"at": 1, "era": 2}'}]}},
    "type": {"event_time": {"N": "12"}},
}


@pytest.mark.parametrize("name", [*FOREIGN, *BROKEN])
def test_an_item_whose_parts_do_not_fit_is_no_record(fixed: Record, name: str) -> None:
    with pytest.raises(UnreadableRecord):
        from_item({**to_item(fixed), **{**FOREIGN, **BROKEN}[name]})


def test_a_record_of_another_kind_of_resource_is_not_acted_on(world: World, fixed: Record) -> None:
    put(world, replace(fixed, kind="resource.Account"))
    with pytest.raises(CannotAct, match="is not about a resource"):
        world.application().engine.undo(fixed.id, "bob")


def test_one_forged_item_keeps_recovery_from_no_other(world: World, fixed: Record) -> None:
    ledger = world.application().ledger
    ledger.move(fixed, Status.UNDOING, by="bob", undone=fixed.before)
    world.later(minutes=5)
    forged = {"pk": {"S": "slot#s3.x"}, **listed("fixing", "x")}
    world.client("dynamodb").put_item(TableName=TABLE, Item=forged)
    with pytest.raises(Unfinished, match=r"slot#s3\.x"):
        world.application().maintain()
    assert world.record(fixed.id).status is Status.UNDONE
    assert [record.id for record in world.records()] == [fixed.id]


class TestSpills:
    @pytest.fixture
    def ledger(self, world: World) -> DynamoLedger:
        world.client("s3").create_bucket(Bucket="spill")
        spill = Spill(lambda: world.client("s3"), "spill")
        return DynamoLedger(world.client("dynamodb"), TABLE, lambda: world.clock, spill)

    @pytest.fixture
    def spilt(self, world: World, fixed: Record, ledger: DynamoLedger) -> str:
        """The object's key."""
        ledger.note(replace(fixed, before={"grants": "x" * SPILL_OVER}), by="test", note="large")
        (only,) = world.client("s3").list_objects_v2(Bucket="spill")["Contents"]
        return str(only["Key"])

    def test_a_key_names_the_record_and_so_its_service(self, fixed: Record, spilt: str) -> None:
        assert spilt.startswith(f"records/{fixed.id}/")

    def test_states_that_were_exchanged_are_refused(
        self, world: World, fixed: Record, spilt: str, ledger: DynamoLedger
    ) -> None:
        world.client("s3").put_object(Bucket="spill", Key=spilt, Body=b'{"before": {"S": "{}"}}')
        with pytest.raises(UnreadableRecord, match="aren't those that Snapback stored"):
            ledger.get(fixed.id)

    def test_states_of_another_record_are_refused(
        self, world: World, fixed: Record, spilt: str, ledger: DynamoLedger
    ) -> None:
        other = spilt.replace(fixed.id, "iam.0123456789abcdef")
        world.client("s3").copy_object(Bucket="spill", Key=other, CopySource=f"spill/{spilt}")
        put(world, fixed, spilt={"S": other})
        with pytest.raises(UnreadableRecord, match="states of another"):
            ledger.get(fixed.id)

    def test_states_do_not_change_what_a_record_is_about(
        self, world: World, fixed: Record, ledger: DynamoLedger
    ) -> None:
        body = json.dumps({"resource": {"S": "payroll"}, "before": {"S": "{}"}}).encode()
        key = f"records/{fixed.id}/{sha256(body).hexdigest()}.json"
        world.client("s3").put_object(Bucket="spill", Key=key, Body=body)
        put(world, fixed, spilt={"S": key})
        found = ledger.get(fixed.id)
        assert found is not None
        assert (found.resource, found.before) == ("app-logs", {})
