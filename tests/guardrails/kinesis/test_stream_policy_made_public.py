from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.core.event import Event
from chalicelib.resources.kinesis import Stream
from tests.support.events import HOME, STRANGER, Envelope, cloudtrail_event
from tests.support.resource_policies import Guarded

if TYPE_CHECKING:
    from tests.support.world import World

ARN = f"arn:aws:kinesis:us-east-1:{HOME}:stream/orders"


def put(world: World, text: str) -> Envelope:
    world.client("kinesis").create_stream(StreamName="orders", ShardCount=1)
    world.client("kinesis").put_resource_policy(ResourceARN=ARN, Policy=text)
    return cloudtrail_event("kinesis", "PutResourcePolicy", {"resourceARN": ARN, "policy": text})


def bare(world: World) -> Envelope:
    envelope = CASE.unsafe[0](world)
    world.client("kinesis").delete_resource_policy(ResourceARN=ARN)
    return envelope


def whole(world: World) -> Any:
    summary = world.client("kinesis").describe_stream_summary(StreamName="orders")["StreamDescriptionSummary"]
    return ORDERS.text(world), summary


def remove(world: World) -> None:
    world.client("kinesis").delete_stream(StreamName="orders")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        ORDERS.text(world)


ORDERS = Guarded(
    id="kinesis.stream_policy_made_public",
    arn=ARN,
    action="kinesis:GetRecords",
    put=put,
    text=lambda world: str(world.client("kinesis").get_resource_policy(ResourceARN=ARN)["Policy"]),
)
CASE = ORDERS.case(
    whole,
    remove,
    lambda world: world.client("kinesis").increase_stream_retention_period(
        StreamName="orders", RetentionPeriodHours=48
    ),
    near_misses=(bare,),
)


@pytest.mark.parametrize(
    "given", [None, {"resourceARN": ARN.replace(HOME, STRANGER)}, {"resourceARN": f"{ARN}/consumer/app:1764000000"}]
)
def test_a_strange_event_names_no_stream(given: Any) -> None:
    assert not list(Stream.in_event(Event.parse(cloudtrail_event("kinesis", "PutResourcePolicy", given))))
