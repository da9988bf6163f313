from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.guardrail import Severity, guardrail
from chalicelib.core.pattern import cloudtrail
from chalicelib.fixes.detach_admin_policies import DetachAdminPolicies
from chalicelib.resources.iam import Identity, kept_by_aws

if TYPE_CHECKING:
    from chalicelib.core.ports import Session

FIX = DetachAdminPolicies()


@guardrail(
    severity=Severity.HIGH,
    resource=Identity,
    on=cloudtrail("iam", "AttachUserPolicy", "AttachRolePolicy", "AttachGroupPolicy"),
    reads=(*FIX.reads, "iam:GetUser", "iam:GetRole", "iam:GetGroup"),
    fix=FIX,
    controls=("IAM.1", "CIS-5.0 1.15"),
    opt_in=True,
)
def admin_policy_attached(identity: Identity, aws: Session) -> str | None:
    """IAM user, role or group made administrator.

    AdministratorAccess, AdministratorAccess-Amplify, IAMFullAccess or a customer managed policy that allows as much is
    attached to it. The fix detaches just these policies. Name who may be administrator, by ARN with its path, under `known.principals` before
    you switch the fix on: it would lock out the others. Service-linked roles and those of IAM Identity Center
    (AWSReservedSSO_…) are let be, since AWS lets nobody change them. Inline policies are not looked at.
    """
    found = FIX.found(identity, aws)
    if not found:
        return None
    described = identity.described(aws)
    if aws.known.principal(described["Arn"]) or kept_by_aws(described):
        return None
    return "administrator by " + ", ".join(f"{arn.rpartition('/')[2]} ({why})" for arn, why in found.items())
