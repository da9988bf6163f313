from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.event import text
from chalicelib.core.rule import tripwire
from chalicelib.core.types import Severity

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Event


@tripwire(
    severity=Severity.HIGH,
    on={
        "source": [{"prefix": "aws."}],
        "detail-type": [{"prefix": "AWS Console Sign"}],  # AWS sends "Sign In"; its documentation says "Signin".
        "detail": {
            "eventSource": ["signin.amazonaws.com"],
            "eventName": ["ConsoleLogin"],
            "userIdentity": {"type": ["IAMUser"]},
            "responseElements": {"ConsoleLogin": ["Success"]},
        },
    },
)
def console_login_without_mfa(event: Event, _: Baseline) -> str | None:
    """IAM user signed in to the console without MFA.

    A stolen or guessed password was enough. Snapback ignores federated sign-ins through IAM Identity Center or SAML.
    CloudTrail says "No" for all of them, because the identity provider asks for the second factor.

    Legitimate look-alikes: federated sign-ins, for which CloudTrail says "No" although the identity provider has asked.
    The kind of identity tells them apart. Users without a device are the finding itself.
    """
    extra = event.detail.get("additionalEventData")
    if text(extra, "SamlProviderArn") or (text(extra, "MFAUsed") or "").lower() == "yes":
        return None
    return f"{text(event.detail, 'userIdentity', 'userName') or event.actor.name} signed in with a password only"
