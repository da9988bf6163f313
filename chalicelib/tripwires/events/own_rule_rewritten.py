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
    """Snapback's own rule rewritten.

    Somebody gave an EventBridge rule of Snapback's stack another pattern or target: it may see less now, or tell
    somebody else what it sees. Deploy the stack again to have it as it was. What CloudFormation does is taken for a
    deployment. When Snapback itself gives a rule back its state by PutRule, as it must for the rule on STS, that is
    reported too.

    Legitimate look-alikes: a deployment of the stack. What CloudFormation does is told apart by the caller;
    Snapback's own PutRule is not, and is reported.
    """
    name = event.text("name" if event.name == "PutRule" else "rule")
    if name is None or not in_own_stack(baseline, event.account, name):
        return None
    return (
        f"{event.actor.name} gave {name} {'another pattern or state' if event.name == 'PutRule' else 'another target'}"
    )
