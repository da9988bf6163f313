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
    """IAM user given a console password without MFA.

    The password is all that it takes to get in, and giving one to another user is how intruders stay. The user has a
    while to enrol a device. The fix then takes the password away: AWS tells no password, so it can't be given back,
    and a person is always asked first. Access keys go on working. Exempt users whose sign-in is watched otherwise.

    Legitimate look-alikes: a new user, who can enrol a device only after the first sign-in. The grace tells that
    apart; for users whose sign-in is watched otherwise there are exemptions. The fix always asks first.
    """
    if user.has_mfa(aws) or (since := FIX.read(user, aws)["password"]) is None:
        return None
    return f"has had a console password since {since[:10]}, and no MFA device"
