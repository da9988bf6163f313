from __future__ import annotations

import re
from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import tripwire
from chalicelib.core.snapback_resources import BUT_DEPLOYMENTS, in_own_stack
from chalicelib.core.types import Severity

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Event

_CALLS = {
    "DeleteQueue": "deleted",
    "PurgeQueue": "emptied",
    "SetQueueAttributes": "changed the settings of",
    "AddPermission": "gave somebody else access to",
    "RemovePermission": "removed a permission from",
    "StartMessageMoveTask": "moved the messages out of",
}
_ARN = re.compile(r"arn:[a-z-]+:sqs:[a-z0-9-]+:(?P<account>[0-9]{12}):(?P<name>[A-Za-z0-9_.-]+)")
_URL = re.compile(r"https://[^/]+/(?P<account>[0-9]{12})/(?P<name>[A-Za-z0-9_.-]+)")


@tripwire(severity=Severity.HIGH, on=cloudtrail("sqs", *_CALLS, userIdentity=BUT_DEPLOYMENTS), home_only=True)
def own_queue_changed(event: Event, baseline: Baseline) -> str | None:
    """Snapback's own SQS queue changed.

    Snapback's queues hold events that it could not handle and messages that it could not deliver. If someone deletes,
    empties or redirects a queue, these are lost without a trace. Deploy the stack again, then run
    `snapback sweep`: it finds what is still unsafe. Snapback treats calls by CloudFormation as deployments.

    Legitimate look-alikes: a deployment of the stack, and a redrive of failed events. The caller, CloudFormation, tells
    a deployment apart. Nothing tells a redrive apart, so Snapback reports it.
    """
    named = event.text("queueUrl") or event.text("sourceArn") or ""
    found = _URL.fullmatch(named) or _ARN.fullmatch(named)
    if found is None or not in_own_stack(baseline, found["account"], found["name"]):
        return None
    return f"{event.actor.name} {_CALLS[event.name]} {found['name']}"
