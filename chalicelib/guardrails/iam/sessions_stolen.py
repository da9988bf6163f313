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
    """IAM role or user whose sessions are in somebody else's hands.

    GuardDuty saw temporary credentials of it used as thieves do, such as an instance's from outside AWS (severity high
    or critical). The fix denies everything to all its sessions that have begun when the fix is written, which may be hours
    after the finding, as *Revoke active sessions* in the IAM console does: rightful ones have to begin anew, and an
    instance waits until AWS gives it new credentials. Undo puts back what was there. Roles of IAM Identity Center and service-linked roles are reported,
    never fixed: AWS lets nobody change them. Close the hole too: whoever can still get new sessions goes on.

    Legitimate look-alikes: people behind a VPN or on the road, and tools that carry an instance's credentials
    elsewhere on purpose. GuardDuty tells those apart by what it has learned, and severity high is asked for;
    suppress what is yours there. The fix is only for those who name the guardrail.
    """
    if revoked(FIX.read(sessions, aws)):
        return None
    return f"GuardDuty saw its temporary credentials misused; those issued before {sessions.until} still work"
