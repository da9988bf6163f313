from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.baseline import Allow
from chalicelib.core.settings import Settings
from tests.support.events import FRIEND, HOME, STRANGER, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "awslambda.layer_shared"


def share(principal: str, organization: str | None = None, **detail: Any) -> Envelope:
    asked = {"layerName": "tools", "versionNumber": 3, "action": "lambda:GetLayerVersion", "principal": principal}
    asked |= {"organizationId": organization} if organization else {}
    return cloudtrail_event("lambda", "AddLayerVersionPermission20181031", asked, **detail)


@pytest.mark.parametrize(
    ("envelope", "reason"),
    [
        (share(STRANGER), f"alice shared layer tools, version 3, with account {STRANGER}"),
        (share(f"arn:aws:iam::{STRANGER}:root"), f"alice shared layer tools, version 3, with account {STRANGER}"),
        (share("*"), "alice shared layer tools, version 3, with everybody"),
        (
            share("*", "o-a1b2c3d4e5"),
            "alice shared layer tools, version 3, with everybody of organization o-a1b2c3d4e5",
        ),
    ],
)
def test_it_is_reported(envelope: Envelope, reason: str, world: World) -> None:
    (outcome,) = world.deliver(envelope, ID, "fix")
    assert (outcome.status, outcome.reason) == ("alerted", reason)


@pytest.mark.parametrize(
    "envelope",
    [
        share(FRIEND),
        share(HOME),
        share(f"arn:aws:iam::{FRIEND}:root"),
        share("*", errorCode="AccessDenied"),
        cloudtrail_event("lambda", "RemoveLayerVersionPermission20181031", {"layerName": "tools"}),
    ],
)
def test_others_are_not(envelope: Envelope, world: World) -> None:
    assert not world.deliver(envelope, ID)


def test_everybody_of_an_organization_that_is_known_may_be_let_in(world: World) -> None:
    world.settings = Settings(allow=Allow(organizations=frozenset({"o-a1b2c3d4e5"})))
    assert not world.deliver(share("*", "o-a1b2c3d4e5"), ID)
