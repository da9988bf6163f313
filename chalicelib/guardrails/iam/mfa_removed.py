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

    From now on the password is all that it takes to get in; taking the device away is how an intruder gets around it.
    The fix gives the user an inline policy, SnapbackDenyUntilMfa, that denies everything in sessions without MFA but
    enrolling a device, which it allows. Who has enrolled one signs in again and works on; the policy may then stay or
    go. Requests signed with an access key are not touched, so that programs go on. Who swaps phones enrols the new one
    first, and nothing happens: AWS takes eight devices a user. Exempt users whose sign-in is watched otherwise.

    Legitimate look-alikes: a user who swaps phones. Who enrols the new device first has one all the time, and
    nothing is found; who takes the old one off first is denied until the new one is there, which the fix's policy
    allows.
    """
    if user.has_mfa(aws) or user.password_since(aws) is None or FIX.denies(FIX.read(user, aws)):
        return None
    return "it has a console password and no MFA device"
