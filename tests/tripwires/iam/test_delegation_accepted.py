from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.baseline import Allow
from chalicelib.core.settings import Settings
from tests.support.events import HOME, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "iam.delegation_accepted"


def call(name: str, asked: Any = None, **detail: Any) -> Envelope:
    return cloudtrail_event("iam", name, asked, **detail)


@pytest.mark.parametrize(
    ("envelope", "reason"),
    [
        (call("AcceptDelegationRequest", {"delegationRequestId": "dr-1"}), "alice accepted delegation request dr-1"),
        (
            call("SendDelegationToken", {"delegationRequestId": "dr-1"}),
            "alice sent the token for delegation request dr-1",
        ),
        (call("AcceptDelegationRequest"), "alice accepted delegation request ?"),
    ],
)
def test_it_is_reported(envelope: Envelope, reason: str, world: World) -> None:
    (outcome,) = world.deliver(envelope, ID, "fix")
    assert (outcome.status, outcome.reason) == ("alerted", reason)


@pytest.mark.parametrize(
    "envelope",
    [
        call("RejectDelegationRequest", {"delegationRequestId": "dr-1"}),
        call("AcceptDelegationRequest", {"delegationRequestId": "dr-1"}, errorCode="AccessDenied"),
    ],
)
def test_others_are_not(envelope: Envelope, world: World) -> None:
    assert not world.deliver(envelope, ID)


def test_who_may_is_not(world: World) -> None:
    world.settings = Settings(allow=Allow(principals=(f"arn:aws:iam::{HOME}:user/alice",)))
    assert not world.deliver(call("AcceptDelegationRequest"), ID)
