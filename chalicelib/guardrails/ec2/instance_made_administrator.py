from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.ec2.take_profile_off import TakeProfileOff
from chalicelib.fixes.iam.detach_admin_policies import POWER_READS, why_role_is_administrator
from chalicelib.resources.absent import absent
from chalicelib.resources.ec2.instances import Instance

if TYPE_CHECKING:
    from chalicelib.core.session import Session


@guardrail(
    severity=Severity.HIGH,
    resource=Instance,
    on=cloudtrail("ec2", "AssociateIamInstanceProfile", "ReplaceIamInstanceProfileAssociation", "RunInstances"),
    reads=("ec2:DescribeInstances", "iam:GetInstanceProfile", *POWER_READS),
    fix=TakeProfileOff(),
    opt_in=True,
)
def instance_made_administrator(instance: Instance, aws: Session) -> str | None:
    """EC2 instance with an administrator role.

    Anyone who gets onto an instance has its role's credentials. Starting an instance with an administrator's profile,
    or swapping a running one's profile, is a privilege escalation. The fix removes the profile, so the instance has no
    role at all. It asks first, because an undo would need the right to pass administrator roles. Name the allowed
    administrator roles under `allow.principals`. The definition of administrator is that of
    `iam.admin_policy_attached`, inline policies included.

    Legitimate look-alikes: build servers and management hosts with an intended administrator role. `allow.principals`,
    which names the role, tells them apart. The fix asks first.
    """
    found = instance.described(aws)
    profile = found.get("IamInstanceProfile", {}).get("Arn", "") if found else ""
    name = profile.rpartition("/")[2]
    if not name:
        return None
    with absent("NoSuchEntity"):  # The profile, its role or a policy is gone: it has no power.
        for role in aws.client("iam").get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"]:
            if why := why_role_is_administrator(role, instance.account, aws):
                return why
    return None
