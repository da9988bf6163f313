from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import FixContext, guardrail
from chalicelib.core.snapback_resources import BUT_DEPLOYMENTS, in_own_stack
from chalicelib.core.types import Severity
from chalicelib.fixes.events.enable_rule import EnableRule
from chalicelib.resources.events import OwnRule

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.resources.events import Rule

FIX = EnableRule()
_CALLS = ("DisableRule", "EnableRule", "DeleteRule", "PutRule", "RemoveTargets")


@guardrail(
    severity=Severity.CRITICAL,
    resource=OwnRule,
    on=cloudtrail("events", *_CALLS, userIdentity=BUT_DEPLOYMENTS),
    reads=(*FIX.reads, "events:ListTargetsByRule"),
    fix=FIX,
    home_only=True,
)
def own_rule_disabled(rule: Rule, aws: Session) -> str | None:
    """Snapback's own rule disabled.

    An EventBridge rule of Snapback's stack is off, deleted, without a target, or, where it is about calls that only
    read, as STS's are, no longer sees those. The guardrails behind it are blind from then on, which is what somebody
    who is about to do harm would want first.

    The fix enables the rule; a deleted rule, and one without a target, are reported: deploy the stack again. What
    CloudFormation does is taken for a deployment and not looked at. The rule that brings these very events has a twin
    in the stack, so that switching one off is still seen by the other; both at the same moment are not, and then the
    hourly canary is what falls silent.

    Legitimate look-alikes: a deployment of the stack. What CloudFormation does is told apart by the caller, and not
    looked at.
    """
    if not in_own_stack(aws.baseline, rule.account, rule.name):
        return None
    state = FIX.read(rule, aws)
    if not state["exists"]:
        return "it is deleted"
    faults = []
    if state["state"] == "DISABLED":
        faults.append("it is disabled")
    elif FIX.safe(state, FixContext(aws.baseline)) != state:
        faults.append("it no longer sees calls that only read")
    pages = aws.client("events").get_paginator("list_targets_by_rule").paginate(Rule=rule.name, EventBusName=rule.bus)
    if not any(page["Targets"] for page in pages):
        faults.append("it has no target, so nothing is called")
    return "; ".join(faults) or None
