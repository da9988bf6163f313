from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.analysis.policy_document import judged
from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.iam.detach_admin_policies import DetachAdminPolicies, attached
from chalicelib.resources.iam.identities import LESS_HELD_BACK, Identity, kept_by_aws

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = DetachAdminPolicies()


@guardrail(
    severity=Severity.HIGH,
    resource=Identity,
    on=cloudtrail("iam", "AttachUserPolicy", "AttachRolePolicy", "AttachGroupPolicy", *LESS_HELD_BACK),
    reads=(*FIX.reads, "iam:GetUser", "iam:GetRole", "iam:GetGroup"),
    fix=FIX,
    opt_in=True,
)
def admin_policy_attached(identity: Identity, aws: Session) -> str | None:
    """IAM user, role or group made administrator.

    It has AdministratorAccess, AdministratorAccess-Amplify, IAMFullAccess, or a customer managed policy that allows as
    much. A policy that allows a published escalation path, such as iam:PassRole, also counts beside PowerUserAccess or
    a similar policy: everything outside IAM is then already open. Denies in the policies and the permissions boundary
    count. When one of them is removed, or a user joins a group, Snapback evaluates the identity again. The fix detaches
    only these policies. When nobody else has AdministratorAccess or IAMFullAccess, it asks first.

    Name the allowed administrators, by ARN with path, under `allow.principals` before you switch the fix on; otherwise
    it locks them out. Service-linked roles and those of IAM Identity Center (AWSReservedSSO_…) are exempt, because AWS
    lets nobody change them. Snapback doesn't evaluate inline policies, AWS's other policies, or what a user gets from
    its groups: it evaluates the group itself.

    Legitimate look-alikes: break-glass roles, deployment roles of pipelines, CDK's `cdk-…-cfn-exec-role-…`, and
    Organizations' `OrganizationAccountAccessRole` and `AWSControlTowerExecution`. Nothing in a role tells intent: name
    them under `allow.principals`. Until the settings name this guardrail, it only alerts.
    """
    if not judged(FIX.found(identity, aws), *attached(identity, aws).values()):
        return None
    described = identity.described(aws)
    if aws.baseline.principal(described["Arn"]) or kept_by_aws(described):
        return None
    found = FIX.found(identity, aws, identity.boundary(aws))
    if not found:
        return None
    return "administrator by " + ", ".join(f"{arn.rpartition('/')[2]} ({why})" for arn, why in found.items())
