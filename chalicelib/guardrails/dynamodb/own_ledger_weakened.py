from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.snapback_resources import BUT_DEPLOYMENTS, in_own_stack
from chalicelib.core.types import Severity
from chalicelib.fixes.dynamodb.protect_table import RECOVERY_DAYS, ProtectTable
from chalicelib.resources.dynamodb import OwnTable

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.resources.dynamodb import Table

FIX = ProtectTable()
_CALLS = ("UpdateTable", "DeleteTable", "UpdateContinuousBackups", "UpdateTimeToLive")
_EXPIRY = "expires_at"


@guardrail(
    severity=Severity.CRITICAL,
    resource=OwnTable,
    on=cloudtrail("dynamodb", *_CALLS, userIdentity=BUT_DEPLOYMENTS),
    reads=(*FIX.reads, "dynamodb:DescribeTimeToLive"),
    fix=FIX,
    home_only=True,
)
def own_ledger_weakened(table: Table, aws: Session) -> str | None:
    """Snapback's own ledger weakened.

    The ledger is the only record of what Snapback changed and how to undo it. This guardrail checks deletion
    protection, point-in-time recovery (35 days), the stream (without it, nobody is notified) and the expiry attribute
    (another attribute may delete all items).

    The fix turns deletion protection and point-in-time recovery on again. Earlier moments can no longer be recovered.
    Snapback only reports the other faults: deploy the stack again, which also connects the functions to a new stream.
    With a deleted ledger, Snapback can't write a record: the event goes to the dead-letter queue, which raises an
    alarm. Snapback treats calls by CloudFormation as deployments and doesn't evaluate them.

    Legitimate look-alikes: a deployment of the stack changes the table step by step. The caller tells it apart:
    Snapback doesn't evaluate calls by CloudFormation.
    """
    if not in_own_stack(aws.baseline, table.account, table.id):
        return None
    state = FIX.read(table, aws)
    if not state["exists"]:
        return "it is deleted"
    client = aws.client("dynamodb")
    faults = [] if state["deletion_protection"] else ["its deletion protection is off"]
    if not state["recovery"]:
        faults.append("its point-in-time recovery is off")
    elif state["recovery_days"] < RECOVERY_DAYS:
        faults.append(f"its point-in-time recovery goes back {state['recovery_days']} days only")
    if not client.describe_table(TableName=table.id)["Table"].get("StreamSpecification", {}).get("StreamEnabled"):
        faults.append("its stream is off, so nobody is notified of anything")
    expiry = client.describe_time_to_live(TableName=table.id)["TimeToLiveDescription"]
    if expiry.get("AttributeName") != _EXPIRY or expiry.get("TimeToLiveStatus") not in ("ENABLED", "ENABLING"):
        faults.append(f"its items no longer expire by {_EXPIRY}")
    return "; ".join(faults) or None
