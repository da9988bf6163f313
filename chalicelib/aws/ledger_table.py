"""The ledger's table: its definition, and the calls that every item takes."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from chalicelib.aws.ledger_conditions import string
from chalicelib.core.errors import NoLedger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

T = TypeVar("T")

TABLE_VARIABLE = "SNAPBACK_LEDGER"

INDEX = "by-status-shard"
FILLED = "index"
"""The item that tells when all items were last seen to be in that index."""
TABLE: dict[str, Any] = {
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "status", "AttributeType": "S"},
        {"AttributeName": "status_shard", "AttributeType": "S"},
        {"AttributeName": "updated_at", "AttributeType": "S"},
    ],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by-status",
            "KeySchema": [
                {"AttributeName": "status", "KeyType": "HASH"},
                {"AttributeName": "updated_at", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        },
        {
            "IndexName": INDEX,
            "KeySchema": [
                {"AttributeName": "status_shard", "KeyType": "HASH"},
                {"AttributeName": "updated_at", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["lease_until"]},
        },
    ],
    "BillingMode": "PAY_PER_REQUEST",
    "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
    "SSESpecification": {"SSEEnabled": True},
    "DeletionProtectionEnabled": True,
    "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
    "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True},
}
"""The table, as CloudFormation takes it; `LedgerTable.create` asks DynamoDB for the same."""

PASSING = frozenset(
    {
        "TransactionConflict",
        "TransactionConflictException",
        "ThrottlingError",
        "ProvisionedThroughputExceeded",
    }
)
"""Codes of a write that DynamoDB refused for the moment only, of which botocore repeats none by itself: an error's own,
or a canceled transaction's reason.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""
_NEVER = 2**40
"""Seconds since the epoch: a table that is made with its index lacks nothing in it."""
BACKOFF = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""The most seconds that are waited before a repeated write; how long is drawn, so that two writers don't meet again."""


