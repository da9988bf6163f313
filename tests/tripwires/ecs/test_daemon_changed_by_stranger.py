from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.baseline import Allow
from chalicelib.core.settings import Settings
from tests.support.events import HOME, REGION, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "ecs.daemon_changed_by_stranger"
DEFINITION = f"arn:aws:ecs:{REGION}:{HOME}:daemon-task-definition/agent:3"
DAEMON = f"arn:aws:ecs:{REGION}:{HOME}:daemon/shop/agent"


def call(name: str, asked: Any = None, **detail: Any) -> Envelope:
    return cloudtrail_event("ecs", name, asked, **detail)


@pytest.mark.parametrize(
    ("envelope", "reason"),
    [
        (
            call("RegisterDaemonTaskDefinition", {"family": "agent"}),
            "alice registered the daemon task definition agent",
        ),
        (
            call("CreateDaemon", {"daemonName": "agent", "daemonTaskDefinitionArn": DEFINITION}),
            "alice made the daemon agent with agent:3",
        ),
        (
            call("UpdateDaemon", {"daemonArn": DAEMON, "daemonTaskDefinitionArn": DEFINITION}),
            f"alice changed the daemon {DAEMON} with agent:3",
        ),
        (call("UpdateDaemon", {"daemonArn": 7, "daemonTaskDefinitionArn": 7}), "alice changed the daemon ?"),
    ],
)
def test_it_is_reported(envelope: Envelope, reason: str, world: World) -> None:
    (outcome,) = world.deliver(envelope, ID, "fix")
    assert (outcome.status, outcome.reason) == ("alerted", reason)


@pytest.mark.parametrize(
    "envelope",
    [
        call("DeleteDaemon", {"daemonArn": DAEMON}),
        call("RegisterTaskDefinition", {"family": "web"}),
        call("CreateDaemon", {"daemonName": "agent"}, errorCode="AccessDeniedException"),
    ],
)
def test_others_are_not(envelope: Envelope, world: World) -> None:
    assert not world.deliver(envelope, ID)


def test_who_may_is_not(world: World) -> None:
    world.settings = Settings(allow=Allow(principals=(f"arn:aws:iam::{HOME}:user/alice",)))
    assert not world.deliver(call("CreateDaemon", {"daemonName": "agent"}), ID)
