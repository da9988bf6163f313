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
    "UpdateFunctionCode": "gave it other code",
    "UpdateFunctionConfiguration": "changed its configuration",
    "DeleteFunction": "deleted it",
    "PutFunctionConcurrency": "changed how often it may run at once",
    "DeleteFunctionConcurrency": "changed how often it may run at once",
    "AddPermission": "let somebody else call it",
    "RemovePermission": "forbade somebody to call it",
    "PutFunctionEventInvokeConfig": "changed its retries or dead letters",
    "UpdateFunctionEventInvokeConfig": "changed its retries or dead letters",
    "DeleteFunctionEventInvokeConfig": "changed its retries or dead letters",
    "CreateEventSourceMapping": "tied it to another source of events",
    "UpdateEventSourceMapping": "changed what it is fed by",
    "DeleteEventSourceMapping": "cut off what it is fed by",
    "CreateFunctionUrlConfig": "gave it an address on the internet",
    "UpdateFunctionUrlConfig": "changed its address on the internet",
    "PutResourcePolicy": "changed who may call it",
    "DeleteResourcePolicy": "forbade everybody to call it",
}
_NAME = re.compile(r"(?:.*:?function:)?(?P<name>[A-Za-z0-9_-]+)(?::[A-Za-z0-9$_.-]+)?")
"""A name or an ARN, whole or in part, with or without a version."""


@tripwire(severity=Severity.CRITICAL, on=cloudtrail("lambda", *_CALLS, userIdentity=BUT_DEPLOYMENTS))
def own_function_changed(event: Event, baseline: Baseline) -> str | None:
    """Snapback's own function changed.

    Whoever changes the code of one of Snapback's functions has its permissions; whoever lets it no longer run, or feeds
    it no more, has made its guardrails blind. Deploy the stack again to have it as it was, and find out what was done
    with its role in between. What CloudFormation does is taken for a deployment.

    Legitimate look-alikes: a deployment of the stack. What CloudFormation does is told apart by the caller.
    """
    given = event.text("functionName") or event.answered("functionArn") or event.answered("functionName") or ""
    found = _NAME.fullmatch(given)
    if found is None or not in_own_stack(baseline, event.account, found["name"]):
        return None
    return f"{event.actor.name} {_CALLS[event.call]}: {found['name']}"
