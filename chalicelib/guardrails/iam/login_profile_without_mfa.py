from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.iam.delete_login_profile import DeleteLoginProfile
from chalicelib.resources.iam.identities import ConsoleUser

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = DeleteLoginProfile()


@guardrail(
    severity=Severity.HIGH,
    resource=ConsoleUser,
    on=cloudtrail("iam", "CreateLoginProfile", "UpdateLoginProfile"),
    reads=(*FIX.reads, "iam:ListMFADevices"),
    fix=FIX,
    controls=("IAM.5", "CIS-5.0 1.9"),
    grace=timedelta(minutes=15),
)
def login_profile_without_mfa(user: ConsoleUser, aws: Session) -> str | None:
    """IAM user with a new console password and no MFA.

    The password alone is enough to sign in. Intruders create passwords for other users to keep their access. The user
    has a grace period to enroll a device. The fix then deletes the password. It always asks first, because AWS never
    shows a password, so it can't be restored. Access keys continue to work. Exempt users whose sign-in is protected
    otherwise.

    Legitimate look-alikes: a new user, who can enroll a device only after the first sign-in. The grace period covers
    that. Exempt users whose sign-in is protected otherwise. The fix always asks first.
    """
    if user.has_mfa(aws) or (since := FIX.read(user, aws)["password"]) is None:
        return None
    return f"has had a console password since {since[:10]}, and no MFA device"
