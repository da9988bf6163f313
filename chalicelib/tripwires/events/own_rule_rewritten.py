from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import tripwire
from chalicelib.core.snapback_resources import BUT_DEPLOYMENTS, in_own_stack
from chalicelib.core.types import Severity

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Event


@tripwire(
    severity=Severity.CRITICAL,
    on=cloudtrail("events", "PutRule", "PutTargets", userIdentity=BUT_DEPLOYMENTS),
    home_only=True,
)
def own_rule_rewritten(event: Event, baseline: Baseline) -> str | None:
    """Snapback's own EventBridge rule rewritten.

    Somebody gave a rule of Snapback's stack another pattern or target. The rule may now miss events, or send them to
    somebody else. Deploy the stack again to restore the rule. Snapback treats calls by CloudFormation as deployments.
    When Snapback itself restores a rule's state with PutRule, as it must for the STS rule, it reports that too.

    Legitimate look-alikes: a deployment of the stack. The caller, CloudFormation, tells it apart. Nothing tells apart
    Snapback's own PutRule, so Snapback reports it.
    """
    name = event.text("name" if event.name == "PutRule" else "rule")
    if name is None or not in_own_stack(baseline, event.account, name):
        return None
    return (
        f"{event.actor.name} gave {name} {'another pattern or state' if event.name == 'PutRule' else 'another target'}"
    )
