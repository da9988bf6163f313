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

    A guardrail that gives a pipeline time has its event come again by a schedule in the stack's group. Whoever deletes the
    group, or one of its schedules, or turns it elsewhere, has that finding never looked at again. Run `snapback sweep`,
    and deploy the stack again where the group is gone. What CloudFormation and Snapback's own functions do is left out.

    Legitimate look-alikes: schedules that Snapback's functions make and delete all day, and a deployment of the
    stack. Both are told apart by the caller.
    """
    group = event.text("name" if event.name == "DeleteScheduleGroup" else "groupName") or ""
    if not in_own_stack(baseline, event.account, group) or any(own_role(baseline, arn) for arn in event.actor_arns):
        return None
    what = "" if event.name == "DeleteScheduleGroup" else f" {event.text('name') or '?'} in"
    did = "changed" if event.name == "UpdateSchedule" else "deleted"
    return f"{event.actor.name} {did}{what} the schedule group {group}"
