from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.baseline import Allow
from chalicelib.core.settings import Settings
from tests.support.events import FRIEND, HOME, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "organizations.administration_delegated"


def call(name: str, asked: Any = None, **detail: Any) -> Envelope:
    return cloudtrail_event("organizations", name, asked, **detail)


@pytest.mark.parametrize(
    ("envelope", "reason"),
    [
        (
            call("RegisterDelegatedAdministrator", {"accountId": FRIEND, "servicePrincipal": "iam.amazonaws.com"}),
            f"alice made account {FRIEND} administrator of iam.amazonaws.com",
        ),
        (call("PutResourcePolicy", {"content": "{}"}), "alice rewrote the organization's delegation policy"),
    ],
)
def test_it_is_reported(envelope: Envelope, reason: str, world: World) -> None:
    (outcome,) = world.deliver(envelope, ID, "fix")
    assert (outcome.status, outcome.reason) == ("alerted", reason)


@pytest.mark.parametrize(
    "envelope",
    [
        call("DeregisterDelegatedAdministrator", {"accountId": FRIEND, "servicePrincipal": "iam.amazonaws.com"}),
        call("DeleteResourcePolicy"),
        call("PutResourcePolicy", errorCode="AccessDeniedException"),
    ],
)
def test_others_are_not(envelope: Envelope, world: World) -> None:
    assert not world.deliver(envelope, ID)


def test_who_may_is_not(world: World) -> None:
    world.settings = Settings(allow=Allow(principals=(f"arn:aws:iam::{HOME}:user/alice",)))
    assert not world.deliver(call("PutResourcePolicy"), ID)
