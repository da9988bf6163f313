from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.baseline import Allow
from chalicelib.core.settings import Settings
from tests.support.events import HOME, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "ecr.registry_opened"


def call(name: str, asked: Any = None, **detail: Any) -> Envelope:
    return cloudtrail_event("ecr", name, asked, **detail)


@pytest.mark.parametrize(
    ("envelope", "reason"),
    [
        (call("PutRegistryPolicy", {"policyText": "{}"}), "alice rewrote the registry's policy"),
        (
            call("PutAccountSetting", {"name": "REGISTRY_POLICY_SCOPE", "value": "V2"}),
            "alice made the registry's policy apply to every ECR call",
        ),
    ],
)
def test_it_is_reported(envelope: Envelope, reason: str, world: World) -> None:
    (outcome,) = world.deliver(envelope, ID, "fix")
    assert (outcome.status, outcome.reason) == ("alerted", reason)


@pytest.mark.parametrize(
    "envelope",
    [
        call("PutAccountSetting", {"name": "REGISTRY_POLICY_SCOPE", "value": "V1"}),
        call("PutAccountSetting", {"name": "BASIC_SCAN_TYPE_VERSION", "value": "AWS_NATIVE"}),
        call("DeleteRegistryPolicy"),
        call("PutRegistryPolicy", errorCode="AccessDeniedException"),
    ],
)
def test_others_are_not(envelope: Envelope, world: World) -> None:
    assert not world.deliver(envelope, ID)


def test_who_may_is_not(world: World) -> None:
    world.settings = Settings(allow=Allow(principals=(f"arn:aws:iam::{HOME}:user/alice",)))
    assert not world.deliver(call("PutRegistryPolicy"), ID)
