from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import tripwire
from chalicelib.core.types import Severity

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Event


@tripwire(severity=Severity.HIGH, on=cloudtrail("sts", "AssumeRoot"))
def root_assumed(event: Event, baseline: Baseline) -> str | None:
    """Root session of a member account started.

    From the management account or a delegated one, somebody became root of a member account for 15 minutes, within one
    of AWS's task policies. These allow deleting or restoring root credentials, or unlocking a bucket's or queue's
    policy. Check what the session did, by its access key. Name who may do so under `allow.principals`.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user-privileged-task.html

    Legitimate look-alikes: the team that unlocks buckets or removes members' root credentials. `allow.principals` tells
    allowed callers apart.
    """
    if any(map(baseline.principal, event.actor_arns)):
        return None
    task = (event.text("taskPolicyArn", "arn") or event.text("taskPolicyArn") or "").rpartition("/")[2]
    within = f" for {task}" if task else ""
    return f"{event.actor.name} became root of {event.text('targetPrincipal') or 'a member account'}{within}"
