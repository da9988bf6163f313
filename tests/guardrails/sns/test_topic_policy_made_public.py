from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.event import Event
from chalicelib.resources.sns import Topic
from tests.support.events import HOME, STRANGER, Envelope, cloudtrail_event
from tests.support.resource_policies import Guarded

if TYPE_CHECKING:
    from tests.support.world import World

ARN = f"arn:aws:sns:us-east-1:{HOME}:orders"


def put(world: World, text: str) -> Envelope:
    world.client("sns").create_topic(Name="orders")
    changed = {"topicArn": ARN, "attributeName": "Policy", "attributeValue": text}
    world.client("sns").set_topic_attributes(TopicArn=ARN, AttributeName="Policy", AttributeValue=text)
    return cloudtrail_event("sns", "SetTopicAttributes", changed)


def attributes(world: World) -> Any:
    return world.client("sns").get_topic_attributes(TopicArn=ARN)["Attributes"]


def fresh(world: World) -> Envelope:
    """A new topic with the policy that SNS gives it."""
    world.client("sns").create_topic(Name="orders")
    return cloudtrail_event("sns", "CreateTopic", {"name": "orders"}, {"topicArn": ARN})


ORDERS = Guarded(
    id="sns.topic_policy_made_public",
    arn=ARN,
    action="SNS:Subscribe",
    put=put,
    text=lambda world: attributes(world)["Policy"],
    keeps=lambda text: json.dumps(json.loads(text), separators=(",", ":")),
    buckets=True,
    analyzed="AWS::SNS::Topic",
)
CASE = ORDERS.case(
    attributes,
    lambda world: world.client("sns").delete_topic(TopicArn=ARN),
    lambda world: world.client("sns").set_topic_attributes(
        TopicArn=ARN, AttributeName="DisplayName", AttributeValue="Orders"
    ),
    near_misses=(fresh,),
)


def test_a_topic_whose_statements_all_go_gets_the_policy_of_a_new_one(world: World) -> None:
    world.deliver(ORDERS.policy(ORDERS.allow("*"))(world), ORDERS.id)
    left = json.loads(ORDERS.text(world) or "")
    world.client("sns").delete_topic(TopicArn=ARN)
    fresh(world)
    assert left == json.loads(ORDERS.text(world) or "")


@pytest.mark.parametrize(
    "given",
    [None, {"topicArn": "orders:0"}, {"topicArn": ARN.replace(HOME, STRANGER)}, {"topicArn": f"{ARN}:11111111-2222"}],
)
def test_a_strange_event_names_no_topic(given: Any) -> None:
    assert not list(Topic.in_event(Event.parse(cloudtrail_event("sns", "SetTopicAttributes", given))))
