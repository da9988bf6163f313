"""A ledger of a former version goes on with this one.

records_700082d.jsonl is what the first version wrote, records_2b6805e.jsonl the last one whose ids named no service.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.aws.ledger_table import FILLED
from chalicelib.notify.message import message_of
from snapback.deploy.template.whole import template

if TYPE_CHECKING:
    from tests.support.world import World

VERSIONS = ("700082d", "2b6805e")
FIXED, ALERTED, ASKING = "1b4cf120120792bf", "5d0376a505c9de8f", "8e5e7a2dac6ae511"
PUBLIC = "http://acs.amazonaws.com/groups/global/AllUsers"


def items(version: str) -> list[Any]:
    lines = (Path(__file__).parent / f"records_{version}.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture(params=VERSIONS)
def upgraded(world: World, request: pytest.FixtureRequest) -> World:
    """The account as a former version left it: a fixed bucket, and its records."""
    world.client("s3").create_bucket(Bucket="app-logs")
    world.application()
    for item in items(request.param):
        world.client("dynamodb").put_item(TableName="snapback-ledger", Item=item)
    world.client("dynamodb").delete_item(TableName="snapback-ledger", Key={"pk": {"S": FILLED}})
    world.application().ledger.fill_index(lambda: True, list[Exception]().append)  # As `act` does within five minutes.
    return world


def test_former_records_are_read_and_can_be_told(upgraded: World) -> None:
    records = {record.id: record for record in upgraded.records()}
    assert {record.id: record.status for record in records.values()} == {
        FIXED: "fixed", ALERTED: "alerted", ASKING: "asking"
    }  # fmt: skip
    assert records[FIXED].found_by == "event"
    assert all(message_of(record).record == record.id for record in records.values())


def test_a_former_fix_is_undone(upgraded: World) -> None:
    undone = upgraded.application().engine.undo(FIXED, "bob")
    assert undone.status == "undone"
    grants = upgraded.client("s3").get_bucket_acl(Bucket="app-logs")["Grants"]
    assert PUBLIC in {grant["Grantee"].get("URI") for grant in grants}


def test_a_former_undo_that_was_under_way_is_left_to_a_person(upgraded: World) -> None:
    """It has no seal: nobody can tell it from a forged one."""
    (fixed,) = (record for record in upgraded.records() if record.id == FIXED)
    changed = {"status": {"S": "undoing"}, "lease_until": {"N": "1"}}
    item = {**next(each for each in items("2b6805e") if each["pk"]["S"] == f"record#{fixed.id}"), **changed}
    upgraded.client("dynamodb").put_item(TableName="snapback-ledger", Item=item)
    application = upgraded.application()
    application.maintain()  # Fills in the index.
    application.maintain()
    assert upgraded.record(FIXED).status == "failed"
    assert PUBLIC not in json.dumps(upgraded.client("s3").get_bucket_acl(Bucket="app-logs")["Grants"])
    assert application.engine.undo(FIXED, "bob").status == "undone"


def test_a_former_question_is_answered(upgraded: World) -> None:
    upgraded.client("s3").put_bucket_acl(Bucket="app-logs", ACL="authenticated-read")
    assert upgraded.application().engine.approve(ASKING, "bob").status == "fixed"


def test_the_table_that_holds_them_is_not_replaced() -> None:
    """A change of these has CloudFormation make a new, empty table, or refuse; nor may its name in the template change.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html
    """
    ledger = template()["Resources"]["Ledger"]
    properties = ledger["Properties"]
    assert properties["KeySchema"] == [{"AttributeName": "pk", "KeyType": "HASH"}]
    assert "TableName" not in properties
    assert [each["IndexName"] for each in properties["GlobalSecondaryIndexes"]] == ["by-status", "by-status-shard"]
    assert properties["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    assert ledger["DeletionPolicy"] == ledger["UpdateReplacePolicy"] == "Retain"
    assert properties["DeletionProtectionEnabled"] is True