class LedgerTable:
    """Raises NoLedger when the table is missing."""

    def __init__(self, client: DynamoDBClient, name: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self.client, self.name, self._sleep = client, name, sleep

    def create(self) -> None:
        """Make the table as the template does; for a laptop and for tests."""
        spec = dict(TABLE)
        expiry, recovery = spec.pop("TimeToLiveSpecification"), spec.pop("PointInTimeRecoverySpecification")
        spec["SSESpecification"] = {"Enabled": spec["SSESpecification"]["SSEEnabled"]}
        spec["StreamSpecification"] = {**spec["StreamSpecification"], "StreamEnabled": True}
        self.client.create_table(TableName=self.name, **spec)
        self.client.get_waiter("table_exists").wait(TableName=self.name)
        self.client.update_time_to_live(TableName=self.name, TimeToLiveSpecification=expiry)
        self.client.update_continuous_backups(TableName=self.name, PointInTimeRecoverySpecification=recovery)
        self.put({"pk": {"S": FILLED}, "filled_at": {"N": str(_NEVER)}})

    def exists(self) -> bool:
        try:
            self.client.describe_table(TableName=self.name)
        except self.client.exceptions.ResourceNotFoundException:
            return False
        return True

    def lacking(self) -> list[str]:
        """The indexes that a table of an earlier version hasn't got."""
        found = self.client.describe_table(TableName=self.name)["Table"].get("GlobalSecondaryIndexes", [])
        names = {each["IndexName"] for each in found}
        return [each["IndexName"] for each in TABLE["GlobalSecondaryIndexes"] if each["IndexName"] not in names]

    def item(self, key: str) -> Mapping[str, Any] | None:
        try:
            return self.client.get_item(TableName=self.name, Key={"pk": {"S": key}}, ConsistentRead=True).get("Item")
        except self.client.exceptions.ResourceNotFoundException as error:
            raise self._missing() from error

    def count(self, key: str, what: str, most: int, expires_at: int) -> bool:
        """One more of an item's counter; whether there were fewer than `most`."""
        try:
            self.client.update_item(
                TableName=self.name,
                Key={"pk": {"S": key}},
                UpdateExpression=f"ADD {what} :one SET expires_at = :expires_at",
                ConditionExpression=f"attribute_not_exists({what}) OR {what} < :most",
                ExpressionAttributeValues={
                    ":one": {"N": "1"},
                    ":most": {"N": str(most)},
                    ":expires_at": {"N": str(expires_at)},
                },
            )
        except self.client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def transact(self, *items: Any) -> list[Mapping[str, Any] | None] | None:
        """None when written; else, for each item, what stood in its way (None: nothing did)."""
        try:
            self.patiently(lambda: self.client.transact_write_items(TransactItems=[_telling(item) for item in items]))
        except self.client.exceptions.ResourceNotFoundException as error:
            raise self._missing() from error
        except self.client.exceptions.TransactionCanceledException as error:
            reasons = error.response["CancellationReasons"]
            if _codes(error) - {"None", "ConditionalCheckFailed"}:
                raise
            return [reason.get("Item", {}) if reason["Code"] != "None" else None for reason in reasons]
        return None

    def patiently(self, write: Callable[[], T]) -> T:
        """A write, repeated while another one has the items; raises what DynamoDB answers last."""
        for most in BACKOFF:
            try:
                return write()
            except ClientError as error:
                if not _codes(error) & PASSING:
                    raise
            self._sleep(random.uniform(0, most))  # noqa: S311 # nosec B311 - no secret
        return write()

    def update(self, key: str, change: str, condition: str, *, names: Any, values: Any) -> bool:
        """Whether the condition held, and the change is made."""
        try:
            self.client.update_item(
                TableName=self.name,
                Key={"pk": {"S": key}},
                UpdateExpression=change,
                ConditionExpression=condition,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
            )
        except self.client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def put(self, item: Mapping[str, Any]) -> None:
        self.client.put_item(TableName=self.name, Item=item)

    def query(
        self,
        index: str,
        name: str,
        value: str,
        when: str = "",
        values: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> Iterator[Mapping[str, Any]]:
        """The pages of an index, of one value of its key; `when` is a condition on `updated_at`."""
        pages = self.client.get_paginator("query").paginate(
            TableName=self.name,
            IndexName=index,
            KeyConditionExpression=f"#key = :key{when}",
            ExpressionAttributeNames={"#key": name},
            ExpressionAttributeValues={":key": {"S": value}, **(values or {})},
            **more,
        )
        try:
            yield from pages
        except self.client.exceptions.ResourceNotFoundException as error:
            raise self._missing() from error
        except ClientError as error:
            if error.response["Error"]["Code"] != "ValidationException" or "index" not in str(error):
                raise
            raise NoLedger(
                f"table {self.name!r} has no index {index!r}; deploy the stack again, which adds it"
            ) from error

    def _missing(self) -> NoLedger:
        return NoLedger(
            f"there is no ledger: table {self.name!r} does not exist in {self.client.meta.region_name}; pass "
            f"--stack NAME, or set AWS_REGION to the stack's region or {TABLE_VARIABLE} to the table's name"
        )


def key_of(row: Mapping[str, Any], kind: str) -> str:
    """The key of an index's row if it is of this kind (`record`, `message`), else nothing.

    Who may write a `slot#` item may give it any status, and so list it among others' items.
    """
    key = string(row, "pk")
    return key if key.startswith(f"{kind}#") else ""


def batch_get(client: DynamoDBClient, table: str, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What the table has under as many as 100 keys, consistently."""
    found: dict[str, dict[str, Any]] = {}
    wanted: Any = {table: {"Keys": [{"pk": {"S": key}} for key in keys], "ConsistentRead": True}}
    while wanted:
        answer = client.batch_get_item(RequestItems=wanted)
        found |= {row["pk"]["S"]: row for rows in answer["Responses"].values() for row in rows}
        wanted = answer.get("UnprocessedKeys")
    return found


def _codes(error: ClientError) -> set[str]:
    """An error's code, and those of the reasons why a transaction was canceled."""
    reasons: Any = error.response.get("CancellationReasons")
    return {reason["Code"] for reason in reasons} if reasons else {error.response["Error"]["Code"]}


def _telling(item: Mapping[str, Any]) -> Any:
    """The item of a transaction, with what stood in its way returned; only a request with a condition may ask for that."""
    return {
        kind: {**request, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        if "ConditionExpression" in request
        else request
        for kind, request in item.items()
    }
