"""DynamoDB tables: not to be deleted, and recoverable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.rule import Fix, FixContext
from chalicelib.resources.absent import absent
from chalicelib.resources.dynamodb import Table

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.core.types import State


class ProtectTable(Fix[Table]):
    """Turn deletion protection and point-in-time recovery on again.

    The state is `{"exists"}` and, if it exists and isn't being deleted, `deletion_protection` and `recovery`.
    """

    document = "dynamodb:table-protection"
    reads = ("dynamodb:DescribeTable", "dynamodb:DescribeContinuousBackups")
    writes = (*reads, "dynamodb:UpdateTable", "dynamodb:UpdateContinuousBackups")

    def read(self, resource: Table, aws: Session) -> State:
        client = aws.client("dynamodb")
        with absent(*Table.gone):
            table = client.describe_table(TableName=resource.id)["Table"]
            if table.get("TableStatus") != "DELETING":
                backups = client.describe_continuous_backups(TableName=resource.id)["ContinuousBackupsDescription"]
                recovery = backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")
                return {
                    "exists": True,
                    "deletion_protection": table.get("DeletionProtectionEnabled", False),
                    "recovery": recovery == "ENABLED",
                }
        return {"exists": False}

    def safe(self, state: State, context: FixContext) -> State:
        return {**state, "deletion_protection": True, "recovery": True} if state["exists"] else state

    def write(self, resource: Table, state: State, aws: Session) -> None:
        client, now = aws.client("dynamodb"), self.read(resource, aws)
        if now.get("deletion_protection") != state["deletion_protection"]:
            client.update_table(TableName=resource.id, DeletionProtectionEnabled=state["deletion_protection"])
        if now.get("recovery") != state["recovery"]:
            client.update_continuous_backups(
                TableName=resource.id,
                PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": state["recovery"]},
            )
