from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.snapback_resources import in_own_stack
from chalicelib.core.types import Severity
from chalicelib.fixes.dynamodb.keep_table import KeepTable
from chalicelib.resources.dynamodb import Table

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = KeepTable()


@guardrail(
    severity=Severity.LOW,
    resource=Table,
    on=cloudtrail("dynamodb", "UpdateTable"),
    reads=FIX.reads,
    fix=FIX,
    controls=("DynamoDB.6",),
    opt_in=True,
)
def table_deletable(table: Table, aws: Session) -> str | None:
    """DynamoDB table without deletion protection.

    One call deletes the table with all its items. The fix turns deletion protection on; reads and writes of items don't
    change, and it costs nothing. A deployment that replaces the table then fails.

    Legitimate look-alikes: tables of tests and of stacks that come and go; a new table has no protection. Nothing tells
    them apart, so this guardrail only reports until the settings name it, and hears of changes, not of new tables. The
    sweep evaluates all tables. Snapback's own ledger has a guardrail of its own.
    """
    if in_own_stack(aws.baseline, table.account, table.id):
        return None
    return None if FIX.read(table, aws)["DeletionProtectionEnabled"] else "one call deletes it: its protection is off"
