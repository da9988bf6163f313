from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.analysis.policy_document import judged
from chalicelib.analysis.policy_escalation import administering
from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.iam.withdraw_admin_version import WithdrawAdminVersion
from chalicelib.resources.iam.managed_policies import ManagedPolicy

if TYPE_CHECKING:
    from chalicelib.core.session import Session


@guardrail(
    severity=Severity.HIGH,
    resource=ManagedPolicy,
    on=cloudtrail("iam", "CreatePolicy", "CreatePolicyVersion", "SetDefaultPolicyVersion"),
    reads=("iam:GetPolicy", "iam:GetPolicyVersion"),
    fix=WithdrawAdminVersion(),
    opt_in=True,
)
def policy_allows_everything(policy: ManagedPolicy, aws: Session) -> str | None:
    """Customer managed policy with administrator rights.

    The policy's default version allows everything, or all of IAM, or everything but IAM together with a published
    escalation path, such as iam:PassRole. Anyone with the policy is administrator, now or once it is attached. Denies
    in the policy count. The fix makes the newest version without these rights the default. If there is none, it creates
    one without the faulty statements and keeps every other byte. If the policy already has five versions, the fix
    deletes one; an undo restores it. When nobody has AdministratorAccess or IAMFullAccess, it asks first.

    A policy used only as a permissions boundary is exempt: it grants nothing. Exempt a policy that your administrators
    should have, or better, use AWS's own AdministratorAccess: it is easier to see.

    Legitimate look-alikes: boundaries that allow everything, which grant nothing. The policy's use tells them apart.
    Nothing tells policies for administrators apart: exempt them, or use AdministratorAccess.
    """
    described = policy.described(aws)
    if not described["AttachmentCount"] and described.get("PermissionsBoundaryUsageCount"):
        return None
    text = policy.text(aws)
    found = judged(administering(text, policy.account), text)
    if not found:
        return None
    told = "; ".join(f"statement {index + 1} {why}" for index, why in found.items())
    return f"its default version {described['DefaultVersionId']} grants administrator rights: {told}"
