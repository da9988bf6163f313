"""DynamoDB tables: kept from deletion, and recoverable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.fixes.setting import Setting
from chalicelib.resources.dynamodb import Table

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.core.types import State


class KeepTable(Setting[Table]):
    """Turn deletion protection on."""

    document = "dynamodb:table-protection"
    reads = ("dynamodb:DescribeTable",)
    writes = ("dynamodb:UpdateTable",)
    wanted = {"DeletionProtectionEnabled": True}

    def read(self, resource: Table, aws: Session) -> State:
        table = aws.client("dynamodb").describe_table(TableName=resource.id)["Table"]
        return {"DeletionProtectionEnabled": table.get("DeletionProtectionEnabled", False)}

    def write(self, resource: Table, state: State, aws: Session) -> None:
        aws.client("dynamodb").update_table(TableName=resource.id, **state)


class KeepRecoverable(Setting[Table]):
    """Turn point-in-time recovery on. DynamoDB charges for the backups by the table's size.

    Recovery then begins anew: moments before the fix can't be recovered.
    """

    document = "dynamodb:table-protection"
    reads = ("dynamodb:DescribeContinuousBackups",)
    writes = ("dynamodb:UpdateContinuousBackups",)
    wanted = {"PointInTimeRecoveryEnabled": True}

    def read(self, resource: Table, aws: Session) -> State:
        client = aws.client("dynamodb")
        found = client.describe_continuous_backups(TableName=resource.id)["ContinuousBackupsDescription"]
        status = found.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")
        return {"PointInTimeRecoveryEnabled": status == "ENABLED"}

    def write(self, resource: Table, state: State, aws: Session) -> None:
        client: Any = aws.client("dynamodb")
        client.update_continuous_backups(TableName=resource.id, PointInTimeRecoverySpecification=state)
