from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.events import HOME, Envelope, alice, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "signin.console_login_without_mfa"
ROLE = {
    "type": "AssumedRole",
    "principalId": "AROAEXAMPLEADMIN00000:alice@example.com",
    "arn": f"arn:aws:sts::{HOME}:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/alice@example.com",
    "accountId": HOME,
}


def sign_in(
    mfa: str | None = "No", answer: str = "Success", actor: Any = None, spelling: str = "Sign In", **extra: Any
) -> Envelope:
    envelope = cloudtrail_event(
        "signin",
        "ConsoleLogin",
        None,
        {"ConsoleLogin": answer},
        actor=actor or alice(),
        eventType="AwsConsoleSignIn",
        additionalEventData={"MobileVersion": "No", **({"MFAUsed": mfa} if mfa else {}), **extra},
    )
    return envelope | {"detail-type": f"AWS Console {spelling} via CloudTrail"}


@pytest.mark.parametrize(
    "envelope",
    [
        sign_in(),
        sign_in(spelling="Signin"),
        sign_in(mfa=None),
        sign_in(actor={key: value for key, value in alice().items() if key != "arn"}),
    ],
)
def test_a_password_only_is_reported(envelope: Envelope, world: World) -> None:
    (outcome,) = world.deliver(envelope, ID, "fix")
    assert (outcome.status, outcome.reason) == ("alerted", "alice signed in with a password only")


@pytest.mark.parametrize(
    "envelope",
    [
        sign_in("Yes"),
        sign_in("YES"),
        sign_in(answer="Failure"),
        sign_in(actor=ROLE),
        sign_in(actor={**ROLE, "type": "FederatedUser"}),
        sign_in(actor={"type": "Root", "arn": f"arn:aws:iam::{HOME}:root", "accountId": HOME}),
        sign_in(SamlProviderArn=f"arn:aws:iam::{HOME}:saml-provider/Okta"),
        sign_in(spelling="Action"),
        {**(one := sign_in()), "detail": {**one["detail"], "eventName": "CheckMfa"}},
        {**(one := sign_in()), "detail": {**one["detail"], "responseElements": None}},
        {**(one := sign_in()), "detail": {**one["detail"], "userIdentity": None}},
    ],
)
def test_mfa_failures_and_federated_sign_ins_are_not(envelope: Envelope, world: World) -> None:
    assert not world.deliver(envelope, ID)
