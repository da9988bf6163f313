"""DynamoDB tables: not to be deleted, and recoverable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.core.rule import Fix, FixContext
from chalicelib.resources.absent import absent
from chalicelib.resources.dynamodb import Table

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.core.types import State


RECOVERY_DAYS = 35
"""How many days back point-in-time recovery goes unless a call says less.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PointInTimeRecoverySpecification.html
"""


class ProtectTable(Fix[Table]):
    """Turn deletion protection and point-in-time recovery on again.

    The state is `{"exists"}` and, if it exists and isn't being deleted, `deletion_protection`, `recovery` and how many days
    back that goes (`recovery_days`).
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
                recovery = backups.get("PointInTimeRecoveryDescription", {})
                return {
                    "exists": True,
                    "deletion_protection": table.get("DeletionProtectionEnabled", False),
                    "recovery": recovery.get("PointInTimeRecoveryStatus") == "ENABLED",
                    "recovery_days": recovery.get("RecoveryPeriodInDays", RECOVERY_DAYS),
                }
        return {"exists": False}

    def safe(self, state: State, context: FixContext) -> State:
        if not state["exists"]:
            return state
        return {**state, "deletion_protection": True, "recovery": True, "recovery_days": RECOVERY_DAYS}

    def write(self, resource: Table, state: State, aws: Session) -> None:
        client: Any = aws.client("dynamodb")
        now = self.read(resource, aws)
        if now.get("deletion_protection") != state["deletion_protection"]:
            client.update_table(TableName=resource.id, DeletionProtectionEnabled=state["deletion_protection"])
        days = {"RecoveryPeriodInDays": state.get("recovery_days", RECOVERY_DAYS)} if state["recovery"] else {}
        if now.get("recovery") != state["recovery"] or (days and days["RecoveryPeriodInDays"] != now["recovery_days"]):
            client.update_continuous_backups(
                TableName=resource.id,
                PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": state["recovery"], **days},
            )
