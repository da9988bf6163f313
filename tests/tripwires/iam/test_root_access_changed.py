from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.baseline import Allow
from chalicelib.core.settings import Settings
from tests.support.events import HOME, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "iam.root_access_changed"


def call(name: str, asked: Any = None, **detail: Any) -> Envelope:
    return cloudtrail_event("iam", name, asked, **detail)


@pytest.mark.parametrize(
    ("envelope", "reason"),
    [
        (call("EnableOrganizationsRootSessions"), "alice let the management account act as root of member accounts"),
        (
            call("DisableOrganizationsRootCredentialsManagement"),
            "alice let the root users of member accounts manage their own credentials",
        ),
    ],
)
def test_it_is_reported(envelope: Envelope, reason: str, world: World) -> None:
    (outcome,) = world.deliver(envelope, ID, "fix")
    assert (outcome.status, outcome.reason) == ("alerted", reason)


@pytest.mark.parametrize(
    "envelope",
    [
        call("ListOrganizationsFeatures"),
        call("EnableOrganizationsRootSessions", errorCode="AccessDenied"),
    ],
)
def test_others_are_not(envelope: Envelope, world: World) -> None:
    assert not world.deliver(envelope, ID)


def test_who_may_is_not(world: World) -> None:
    world.settings = Settings(allow=Allow(principals=(f"arn:aws:iam::{HOME}:user/alice",)))
    assert not world.deliver(call("EnableOrganizationsRootSessions"), ID)
