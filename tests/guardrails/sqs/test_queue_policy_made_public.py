from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.event import Event
from chalicelib.resources.sqs import Queue
from tests.support.events import HOME, STRANGER, Envelope, cloudtrail_event
from tests.support.resource_policies import Guarded

if TYPE_CHECKING:
    from tests.support.world import World

ARN = f"arn:aws:sqs:us-east-1:{HOME}:jobs"
URL = f"https://sqs.us-east-1.amazonaws.com/{HOME}/jobs"


def put(world: World, text: str) -> Envelope:
    world.client("sqs").create_queue(QueueName="jobs", Attributes={"Policy": text})
    return cloudtrail_event("sqs", "SetQueueAttributes", {"queueUrl": URL, "attributes": {"Policy": text}})


def attributes(world: World) -> Any:
    return world.client("sqs").get_queue_attributes(QueueUrl=URL, AttributeNames=["All"])["Attributes"]


def whole(world: World) -> Any:
    return {name: value for name, value in attributes(world).items() if name != "LastModifiedTimestamp"}


def made_open(world: World) -> Envelope:
    """At once, under the address of a regional endpoint of old."""
    put(world, JOBS.written(JOBS.allow("*")))
    answer = {"queueUrl": f"https://us-east-1.queue.amazonaws.com/{HOME}/jobs"}
    return cloudtrail_event("sqs", "CreateQueue", {"queueName": "jobs"}, answer)


def bare(world: World) -> Envelope:
    world.client("sqs").create_queue(QueueName="jobs")
    return cloudtrail_event("sqs", "CreateQueue", {"queueName": "jobs"}, {"queueUrl": URL})


JOBS = Guarded(
    id="sqs.queue_policy_made_public",
    arn=ARN,
    action="SQS:SendMessage",
    put=put,
    text=lambda world: attributes(world).get("Policy"),
    keeps=lambda text: json.dumps(json.loads(text)),
    buckets=True,
    analyzed="AWS::SQS::Queue",
)
CASE = JOBS.case(
    whole,
    lambda world: world.client("sqs").delete_queue(QueueUrl=URL),
    lambda world: world.client("sqs").set_queue_attributes(QueueUrl=URL, Attributes={"DelaySeconds": "7"}),
    unsafe=(made_open,),
    near_misses=(bare,),
)


@pytest.mark.parametrize(
    "given", [None, {"queueUrl": "jobs"}, {"queueUrl": URL.replace(HOME, STRANGER)}, {"queueUrl": f"{URL}/a b"}]
)
def test_a_strange_event_names_no_queue(given: Any) -> None:
    assert not list(Queue.in_event(Event.parse(cloudtrail_event("sqs", "SetQueueAttributes", given))))
