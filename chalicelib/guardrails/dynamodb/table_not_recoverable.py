from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.snapback_resources import in_own_stack
from chalicelib.core.types import Severity
from chalicelib.fixes.dynamodb.keep_table import KeepRecoverable
from chalicelib.resources.dynamodb import Table

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = KeepRecoverable()


@guardrail(
    severity=Severity.LOW,
    resource=Table,
    on=cloudtrail("dynamodb", "UpdateContinuousBackups"),
    reads=FIX.reads,
    fix=FIX,
    controls=("DynamoDB.2",),
    opt_in=True,
)
def table_not_recoverable(table: Table, aws: Session) -> str | None:
    """DynamoDB table without point-in-time recovery.

    Items that a mistake or an attacker overwrites are lost. The fix turns point-in-time recovery on. DynamoDB charges for
    it by the table's size. Recovery begins with the fix: earlier moments stay lost, also after an undo.

    Legitimate look-alikes: caches, sessions and tables of tests; a new table has no recovery. Nothing tells them apart,
    so this guardrail only reports until the settings name it, and hears of changes, not of new tables. The sweep
    evaluates all tables. Snapback's own ledger has a guardrail of its own.
    """
    if in_own_stack(aws.baseline, table.account, table.id):
        return None
    on = FIX.read(table, aws)["PointInTimeRecoveryEnabled"]
    return None if on else "what is overwritten is lost: its point-in-time recovery is off"
