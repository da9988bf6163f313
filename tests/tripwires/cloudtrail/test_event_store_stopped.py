from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.baseline import Allow
from chalicelib.core.settings import Settings
from tests.support.events import HOME, REGION, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "cloudtrail.event_store_stopped"
STORE = {"eventDataStore": f"arn:aws:cloudtrail:{REGION}:{HOME}:eventdatastore/0123-abcd"}


def call(name: str, asked: Any = None, **detail: Any) -> Envelope:
    return cloudtrail_event("cloudtrail", name, asked, **detail)


@pytest.mark.parametrize(
    ("envelope", "reason"),
    [
        (call("StopEventDataStoreIngestion", STORE), "alice stopped event data store 0123-abcd"),
        (call("DeleteEventDataStore", STORE), "alice deleted event data store 0123-abcd"),
        (call("UpdateEventDataStore", STORE), "alice changed the settings of event data store 0123-abcd"),
        (call("DeleteEventDataStore"), "alice deleted event data store ?"),
    ],
)
def test_it_is_reported(envelope: Envelope, reason: str, world: World) -> None:
    (outcome,) = world.deliver(envelope, ID, "fix")
    assert (outcome.status, outcome.reason) == ("alerted", reason)


@pytest.mark.parametrize(
    "envelope",
    [
        call("StartEventDataStoreIngestion", STORE),
        call("StopLogging", {"name": "audit"}),
        call("DeleteEventDataStore", STORE, errorCode="EventDataStoreTerminationProtectedException"),
    ],
)
def test_others_are_not(envelope: Envelope, world: World) -> None:
    assert not world.deliver(envelope, ID)


def test_who_may_is_not(world: World) -> None:
    world.settings = Settings(allow=Allow(principals=(f"arn:aws:iam::{HOME}:user/alice",)))
    assert not world.deliver(call("DeleteEventDataStore", STORE), ID)
