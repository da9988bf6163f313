from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import any_of, native
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.iam.deactivate_access_key import ACTIVE
from chalicelib.fixes.iam.quarantine_key import QuarantineKey
from chalicelib.resources.iam.access_keys import STOLEN_CREDENTIALS, LeakedKey

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = QuarantineKey()


@guardrail(
    severity=Severity.CRITICAL,
    resource=LeakedKey,
    on=any_of(
        native("aws.health", "AWS Health Event", eventTypeCode=[{"prefix": "AWS_RISK_CREDENTIALS_"}]),
        STOLEN_CREDENTIALS,
    ),
    reads=FIX.reads,
    fix=FIX,
)
def access_key_exposed(key: LeakedKey, aws: Session) -> str | None:
    """Exposed IAM access key, still active.

    AWS Health found it published or suspects it, or GuardDuty saw it used as thieves do (severity high or critical).
    The fix deactivates the key and denies its user everything, so sessions begun with it end too. An undo reverts both.
    A key that is already inactive is exempt. Snapback only reports a key without a user known to AWS: it is deleted, or
    belongs to the root user.

    Legitimate look-alikes: GuardDuty's sample findings, which name a nonexistent user, and a key that its owner has
    already deactivated. Neither has a key that works, so Snapback finds nothing.
    """
    state = FIX.read(key, aws)
    if state["user"] is None:
        return f"AWS says {key.id} is exposed, and names no user: check whether it belongs to the root user"
    return f"AWS says {key.id} of {state['user']} is exposed, and it is active" if state["status"] == ACTIVE else None
