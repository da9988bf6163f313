from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.baseline import Allow
from chalicelib.core.settings import Settings
from tests.support.events import HOME, Envelope, alice, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "iam.identity_provider_changed"
SAML = f"arn:aws:iam::{HOME}:saml-provider/corp"
OIDC = f"arn:aws:iam::{HOME}:oidc-provider/token.actions.githubusercontent.com"
PIPELINE = {
    "type": "AssumedRole",
    "arn": f"arn:aws:sts::{HOME}:assumed-role/deploy/pipeline",
    "accountId": HOME,
    "sessionContext": {"sessionIssuer": {"type": "Role", "arn": f"arn:aws:iam::{HOME}:role/ci/deploy"}},
}


@pytest.mark.parametrize(
    ("name", "asked", "answer", "reason"),
    [
        ("CreateSAMLProvider", {"name": "corp"}, {"sAMLProviderArn": SAML}, "alice made the SAML provider corp"),
        (
            "UpdateSAMLProvider",
            {"sAMLMetadataDocument": "<md/>", "sAMLProviderArn": SAML},
            None,
            f"alice gave other metadata or keys to the SAML provider {SAML}",
        ),
        (
            "CreateOpenIDConnectProvider",
            {"url": "https://token.actions.githubusercontent.com", "clientIDList": ["sts.amazonaws.com"]},
            {"openIDConnectProviderArn": OIDC},
            "alice made the OpenID Connect provider https://token.actions.githubusercontent.com",
        ),
        (
            "AddClientIDToOpenIDConnectProvider",
            {"openIDConnectProviderArn": OIDC, "clientID": "x"},
            None,
            f"alice added an audience to the OpenID Connect provider {OIDC}",
        ),
        ("UpdateSAMLProvider", None, None, "alice gave other metadata or keys to the SAML provider ?"),
    ],
)
def test_a_provider_made_or_changed_is_reported(name: str, asked: Any, answer: Any, reason: str, world: World) -> None:
    (outcome,) = world.deliver(cloudtrail_event("iam", name, asked, answer), ID, "fix")
    assert (outcome.status, outcome.reason) == ("alerted", reason)


@pytest.mark.parametrize("principal", [f"arn:aws:iam::{HOME}:role/ci/*", f"arn:aws:sts::{HOME}:assumed-role/deploy/*"])
def test_a_known_pipeline_is_let_be(principal: str, world: World) -> None:
    envelope: Envelope = cloudtrail_event("iam", "CreateSAMLProvider", {"name": "corp"}, actor=PIPELINE)
    assert world.deliver(envelope, ID)
    world.settings = Settings(allow=Allow(principals=(principal,)))
    assert not world.deliver(envelope | {"id": "x"}, ID)


@pytest.mark.parametrize(
    "envelope",
    [
        cloudtrail_event("iam", "UpdateSAMLProvider", {"sAMLProviderArn": SAML}, errorCode="AccessDenied"),
        cloudtrail_event("iam", "CreateSAMLProvider", actor={**alice(), "invokedBy": "sso.amazonaws.com"}),
        cloudtrail_event("iam", "DeleteSAMLProvider", {"sAMLProviderArn": SAML}),
        cloudtrail_event("iam", "GetSAMLProvider", {"sAMLProviderArn": SAML}),
    ],
)
def test_failed_calls_identity_center_and_others_are_not(envelope: Envelope, world: World) -> None:
    assert not world.deliver(envelope, ID)
