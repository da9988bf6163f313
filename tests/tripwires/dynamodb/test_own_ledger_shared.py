from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.events import FRIEND, HOME, REGION, Envelope, alice, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "dynamodb.own_ledger_shared"
NAME = "snapback-Ledger-1A2B3C4D5E6F"
ARN = f"arn:aws:dynamodb:{REGION}:{HOME}:table/{NAME}"


def call(name: str, asked: Any = None, **detail: Any) -> Envelope:
    return cloudtrail_event("dynamodb", name, asked, **detail)


@pytest.mark.parametrize(
    ("envelope", "reason"),
    [
        (call("PutResourcePolicy", {"resourceArn": ARN, "policy": "{}"}), f"alice put a policy on {NAME}"),
        (call("PutResourcePolicy", {"resourceArn": f"{ARN}/stream/2026"}), f"alice put a policy on {NAME}"),
        (
            call("EnableKinesisStreamingDestination", {"tableName": NAME}),
            f"alice sent to a Kinesis stream the changes of {NAME}",
        ),
        (call("ExportTableToPointInTime", {"tableArn": ARN}), f"alice exported to a bucket {NAME}"),
    ],
)
def test_it_is_reported(envelope: Envelope, reason: str, world: World) -> None:
    (outcome,) = world.deliver(envelope, ID, "fix")
    assert (outcome.status, outcome.reason) == ("alerted", reason)


@pytest.mark.parametrize(
    "envelope",
    [
        call("PutResourcePolicy", {"resourceArn": ARN.replace(NAME, "orders")}),
        call("PutResourcePolicy", {"resourceArn": ARN.replace(NAME, "snapback-test-Ledger-1A2B3C4D5E6F")}),
        call("PutResourcePolicy"),
        call("ExportTableToPointInTime", {"tableArn": ARN}, account=FRIEND),
        call(
            "PutResourcePolicy",
            {"resourceArn": ARN},
            userIdentity={**alice(), "invokedBy": "cloudformation.amazonaws.com"},
        ),
        call("DeleteResourcePolicy", {"resourceArn": ARN}),
    ],
)
def test_others_are_not(envelope: Envelope, world: World) -> None:
    assert not world.deliver(envelope, ID)
