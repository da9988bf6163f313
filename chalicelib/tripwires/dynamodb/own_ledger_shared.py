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
    "EnableKinesisStreamingDestination": "sent every change to a Kinesis stream of",
    "ExportTableToPointInTime": "copied to a bucket the whole of",
}


@tripwire(severity=Severity.CRITICAL, on=cloudtrail("dynamodb", *_CALLS, userIdentity=BUT_DEPLOYMENTS), home_only=True)
def own_ledger_shared(event: Event, baseline: Baseline) -> str | None:
    """Snapback's own ledger shared or copied.

    It holds what every resource was like before Snapback changed it: whoever reads it knows where accounts are open, and
    whoever writes it can have Snapback undo its fixes. Take the policy or the
    stream away, and look at who has read it. What CloudFormation does is taken for a deployment.

    Legitimate look-alikes: a deployment of the stack. What CloudFormation does is told apart by the caller; your
    own export or stream of the table is not.
    """
    named = (event.text("tableName") or event.text("tableArn") or event.text("resourceArn") or "").partition(":table/")
    table = (named[2] or named[0]).partition("/")[0]
    if not in_own_stack(baseline, event.account, table):
        return None
    return f"{event.actor.name} {_CALLS[event.name]} {table}"
