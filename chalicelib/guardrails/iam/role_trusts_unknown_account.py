from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.guardrail import Severity, guardrail
from chalicelib.core.pattern import cloudtrail
from chalicelib.core.policy import strangers
from chalicelib.fixes.distrust_strangers import DistrustStrangers
from chalicelib.resources.iam import Role, kept_by_aws

if TYPE_CHECKING:
    from chalicelib.core.ports import Session

FIX = DistrustStrangers()


@guardrail(
    severity=Severity.CRITICAL,
    resource=Role,
    on=cloudtrail("iam", "CreateRole", "UpdateAssumeRolePolicy"),
    reads=FIX.reads,
    fix=FIX,
)
def role_trusts_unknown_account(role: Role, aws: Session) -> str | None:
    """IAM role that an unknown account can assume.

    Its trust policy lets in everybody, an account that isn't known, or a web identity without a fixed claim; whoever
    gets in has all the role's permissions. The fix takes just these principals out of the trust policy; if nobody is
    left, one statement that denies everybody stands for them, since AWS takes no empty policy. Sessions that have
    begun go on until they expire. Name partners under `known.accounts`, `known.organizations` or `known.principals`.
    Service-linked roles and those of IAM Identity Center (AWSReservedSSO_…) are let be: AWS lets nobody change them.
    """
    described = role.described(aws)
    if kept_by_aws(described):
        return None
    found = strangers(described["AssumeRolePolicyDocument"], aws.known, role.account)
    who = dict.fromkeys("everybody" if each == "*" else each for principals in found.values() for each in principals)
    return f"its trust policy lets in {', '.join(who)}" if found else None
