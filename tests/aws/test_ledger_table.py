"""The table's definition, and writes that DynamoDB refuses for the moment only."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.aws.ledger import DynamoLedger
from chalicelib.aws.ledger_table import BACKOFF, TABLE, LedgerTable
from chalicelib.core.settings import Limits
from chalicelib.core.types import Status
from snapback.deploy.template.whole import template
from tests.aws.test_ledger import NOON, draft
from tests.delivery.memory import Table

if TYPE_CHECKING:
    from tests.support.world import World

NAME = "records"


def canceled(*codes: str) -> dict[str, Any]:
    reasons = [{"Code": code} for code in codes]
    return {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}


class Crowded(Table):
    """Each write is refused as often as there are `answers` left."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        super().__init__()
        self.answers = list(answers)

    def _met(self) -> None:
        if self.answers:
            answer = self.answers.pop(0)
            made = {"TransactionCanceledException": self.exceptions.TransactionCanceledException}
            raise made.get(answer["Error"]["Code"], ClientError)(answer, "Write")

    def transact_write_items(self, **request: Any) -> Any:
        self._met()
        return super().transact_write_items(**request)

    def put_item(self, **request: Any) -> Any:
        self._met()
        return super().put_item(**request)


def ledger(table: Table) -> tuple[DynamoLedger, list[float]]:
    pauses: list[float] = []
    client: Any = table
    return DynamoLedger(client, NAME, lambda: datetime(2026, 11, 23, 12, tzinfo=UTC), None, pauses.append), pauses


@pytest.mark.parametrize(
    "codes",
    [
        ("TransactionConflict", "None", "None"),
        ("None", "TransactionConflict", "TransactionConflict"),
        ("ThrottlingError", "None", "None"),
        ("None", "ProvisionedThroughputExceeded", "None"),
        ("ConditionalCheckFailed", "TransactionConflict", "None"),
    ],
)
def test_a_write_in_another_ones_way_is_made_again(codes: tuple[str, ...]) -> None:
    made, pauses = ledger(Crowded(*[canceled(*codes)] * 3))
    assert made.open(draft(), NOON, Limits()).id == "one"
    assert len(pauses) == 3
    assert all(0 <= pause <= most for pause, most in zip(pauses, BACKOFF, strict=False))


def test_a_step_that_is_only_noted_is_written_again_too() -> None:
    table = Crowded()
    made, pauses = ledger(table)
    record = made.move(made.open(draft(), NOON, Limits()), Status.FIXED, by="snapback")
    table.answers = [{"Error": {"Code": "TransactionConflictException"}}]
    assert made.note(record, by="bob", note="no").history[-1].note == "no"
    assert len(pauses) == 1


def test_pauses_are_drawn_so_that_two_writers_do_not_meet_again() -> None:
    drawn = set()
    for _ in range(5):
        made, pauses = ledger(Crowded(canceled("TransactionConflict")))
        made.open(draft(), NOON, Limits())
        drawn.add(pauses[0])
    assert len(drawn) > 1


def test_a_conflict_that_lasts_is_raised_and_is_nobodys_slot() -> None:
    made, pauses = ledger(Crowded(*[canceled("TransactionConflict", "None", "None")] * (len(BACKOFF) + 1)))
    with pytest.raises(ClientError, match="TransactionCanceled"):
        made.open(draft(), NOON, Limits())
    assert len(pauses) == len(BACKOFF)


def test_what_is_wrong_with_a_write_is_raised_at_once() -> None:
    made, pauses = ledger(Crowded(canceled("ValidationError", "None", "None")))
    with pytest.raises(ClientError):
        made.open(draft(), NOON, Limits())
    assert not pauses


def test_a_table_of_ones_own_is_as_the_stacks(world: World) -> None:
    """As `own_ledger_weakened` would have it, and more: all that the template says of it."""
    client = world.client("dynamodb")
    LedgerTable(client, NAME).create()
    table = client.describe_table(TableName=NAME)["Table"]
    said = template()["Resources"]["Ledger"]["Properties"]
    assert said.items() >= {name: value for name, value in TABLE.items() if name != "SSESpecification"}.items()
    assert table["DeletionProtectionEnabled"] is True
    assert table["BillingModeSummary"]["BillingMode"] == TABLE["BillingMode"]
    assert table["SSEDescription"]["Status"] == "ENABLED"
    assert table["StreamSpecification"] == {"StreamEnabled": True, **TABLE["StreamSpecification"]}
    indexes = {each["IndexName"]: (each["KeySchema"], each["Projection"]) for each in table["GlobalSecondaryIndexes"]}
    assert indexes == {
        each["IndexName"]: (each["KeySchema"], each["Projection"]) for each in TABLE["GlobalSecondaryIndexes"]
    }
    expiry = client.describe_time_to_live(TableName=NAME)["TimeToLiveDescription"]
    assert expiry == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}
    backups = client.describe_continuous_backups(TableName=NAME)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
