from __future__ import annotations

from typing import TYPE_CHECKING

from tests.guardrails.sqs.test_queue_policy_made_public import URL, whole
from tests.support.cases import Case
from tests.support.events import HOME, cloudtrail_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.events import Envelope
    from tests.support.world import World

OFF = {"SqsManagedSseEnabled": "false"}
BY_KMS = {**OFF, "KmsMasterKeyId": "alias/aws/sqs"}


def changed(**attributes: str) -> Callable[[World], Envelope]:
    def made(world: World) -> Envelope:
        world.client("sqs").create_queue(QueueName="jobs", Attributes=attributes)
        return cloudtrail_event("sqs", "SetQueueAttributes", {"queueUrl": URL, "attributes": attributes})

    return made


def made_so(world: World) -> Envelope:
    changed(**OFF)(world)
    answer = {"queueUrl": f"https://us-east-1.queue.amazonaws.com/{HOME}/jobs"}
    return cloudtrail_event("sqs", "CreateQueue", {"queueName": "jobs", "attributes": OFF}, answer)


CASE = Case(
    unsafe=(changed(**OFF, DelaySeconds="7"), made_so),
    near_misses=(changed(), changed(SqsManagedSseEnabled="true"), changed(**BY_KMS)),
    whole=whole,
    remove=lambda world: world.client("sqs").delete_queue(QueueUrl=URL),
    disturb=lambda world: world.client("sqs").set_queue_attributes(QueueUrl=URL, Attributes={"DelaySeconds": "9"}),
)
