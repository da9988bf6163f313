from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.iam.detach_admin_policies import POWER_READS, why_role_is_administrator
from chalicelib.resources.iam.instance_profiles import InstanceProfile

if TYPE_CHECKING:
    from chalicelib.core.session import Session


@guardrail(
    severity=Severity.HIGH,
    resource=InstanceProfile,
    on=cloudtrail("iam", "AddRoleToInstanceProfile"),
    reads=("iam:GetInstanceProfile", *POWER_READS),
)
def instance_profile_made_administrator(profile: InstanceProfile, aws: Session) -> str | None:
    """Instance profile with an administrator role.

    Every instance with the profile, in all regions, gets the role's credentials within minutes, running instances
    included. Swapping the role in a profile is a quieter escalation than swapping an instance's profile
    (`ec2.instance_made_administrator`). Snapback only reports it: without a role, the instances would fail. Remove the
    role, and put the former one back. Name the allowed administrator roles under `allow.principals`.

    Legitimate look-alikes: profiles of build servers and management hosts. `allow.principals`, which names the role,
    tells them apart. Snapback only reports them.
    """
    for role in profile.described(aws)["Roles"]:
        if why := why_role_is_administrator(role, profile.account, aws):
            return why
    return None
