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
    "UpdateFunctionCode": "changed its code",
    "UpdateFunctionConfiguration": "changed its configuration",
    "DeleteFunction": "deleted it",
    "PutFunctionConcurrency": "changed its concurrency",
    "DeleteFunctionConcurrency": "changed its concurrency",
    "AddPermission": "allowed another caller",
    "RemovePermission": "removed a caller's permission",
    "PutFunctionEventInvokeConfig": "changed its retries or dead letters",
    "UpdateFunctionEventInvokeConfig": "changed its retries or dead letters",
    "DeleteFunctionEventInvokeConfig": "changed its retries or dead letters",
    "CreateEventSourceMapping": "connected it to another event source",
    "UpdateEventSourceMapping": "changed its event source",
    "DeleteEventSourceMapping": "removed its event source",
    "CreateFunctionUrlConfig": "gave it a function URL",
    "UpdateFunctionUrlConfig": "changed its function URL",
    "PutResourcePolicy": "changed who may call it",
    "DeleteResourcePolicy": "removed all callers' permissions",
}
_NAME = re.compile(r"(?:.*:?function:)?(?P<name>[A-Za-z0-9_-]+)(?::[A-Za-z0-9$_.-]+)?")
"""A name or an ARN, whole or in part, with or without a version."""


@tripwire(severity=Severity.CRITICAL, on=cloudtrail("lambda", *_CALLS, userIdentity=BUT_DEPLOYMENTS))
def own_function_changed(event: Event, baseline: Baseline) -> str | None:
    """Snapback's own Lambda function changed.

    Anyone who changes the code of one of Snapback's functions gets its permissions. Anyone who stops it, or cuts off
    its events, blinds its guardrails. Deploy the stack again to restore the function, and find out what its role did in
    between. Snapback treats calls by CloudFormation as deployments.

    Legitimate look-alikes: a deployment of the stack. The caller, CloudFormation, tells it apart.
    """
    given = event.text("functionName") or event.answered("functionArn") or event.answered("functionName") or ""
    found = _NAME.fullmatch(given)
    if found is None or not in_own_stack(baseline, event.account, found["name"]):
        return None
    return f"{event.actor.name} {_CALLS[event.call]}: {found['name']}"
