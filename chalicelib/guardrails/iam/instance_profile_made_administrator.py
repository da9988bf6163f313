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
    """Instance profile given the role of an administrator.

    Every instance with the profile, in all regions, has the role's keys minutes later, running ones too: to swap the role
    in a profile is a quieter way up than to swap an instance's profile (`ec2.instance_made_administrator`). It is
    reported, never fixed: without a role the instances would fail. Take the role out, and put the former one back. Name
    the roles that may be administrator under `allow.principals`.

    Legitimate look-alikes: profiles of build servers and management hosts. They are told apart by
    `allow.principals`, which names the role; it is only reported.
    """
    for role in profile.described(aws)["Roles"]:
        if why := why_role_is_administrator(role, profile.account, aws):
            return why
    return None
