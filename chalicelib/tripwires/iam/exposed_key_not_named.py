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
    """Exposed credentials reported by AWS without an access key.

    AWS Health says, or suspects, that credentials of the account are public or misused. It names no key, or none of a
    user of this account, so `iam.access_key_exposed` can't act. Read the event in the account's Health Dashboard.

    Legitimate look-alikes: none. AWS reports exposed credentials only with a reason. `iam.access_key_exposed` covers a
    key that is named and exists.
    """
    if any(True for _ in LeakedKey.in_event(event)):
        return None
    about = text(event.detail, "affectedAccount") or event.account
    return f"AWS Health reports exposed credentials in account {about}, but names no key of a user of this account"
