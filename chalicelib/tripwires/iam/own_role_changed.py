from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import tripwire
from chalicelib.core.snapback_resources import BUT_DEPLOYMENTS, FORWARDER, in_own_stack, is_assumed
from chalicelib.core.types import Severity

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Event

_CALLS = (
    "PutRolePolicy",
    "DeleteRolePolicy",
    "AttachRolePolicy",
    "DetachRolePolicy",
    "UpdateAssumeRolePolicy",
    "PutRolePermissionsBoundary",
    "DeleteRolePermissionsBoundary",
    "UpdateRole",
    "CreateRole",
    "DeleteRole",
)


@tripwire(severity=Severity.CRITICAL, on=cloudtrail("iam", *_CALLS, userIdentity=BUT_DEPLOYMENTS))
def own_role_changed(event: Event, baseline: Baseline) -> str | None:
    """Snapback's own IAM role changed.

    The role of one of Snapback's functions, or `snapback-reader`, `snapback-forwarder` or a `snapback-fixer-…` in an
    account that Snapback covers, now allows more, less, or another caller. Deploy the stack again to restore the role.
    Snapback treats calls by CloudFormation as deployments: monitor who may deploy.

    Legitimate look-alikes: a deployment of the stack, in member accounts too. The caller, CloudFormation, tells it
    apart.
    """
    name = event.text("roleName") or ""
    if name != FORWARDER and not is_assumed(name) and not in_own_stack(baseline, event.account, name):
        return None
    what = event.text("policyArn") or event.text("policyName")
    return f"{event.actor.name} called {event.name} on {name}" + (f" with {what}" if what else "")
