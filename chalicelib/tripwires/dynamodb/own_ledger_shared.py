from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import tripwire
from chalicelib.core.snapback_resources import BUT_DEPLOYMENTS, in_own_stack
from chalicelib.core.types import Severity

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Event

_CALLS = {
    "PutResourcePolicy": "put a policy on",
    "EnableKinesisStreamingDestination": "sent to a Kinesis stream the changes of",
    "ExportTableToPointInTime": "exported to a bucket",
}


@tripwire(severity=Severity.CRITICAL, on=cloudtrail("dynamodb", *_CALLS, userIdentity=BUT_DEPLOYMENTS), home_only=True)
def own_ledger_shared(event: Event, baseline: Baseline) -> str | None:
    """Snapback's own ledger shared or copied.

    The ledger holds the state of every resource before Snapback changed it. Anyone who reads it knows where accounts
    are open. Anyone who writes it can have Snapback undo its fixes. Remove the policy or the stream, and check who has
    read the ledger. Snapback treats calls by CloudFormation as deployments.

    Legitimate look-alikes: a deployment of the stack. The caller, CloudFormation, tells it apart. Nothing tells apart
    your own export or stream of the table.
    """
    named = (event.text("tableName") or event.text("tableArn") or event.text("resourceArn") or "").partition(":table/")
    table = (named[2] or named[0]).partition("/")[0]
    if not in_own_stack(baseline, event.account, table):
        return None
    return f"{event.actor.name} {_CALLS[event.name]} {table}"
