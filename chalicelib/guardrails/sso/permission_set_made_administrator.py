from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.sso.revoke_assignment import why_administrator
from chalicelib.resources.sso import PermissionSet

if TYPE_CHECKING:
    from chalicelib.core.session import Session


@guardrail(
    severity=Severity.HIGH,
    resource=PermissionSet,
    on=cloudtrail(
        "sso",
        "AttachManagedPolicyToPermissionSet",
        "DeleteInlinePolicyFromPermissionSet",
        "DetachManagedPolicyFromPermissionSet",
        "PutInlinePolicyToPermissionSet",
    ),
    reads=("sso:ListManagedPoliciesInPermissionSet", "sso:GetInlinePolicyForPermissionSet"),
)
def permission_set_made_administrator(set: PermissionSet, aws: Session) -> str | None:
    """Permission set of IAM Identity Center that makes administrators.

    All who are assigned to it become administrators, in each of their accounts, as soon as it is provisioned. Snapback
    only tells: to take the policy off again changes as many accounts. Name permission sets that are meant so under
    `allow.principals`, as `arn:aws:sso:::permissionSet/ssoins-…/ps-…`. Customer managed policies and permissions
    boundaries of the permission set are not looked at.

    Legitimate look-alikes: Control Tower's AWSAdministratorAccess, and the set for your own administrators. They
    are told apart by `allow.principals` alone; it is only reported.
    """
    return None if aws.baseline.principal(set.arn) else why_administrator(set, aws)
