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

    Attached to it is AdministratorAccess, AdministratorAccess-Amplify, IAMFullAccess, or a customer managed policy that
    allows as much. So is one that, beside PowerUserAccess or the like, allows a published way up, such as iam:PassRole:
    what IAM doesn't guard is then open already. What the policies deny counts, and so does the permissions boundary: when
    one of them goes, or a user is added to a group, the identity is evaluated again.
    The fix detaches just these policies. When nobody else holds AdministratorAccess or IAMFullAccess, it asks first.

    Name who may be administrator, by ARN with its path, under `allow.principals` before you switch the fix on: it would
    lock out the others. Service-linked roles and those of IAM Identity Center (AWSReservedSSO_…) are exempt, since AWS
    lets nobody change them. Inline policies, AWS's other policies, and what a user has by its groups are not looked at:
    the group itself is.

    Legitimate look-alikes: break-glass roles, deployment roles of pipelines, CDK's `cdk-…-cfn-exec-role-…`, and
    Organizations' `OrganizationAccountAccessRole` and `AWSControlTowerExecution`. Name them under
    `allow.principals`: nothing in a role tells that it is meant to be administrator. Until the settings name this
    guardrail, it only alerts.
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
