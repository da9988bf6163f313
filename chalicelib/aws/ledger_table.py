"""The ledger's table: its definition, and the calls that every item takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.core.errors import NoLedger

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

    from chalicelib.core.types import Status

TABLE: dict[str, Any] = {
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "status", "AttributeType": "S"},
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
        }
    ],
    "BillingMode": "PAY_PER_REQUEST",
    "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
    "SSESpecification": {"SSEEnabled": True},
}
"""The table as CloudFormation and, but for two words, CreateTable take it."""


class LedgerTable:
    """Raises NoLedger when the table is missing."""

    def __init__(self, client: DynamoDBClient, name: str) -> None:
        self.client, self.name = client, name

    def create(self) -> None:
        """Make the table as the template does; for a laptop and for tests."""
        spec = {**TABLE, "SSESpecification": {"Enabled": True}}
        spec["StreamSpecification"] = {**spec["StreamSpecification"], "StreamEnabled": True}
        self.client.create_table(TableName=self.name, **spec)
        self.client.get_waiter("table_exists").wait(TableName=self.name)
        self.client.update_time_to_live(
            TableName=self.name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"}
        )
        self.client.update_continuous_backups(
            TableName=self.name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )

    def exists(self) -> bool:
        try:
            self.client.describe_table(TableName=self.name)
        except self.client.exceptions.ResourceNotFoundException:
            return False
        return True

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
            self.client.transact_write_items(TransactItems=[_telling(item) for item in items])
        except self.client.exceptions.ResourceNotFoundException as error:
            raise self._missing() from error
        except self.client.exceptions.TransactionCanceledException as error:
            reasons = error.response["CancellationReasons"]
            codes = {reason["Code"] for reason in reasons} - {"None"}
            if codes - {"ConditionalCheckFailed", "TransactionConflict"}:
                raise
            return [reason.get("Item", {}) if reason["Code"] != "None" else None for reason in reasons]
        return None

    def query(
        self, status: Status, values: Mapping[str, Any] | None = None, when: str = "", **more: Any
    ) -> Iterator[Mapping[str, Any]]:
        pages = self.client.get_paginator("query").paginate(
            TableName=self.name,
            IndexName="by-status",
            KeyConditionExpression=f"#status = :status{when}",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":status": {"S": status}, **(values or {})},
            ScanIndexForward=False,
            **more,
        )
        try:
            for page in pages:
                yield from page["Items"]
        except self.client.exceptions.ResourceNotFoundException as error:
            raise self._missing() from error

    def _missing(self) -> NoLedger:
        return NoLedger(f"there is no ledger: table {self.name!r} does not exist; --create-ledger makes it")


def _telling(item: Mapping[str, Any]) -> Any:
    """The item of a transaction, with what stood in its way returned; only a request with a condition may ask for that."""
    return {
        kind: {**request, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        if "ConditionExpression" in request
        else request
        for kind, request in item.items()
    }
