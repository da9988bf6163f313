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
    """Customer managed policy that makes administrator.

    The default version of a policy allows everything, or all of IAM, or everything but IAM together with a published
    way up, such as iam:PassRole: whoever has it is administrator, or will be when it is attached. What the policy
    denies counts. The fix makes the newest version the default that does no such thing. If there is none, it makes a
    new one without the statements at fault and leaves every other byte; one of five versions then goes, and an undo
    brings it back. When nobody holds AdministratorAccess or IAMFullAccess, it asks first.

    A policy that is used as a permissions boundary only is exempt: it gives nothing to anybody. Exempt a policy that
    your administrators are meant to have; AWS's own AdministratorAccess is better seen.

    Legitimate look-alikes: boundaries that allow everything, which give nothing to anybody: they are told apart by
    how the policy is used. Policies for administrators are not: exempt them, or use AdministratorAccess.
    """
    described = policy.described(aws)
    if not described["AttachmentCount"] and described.get("PermissionsBoundaryUsageCount"):
        return None
    text = policy.text(aws)
    found = judged(administering(text, policy.account), text)
    if not found:
        return None
    told = "; ".join(f"statement {index + 1} {why}" for index, why in found.items())
    return f"its default version {described['DefaultVersionId']} makes administrator: {told}"
