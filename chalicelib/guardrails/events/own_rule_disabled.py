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
    """Snapback's own EventBridge rule disabled.

    A rule of Snapback's stack is disabled, deleted or without a target, or a rule for read-only calls, such as those of
    STS, no longer matches them. The guardrails behind it see no more events. An attacker would want this first.

    The fix enables the rule. Snapback only reports a deleted rule and one without a target: deploy the stack again.
    Snapback treats calls by CloudFormation as deployments and doesn't evaluate them. The rule that delivers these
    events has a twin in the stack, so each of the two detects that the other is disabled. If both are disabled at once,
    neither does; the hourly canary then fails.

    Legitimate look-alikes: a deployment of the stack. The caller tells it apart: Snapback doesn't evaluate calls by
    CloudFormation.
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
        faults.append("it no longer matches read-only calls")
    pages = aws.client("events").get_paginator("list_targets_by_rule").paginate(Rule=rule.name, EventBusName=rule.bus)
    if not any(page["Targets"] for page in pages):
        faults.append("it has no target, so nothing is called")
    return "; ".join(faults) or None
