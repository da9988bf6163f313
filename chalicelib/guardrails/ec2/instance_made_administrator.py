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
    """Instance given the role of an administrator.

    Whoever gets onto an instance has the keys of its role: to start one with an administrator's profile, or to swap a
    running one's, is a way up from an ordinary account. The fix takes the profile off, so that the instance has no role at all; it asks first,
    since an undo would need the right to hand out administrators' roles. Name the roles that may be administrator under
    `allow.principals`. What makes one administrator is as with `iam.admin_policy_attached`, inline policies included.

    Legitimate look-alikes: build servers and management hosts whose role is meant to be administrator. They are
    told apart by `allow.principals`, which names the role; the fix asks first.
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
