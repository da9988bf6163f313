from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.event import text
from chalicelib.core.pattern import API_CALL
from chalicelib.core.rule import tripwire
from chalicelib.core.types import Severity

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Event


@tripwire(
    severity=Severity.CRITICAL,
    on={
        "source": [{"prefix": "aws."}],
        # Sign-ins ("Sign In" or "Signin"), and actions in the console itself, such as billing.
        "detail-type": [API_CALL, {"prefix": "AWS Console "}],
        "detail": {"userIdentity": {"type": ["Root"], "invokedBy": [{"exists": False}, "signin.amazonaws.com"]}},
    },
    controls=("CIS-5.0 1.6",),
)
def root_used(event: Event, _: Baseline) -> str | None:
    """Root user activity.

    The root user may do anything, and no policy of the account limits it. Daily work doesn't need it. Snapback reports
    every call and every sign-in attempt, failed ones too. It ignores calls that AWS services make in root's name. It
    reports root's console calls, which older records show as invoked by signin.amazonaws.com. EventBridge delivers
    read-only calls only if the rule asks for them.

    Legitimate look-alikes: the few tasks that only root may do, and AWS services that act in root's name. `invokedBy`
    tells the services apart. Nothing tells the tasks apart, so Snapback reports them.
    """
    if text(event.detail, "eventType") == "AwsServiceEvent":
        return None
    called = f"{event.source.partition('.')[0]}:{event.name}"
    if code := text(event.detail, "errorCode"):
        return f"root tried {called}, and was refused ({code})"
    answer = event.answered(event.name)  # signin.amazonaws.com sends this in place of an error code.
    if event.name == "ConsoleLogin":
        if answer != "Success":
            return "someone tried to sign in to the console as root, and failed"
        mfa = (text(event.detail, "additionalEventData", "MFAUsed") or "").lower() == "yes"
        return f"root signed in to the console {'with' if mfa else 'without'} MFA"
    return f"someone tried {called} as root, and failed" if answer == "Failure" else f"root called {called}"
