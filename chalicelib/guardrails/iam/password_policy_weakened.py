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
    """Password policy of the account weaker than it must be.

    It holds for the console passwords of IAM users: short and used-again ones are guessed first. The fix raises just
    what is too weak, and leaves what is stricter; passwords that there are stay as they are. What is required is
    under `require.passwords`; unless you say else, 14 characters and none of the last 24 passwords, as CIS has it.
    Where the policy was deleted, AWS's own asks for three kinds of characters; the fix then asks for all four, to be no
    weaker.

    Legitimate look-alikes: accounts without IAM users, where nobody has a password. The policy is looked at all the
    same: the next user would have a weak one. Exempt such accounts.
    """
    policy = FIX.read(account, aws)["policy"]
    found = weaker(policy, aws.baseline.require.passwords)
    if not found:
        return None
    return f"{'asks' if policy else 'there is none, and AWS asks'} for less than it must: {', '.join(found)}"
