from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.partitions import partition
from chalicelib.core.pattern import any_of, cloudtrail
from chalicelib.core.rule import tripwire
from chalicelib.core.types import Severity

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Event


@tripwire(
    severity=Severity.HIGH,
    on=any_of(cloudtrail("identitystore", "CreateGroupMembership"), cloudtrail("sso-directory", "AddMemberToGroup")),
)
def administrators_group_joined(event: Event, baseline: Baseline) -> str | None:
    """Person added to an IAM Identity Center administrators' group.

    Groups that `allow.principals` names, as `arn:aws:identitystore:::group/<id>`, are allowed administrators, and so
    are their new members. `sso.administrator_assigned` finds other groups when they are assigned. Remove the person
    from the group if nobody intended this. Name who may add people, such as a role that syncs them, under
    `allow.principals`.

    Legitimate look-alikes: directories synced by SCIM, and new administrators. `allow.principals` tells allowed callers
    apart.
    """
    group = event.text("groupId")
    arn = f"arn:{partition(event.region)}:identitystore:::group/{group}"
    if group is None or not baseline.principal(arn) or any(map(baseline.principal, event.actor_arns)):
        return None
    who = event.text("memberId", "userId") or event.text("memberId", "memberId") or event.text("memberId") or "somebody"
    return f"{event.actor.name} added {who} to the administrators' group {group}"
