from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.settings import Settings
from tests.support.events import FRIEND, HOME, REGION, Envelope, alice, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "events.own_bus_changed"
ARN = f"arn:aws:events:{REGION}:{HOME}:event-bus/snapback-members"


def call(name: str, key: str, bus: Any = "snapback-members", **detail: Any) -> Envelope:
    return cloudtrail_event("events", name, {key: bus}, **detail)


@pytest.mark.parametrize(
    ("envelope", "reason"),
    [
        (call("RemovePermission", "eventBusName"), "alice removed a permission from snapback-members"),
        (call("RemovePermission", "eventBusName", ARN), "alice removed a permission from snapback-members"),
        (call("PutPermission", "eventBusName"), "alice added a permission to snapback-members"),
        (call("UpdateEventBus", "name"), "alice changed the settings of snapback-members"),
        (call("DeleteEventBus", "name"), "alice deleted snapback-members"),
    ],
)
def test_it_is_reported(envelope: Envelope, reason: str, world: World) -> None:
    (outcome,) = world.deliver(envelope, ID, "fix")
    assert (outcome.status, outcome.reason) == ("alerted", reason)


@pytest.mark.parametrize(
    "envelope",
    [
        call("RemovePermission", "eventBusName", "default"),
        call("RemovePermission", "eventBusName", "snapback-test-members"),
        call("RemovePermission", "eventBusName", None),
        call("DeleteEventBus", "name", account=FRIEND),
        call("DeleteEventBus", "name", errorCode="AccessDenied"),
        call("PutPermission", "eventBusName", userIdentity={**alice(), "invokedBy": "cloudformation.amazonaws.com"}),
    ],
)
def test_others_are_not(envelope: Envelope, world: World) -> None:
    assert not world.deliver(envelope, ID)


def test_of_an_unknown_stack_the_bus_is_known_by_its_usual_name(world: World) -> None:
    world.settings = Settings()
    (outcome,) = world.deliver(call("DeleteEventBus", "name"), ID)
    assert outcome.status == "alerted"
