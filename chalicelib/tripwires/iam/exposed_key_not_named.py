from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.event import text
from chalicelib.core.pattern import native
from chalicelib.core.rule import tripwire
from chalicelib.core.types import Severity
from chalicelib.resources.iam.access_keys import LeakedKey

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Event


@tripwire(
    severity=Severity.CRITICAL,
    on=native("aws.health", "AWS Health Event", eventTypeCode=[{"prefix": "AWS_RISK_CREDENTIALS_"}]),
)
def exposed_key_not_named(event: Event, _: Baseline) -> str | None:
    """Exposed credentials that AWS tells of without naming an access key.

    AWS Health says, or suspects, that credentials of the account are public or misused, but not which key, or not one
    of a user of this account, so that iam.access_key_exposed can do nothing. Read the event in the account's Health
    Dashboard.

    Legitimate look-alikes: none. AWS doesn't tell of credentials without a reason; a key that is named and can be
    found is `iam.access_key_exposed`'s.
    """
    if any(True for _ in LeakedKey.in_event(event)):
        return None
    about = text(event.detail, "affectedAccount") or event.account
    return f"AWS Health tells of exposed credentials in account {about}, and names no key that is a user's of this one"
