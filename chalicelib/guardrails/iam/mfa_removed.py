from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.iam.deny_until_mfa import DenyUntilMfa
from chalicelib.resources.iam.identities import ConsoleUser

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = DenyUntilMfa()


@guardrail(
    severity=Severity.HIGH,
    resource=ConsoleUser,
    # AWS deletes a virtual device only after it was deactivated, and that call names the user.
    on=cloudtrail("iam", "DeactivateMFADevice"),
    reads=(*FIX.reads, "iam:ListMFADevices", "iam:GetLoginProfile"),
    fix=FIX,
    controls=("IAM.5", "CIS-5.0 1.9"),
)
def mfa_removed(user: ConsoleUser, aws: Session) -> str | None:
    """IAM user with a console password left without MFA.

    The password alone is now enough to sign in. Intruders remove the device to get around it. The fix adds an inline
    policy to the user, SnapbackDenyUntilMfa. In sessions without MFA, it denies everything except enrolling a device,
    which it allows. A user who has enrolled a device signs in again and continues; you may then remove the policy. The
    fix doesn't affect requests signed with an access key, so programs continue. Users who change phones should enroll
    the new one first (AWS allows eight devices a user); Snapback then finds nothing. Exempt users whose sign-in is
    protected otherwise.

    Legitimate look-alikes: a user who changes phones. A user who enrolls the new device first always has one, and
    Snapback finds nothing. A user who removes the old one first is denied until the new one is enrolled, which the
    fix's policy allows.
    """
    if user.has_mfa(aws) or user.password_since(aws) is None or FIX.denies(FIX.read(user, aws)):
        return None
    return "it has a console password and no MFA device"
