from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.events import FRIEND, Envelope, alice, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "events.own_rule_rewritten"
NAME = "snapback-GuardS3GuardS3Event-1A2B3C4D5E6F"


def put(name: str = NAME, **detail: Any) -> Envelope:
    return cloudtrail_event("events", "PutRule", {"name": name, "eventPattern": "{}"}, **detail)


@pytest.mark.parametrize(
    ("envelope", "reason"),
    [
        (put(), f"alice gave {NAME} another pattern or state"),
        (put(userAgent="cloudformation.amazonaws.com"), f"alice gave {NAME} another pattern or state"),
        (cloudtrail_event("events", "PutTargets", {"rule": NAME, "targets": []}), f"alice gave {NAME} another target"),
    ],
)
def test_a_rewritten_rule_is_reported(envelope: Envelope, reason: str, world: World) -> None:
    (outcome,) = world.deliver(envelope, ID, "fix")
    assert (outcome.status, outcome.reason) == ("alerted", reason)


@pytest.mark.parametrize(
    "envelope",
    [
        put("nightly"),
        put("snapback-test-GuardS3-1A2B3C4D5E6F"),
        put(userIdentity={**alice(), "invokedBy": "cloudformation.amazonaws.com"}),
        put(errorCode="AccessDenied"),
        cloudtrail_event("events", "PutRule", None),
        cloudtrail_event("events", "PutTargets", {"rule": [NAME, NAME]}),
        cloudtrail_event("events", "PutRule", {"name": NAME}, account=FRIEND),
        cloudtrail_event("events", "TagResource", {"resourceARN": NAME}),
    ],
)
def test_others_and_deployments_are_not(envelope: Envelope, world: World) -> None:
    assert not world.deliver(envelope, ID)
