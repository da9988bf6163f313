from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.baseline import Allow
from chalicelib.core.settings import Settings
from tests.support.events import FRIEND, HOME, Envelope, alice, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "organizations.account_moved"
MOVE = {"accountId": FRIEND, "sourceParentId": "ou-a1b2-held", "destinationParentId": "r-a1b2"}


def call(name: str, asked: Any = None, **detail: Any) -> Envelope:
    return cloudtrail_event("organizations", name, asked, **detail)


@pytest.mark.parametrize(
    ("envelope", "reason"),
    [
        (
            call("MoveAccount", MOVE),
            f"alice moved account {FRIEND} from ou-a1b2-held to r-a1b2",
        ),
        (call("MoveAccount"), "alice moved account ? from ? to ?"),
    ],
)
def test_it_is_reported(envelope: Envelope, reason: str, world: World) -> None:
    (outcome,) = world.deliver(envelope, ID, "fix")
    assert (outcome.status, outcome.reason) == ("alerted", reason)


@pytest.mark.parametrize(
    "envelope",
    [
        call("MoveAccount", MOVE, userIdentity={**alice(), "invokedBy": "controltower.amazonaws.com"}),
        call("MoveAccount", MOVE, errorCode="AccessDeniedException"),
        call("CreateOrganizationalUnit", {"parentId": "r-a1b2", "name": "held"}),
    ],
)
def test_others_are_not(envelope: Envelope, world: World) -> None:
    assert not world.deliver(envelope, ID)


def test_who_may_is_not(world: World) -> None:
    world.settings = Settings(allow=Allow(principals=(f"arn:aws:iam::{HOME}:user/alice",)))
    assert not world.deliver(call("MoveAccount", MOVE), ID)
