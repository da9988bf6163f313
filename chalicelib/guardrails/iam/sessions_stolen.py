from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.iam.revoke_sessions import RevokeSessions, revoked
from chalicelib.resources.iam.access_keys import STOLEN_CREDENTIALS
from chalicelib.resources.iam.sessions import Sessions

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = RevokeSessions()


@guardrail(
    severity=Severity.CRITICAL,
    resource=Sessions,
    on=STOLEN_CREDENTIALS,
    reads=FIX.reads,
    fix=FIX,
    opt_in=True,
)
def sessions_stolen(sessions: Sessions, aws: Session) -> str | None:
    """IAM role or user with stolen session credentials.

    GuardDuty saw its temporary credentials used as thieves do, such as an instance's from outside AWS (severity high or
    critical). The fix denies everything to all sessions begun before it is written, which may be hours after the
    finding, like *Revoke active sessions* in the IAM console. Legitimate sessions must start again; an instance waits
    until AWS gives it new credentials. An undo restores the former state. Snapback only reports roles of IAM Identity
    Center and service-linked roles: AWS lets nobody change them. Close the hole too: anyone who can still get new
    sessions continues.

    Legitimate look-alikes: people behind a VPN or traveling, and tools that use an instance's credentials elsewhere on
    purpose. GuardDuty learns to tell them apart, and only severity high and critical count. Suppress known cases in
    GuardDuty. Snapback fixes this only where the settings name this guardrail.
    """
    if revoked(FIX.read(sessions, aws)):
        return None
    return f"GuardDuty saw its temporary credentials misused; credentials issued before {sessions.until} still work"
