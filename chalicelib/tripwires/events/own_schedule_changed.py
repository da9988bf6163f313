from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import tripwire
from chalicelib.core.snapback_resources import BUT_DEPLOYMENTS, in_own_stack, own_role
from chalicelib.core.types import Severity

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Event


@tripwire(
    severity=Severity.HIGH,
    on=cloudtrail("scheduler", "DeleteScheduleGroup", "DeleteSchedule", "UpdateSchedule", userIdentity=BUT_DEPLOYMENTS),
    home_only=True,
)
def own_schedule_changed(event: Event, baseline: Baseline) -> str | None:
    """Snapback's own schedules changed.

    A guardrail with a grace period schedules its event again in the stack's schedule group. If someone deletes or
    redirects the group or one of its schedules, Snapback never evaluates that finding again. Run `snapback sweep`, and
    deploy the stack again if the group is gone. Snapback ignores calls by CloudFormation and by its own functions.

    Legitimate look-alikes: schedules that Snapback's functions create and delete all day, and a deployment of the
    stack. The caller tells both apart.
    """
    group = event.text("name" if event.name == "DeleteScheduleGroup" else "groupName") or ""
    if not in_own_stack(baseline, event.account, group) or any(own_role(baseline, arn) for arn in event.actor_arns):
        return None
    what = "" if event.name == "DeleteScheduleGroup" else f" {event.text('name') or '?'} in"
    did = "changed" if event.name == "UpdateSchedule" else "deleted"
    return f"{event.actor.name} {did}{what} the schedule group {group}"
