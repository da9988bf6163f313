from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.events import FRIEND, HOME, Envelope, alice, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "sqs.own_queue_changed"
NAME = "snapback-DeadLetters-1A2B3C4D5E6F"
URL = f"https://sqs.us-east-1.amazonaws.com/{HOME}/{NAME}"


def call(name: str = "PurgeQueue", url: Any = URL, **detail: Any) -> Envelope:
    return cloudtrail_event("sqs", name, {"queueUrl": url}, **detail)


def moved(arn: Any) -> Envelope:
    return cloudtrail_event("sqs", "StartMessageMoveTask", {"sourceArn": arn})


@pytest.mark.parametrize(
    ("envelope", "reason"),
    [
        (call(), f"alice emptied {NAME}"),
        (call("DeleteQueue"), f"alice deleted {NAME}"),
        (call("SetQueueAttributes", attributes={"Policy": "{}"}), f"alice changed the settings of {NAME}"),
        (call("AddPermission"), f"alice gave somebody else access to {NAME}"),
        (call(url=f"https://us-east-1.queue.amazonaws.com/{HOME}/{NAME}"), f"alice emptied {NAME}"),
        (moved(f"arn:aws:sqs:us-east-1:{HOME}:{NAME}"), f"alice moved the messages out of {NAME}"),
        (call(userAgent="cloudformation.amazonaws.com"), f"alice emptied {NAME}"),
    ],
)
def test_a_changed_queue_is_reported(envelope: Envelope, reason: str, world: World) -> None:
    (outcome,) = world.deliver(envelope, ID, "fix")
    assert (outcome.status, outcome.reason) == ("alerted", reason)


@pytest.mark.parametrize(
    "envelope",
    [
        call(url=URL.replace(NAME, "orders")),
        call(url=URL.replace(NAME, "snapback-test-DeadLetters-1A2B3C4D5E6F")),
        call(url=URL.replace(HOME, FRIEND)),
        call(url=NAME),
        call(url=None),
        call(url={"x": 1}),
        call("TagQueue"),
        moved(f"arn:aws:sqs:us-east-1:{HOME}:orders"),
        moved(f"arn:aws:sqs:us-east-1:{FRIEND}:{NAME}"),
        moved(None),
        call(userIdentity={**alice(), "invokedBy": "cloudformation.amazonaws.com"}),
        call(errorCode="AccessDenied"),
        cloudtrail_event("sqs", "PurgeQueue"),
    ],
)
def test_others_and_deployments_are_not(envelope: Envelope, world: World) -> None:
    assert not world.deliver(envelope, ID)
