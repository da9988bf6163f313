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

    The ledger is the only memory of what Snapback changed and how to put it back. Its deletion protection or its
    point-in-time recovery is off or goes back less than 35 days, its stream is off (then nobody is notified), or its items expire by another
    attribute than theirs, which may delete all of them.

    The fix turns deletion protection and point-in-time recovery on again; moments before that can no longer be
    recovered. The rest is reported: deploy the stack again, which also ties the functions to a new stream. A deleted
    ledger can't be written to: the event ends in the dead-letter queue, whose alarm rings. What CloudFormation does is
    taken for a deployment and not looked at.

    Legitimate look-alikes: a deployment of the stack changes the table step by step. What CloudFormation does is
    told apart by the caller, and not looked at.
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
