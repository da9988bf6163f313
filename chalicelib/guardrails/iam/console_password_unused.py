from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.core.pattern import SCHEDULED
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.iam.delete_login_profile import DeleteLoginProfile
from chalicelib.resources.iam.identities import ConsoleUser

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = DeleteLoginProfile()


@guardrail(
    severity=Severity.MEDIUM,
    resource=ConsoleUser,
    on=SCHEDULED,
    reads=("iam:GetUser", *FIX.reads),
    fix=FIX,
    controls=("IAM.22", "CIS-5.0 1.11"),
    opt_in=True,
)
def console_password_unused(user: ConsoleUser, aws: Session) -> str | None:
    """IAM user's console password unused for too long.

    Nobody notices when somebody else signs in with it. The limit is 45 days without use (CIS's number), or
    `require.unused_days`. The fix deletes the password. It always asks first, because a deleted password can't be
    restored, only replaced. Snapback evaluates all users once a day. Exempt break-glass users, by ARN.

    Legitimate look-alikes: break-glass users, who sign in only when everything else fails. Only an exemption tells them
    apart; the fix always asks first.
    """
    now = aws.now
    used = user.described(aws).get("PasswordLastUsed")
    if used and (now - used).days < aws.baseline.require.unused_days:
        return None
    since = FIX.read(user, aws)["password"]
    age = (now - datetime.fromisoformat(since)).days if since else 0
    if age < aws.baseline.require.unused_days:
        return None
    if used is None:
        return f"the console password was made {age} days ago and never used"
    return f"the console password was last used {(now - used).days} days ago"
