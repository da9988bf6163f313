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
    """IAM access key in somebody else's hands, and still active.

    AWS Health found it published or suspects it, or GuardDuty saw it used as thieves do (severity high or critical).
    The fix switches the key off and denies its user everything, so that sessions begun with it end too; undo takes both
    back. A key that is switched off already is exempt. One that AWS knows no user of is reported, never fixed: it is
    deleted, or the root user's.

    Legitimate look-alikes: GuardDuty's sample findings, which name a user that isn't there, and a key that its
    owner has switched off already. Neither has a key that works: nothing is found.
    """
    state = FIX.read(key, aws)
    if state["user"] is None:
        return f"AWS says {key.id} is exposed, and tells no user of it: look whether it is the root user's"
    return f"AWS says {key.id} of {state['user']} is exposed, and it is active" if state["status"] == ACTIVE else None
