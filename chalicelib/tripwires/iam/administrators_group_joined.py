from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.arns import fits, without_path
from chalicelib.core.partitions import partition
from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import tripwire
from chalicelib.core.types import Severity

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Event


@tripwire(severity=Severity.HIGH, on=cloudtrail("iam", "AddUserToGroup"))
def administrators_group_joined(event: Event, baseline: Baseline) -> str | None:
    """User added to an administrators' group of IAM.

    Groups that `allow.principals` names, as `arn:aws:iam::123456789012:group/admins`, may be administrator: whoever joins
    one is too. Another guardrail evaluates all other groups (`iam.admin_policy_attached`). Take the user out of
    the group if nobody meant this. Name users who may be administrator, and who may add users, under
    `allow.principals`. CloudTrail tells no path, so that a group of that name counts whatever its path.

    Legitimate look-alikes: a new administrator who joins the team. Snapback compares the user and whoever added the user
    with `allow.principals`, and stays silent if one of them is there.
    """
    group, user = event.text("groupName"), event.text("userName")
    allowed = {form for glob in baseline.allow.principals for form in (glob, without_path(glob))}

    def may(kind: str, name: str | None) -> bool:
        arn = f"arn:{partition(event.region)}:iam::{event.account}:{kind}/{name}"
        return name is not None and any(fits(glob, arn) for glob in allowed)

    if not may("group", group) or may("user", user) or any(map(baseline.principal, event.actor_arns)):
        return None
    return f"{event.actor.name} added user {user or '?'} to the administrators' group {group}"
