from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.analysis.policy_escalation import administrators
from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.ec2.take_profile_off import TakeProfileOff
from chalicelib.fixes.iam.detach_admin_policies import DetachAdminPolicies
from chalicelib.resources.absent import absent
from chalicelib.resources.ec2.instances import Instance
from chalicelib.resources.iam.identities import Identity

if TYPE_CHECKING:
    from chalicelib.core.session import Session


@guardrail(
    severity=Severity.HIGH,
    resource=Instance,
    on=cloudtrail("ec2", "AssociateIamInstanceProfile", "ReplaceIamInstanceProfileAssociation"),
    reads=(
        "ec2:DescribeInstances",
        "iam:GetInstanceProfile",
        "iam:GetRole",
        "iam:ListAttachedRolePolicies",
        "iam:GetPolicy",
        "iam:GetPolicyVersion",
        "iam:ListRolePolicies",
        "iam:GetRolePolicy",
    ),
    fix=TakeProfileOff(),
    opt_in=True,
)
def instance_made_administrator(instance: Instance, aws: Session) -> str | None:
    """Instance given the role of an administrator.

    Whoever gets onto a running instance has the keys of its role: to swap its profile for an administrator's is a way
    up from an ordinary account. The fix takes the profile off, so that the instance has no role at all; it asks first,
    since an undo would need the right to hand out administrators' roles. Name the roles that may be administrator under
    `allow.principals`. What makes one administrator is as with `iam.admin_policy_attached`, inline policies included.
    """
    found = instance.described(aws)
    profile = found.get("IamInstanceProfile", {}).get("Arn", "") if found else ""
    name = profile.rpartition("/")[2]
    if not name:
        return None
    with absent("NoSuchEntity"):  # The profile, its role or a policy is gone: it has no power.
        for role in aws.client("iam").get_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Roles"]:
            if aws.baseline.principal(role["Arn"]):
                continue
            identity = Identity(f"role/{role['RoleName']}", instance.account, instance.region)
            boundary = identity.boundary(aws)
            powers = DetachAdminPolicies().found(identity, aws, boundary)
            powers |= administrators(identity.inline(aws), boundary)
            if powers:
                why = ", ".join(f"{policy.rpartition('/')[2]} {reason}" for policy, reason in sorted(powers.items()))
                return f"its role {role['RoleName']} is administrator: {why}"
    return None
