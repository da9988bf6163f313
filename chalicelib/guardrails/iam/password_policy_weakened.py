from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.resource import Account
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.iam.raise_password_policy import RaisePasswordPolicy, weaker

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = RaisePasswordPolicy()


@guardrail(
    severity=Severity.MEDIUM,
    resource=Account,
    on=cloudtrail("iam", "UpdateAccountPasswordPolicy", "DeleteAccountPasswordPolicy"),
    reads=FIX.reads,
    fix=FIX,
    controls=("IAM.15", "IAM.16", "CIS-5.0 1.7", "CIS-5.0 1.8"),
)
def password_policy_weakened(account: Account, aws: Session) -> str | None:
    """Account password policy too weak.

    The policy applies to IAM users' console passwords. Attackers guess short and reused passwords first. The fix raises
    only the weak settings and keeps stricter ones; existing passwords stay. `require.passwords` sets the requirements;
    the default is 14 characters and none of the last 24 passwords, as CIS has it. If the policy was deleted, AWS's
    default asks for three kinds of characters. The fix then asks for all four, to be no weaker.

    Legitimate look-alikes: accounts without IAM users, where nobody has a password. Snapback evaluates their policy
    too, because the next user would have a weak password. Exempt such accounts.
    """
    policy = FIX.read(account, aws)["policy"]
    found = weaker(policy, aws.baseline.require.passwords)
    if not found:
        return None
    return f"{'it' if policy else 'there is none, and the AWS default'} is too weak; required: {', '.join(found)}"
