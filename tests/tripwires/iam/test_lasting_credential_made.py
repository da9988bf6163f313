from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.baseline import Allow
from chalicelib.core.settings import Settings
from tests.support.events import HOME, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "iam.lasting_credential_made"


def call(name: str, asked: Any = None, **detail: Any) -> Envelope:
    return cloudtrail_event("iam", name, asked, **detail)


@pytest.mark.parametrize(
    ("envelope", "reason"),
    [
        (
            call("CreateServiceSpecificCredential", {"userName": "ci", "serviceName": "bedrock.amazonaws.com"}),
            "alice made a service-specific credential for bedrock.amazonaws.com of user ci",
        ),
        (
            call("ResetServiceSpecificCredential", {"serviceSpecificCredentialId": "ACCA1", "userName": "ci"}),
            "alice reset a service-specific credential of user ci",
        ),
        (
            call("UpdateServiceSpecificCredential", {"userName": "ci", "status": "Active"}),
            "alice enabled a service-specific credential of user ci",
        ),
        (
            call("UploadSigningCertificate", {"certificateBody": "-"}),
            "alice uploaded a signing certificate of user alice",
        ),
        (call("UpdateSigningCertificate", {"status": "Active"}), "alice enabled a signing certificate of user alice"),
        (call("UploadSSHPublicKey", {"userName": "ci"}), "alice uploaded an SSH key of user ci"),
        (call("UpdateSSHPublicKey", {"userName": "ci", "status": "Active"}), "alice enabled an SSH key of user ci"),
    ],
)
def test_it_is_reported(envelope: Envelope, reason: str, world: World) -> None:
    (outcome,) = world.deliver(envelope, ID, "fix")
    assert (outcome.status, outcome.reason) == ("alerted", reason)


@pytest.mark.parametrize(
    "envelope",
    [
        call("UpdateServiceSpecificCredential", {"userName": "ci", "status": "Inactive"}),
        call("UpdateSSHPublicKey", {"userName": "ci", "status": "Inactive"}),
        call("DeleteSigningCertificate", {"userName": "ci"}),
        call("UploadSSHPublicKey", {"userName": "ci"}, errorCode="AccessDenied"),
    ],
)
def test_others_are_not(envelope: Envelope, world: World) -> None:
    assert not world.deliver(envelope, ID)


def test_who_may_is_not(world: World) -> None:
    world.settings = Settings(allow=Allow(principals=(f"arn:aws:iam::{HOME}:user/alice",)))
    assert not world.deliver(call("UploadSSHPublicKey", {"userName": "ci"}), ID)


def test_whose_keys_are_allowed_is_not(world: World) -> None:
    world.settings = Settings(allow=Allow(principals=(f"arn:aws:iam::{HOME}:user/ci",)))
    assert not world.deliver(call("UploadSSHPublicKey", {"userName": "ci"}), ID)
