from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.baseline import Baseline, Require
from chalicelib.core.rule import FixContext
from chalicelib.fixes.sns.encrypt_topic import OF_AWS, EncryptTopic
from tests.guardrails.sns.test_topic_policy_made_public import ARN, attributes
from tests.support.cases import Case
from tests.support.events import HOME, STACK, cloudtrail_event
from tests.support.world import settings_with

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.events import Envelope
    from tests.support.world import World

ID = "sns.topic_unencrypted"
KEY = f"arn:aws:kms:us-east-1:{HOME}:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def topic(key: str, name: str = "KmsMasterKeyId", value: str = "") -> Callable[[World], Envelope]:
    def made(world: World) -> Envelope:
        world.settings = settings_with(Baseline(require=Require(kms_keys=(KEY,)), stack=STACK), grace={"*": 0})
        sns = world.client("sns")
        sns.create_topic(Name="orders", Attributes={"KmsMasterKeyId": KEY})
        sns.set_topic_attributes(TopicArn=ARN, AttributeName="KmsMasterKeyId", AttributeValue=key)
        asked = {"topicArn": ARN, "attributeName": name, "attributeValue": value}
        return cloudtrail_event("sns", "SetTopicAttributes", asked)

    return made


CASE = Case(
    unsafe=(topic(""), topic("", "DisplayName", "Orders")),
    near_misses=(topic(KEY), topic(OF_AWS, value=OF_AWS)),
    whole=attributes,
    remove=lambda world: world.client("sns").delete_topic(TopicArn=ARN),
    disturb=lambda world: world.client("sns").set_topic_attributes(
        TopicArn=ARN, AttributeName="DisplayName", AttributeValue="Orders of the shop"
    ),
)


def test_the_key_is_the_settings_or_aws_s_own() -> None:
    unencrypted = {"account": HOME, "region": "us-east-1", "key": ""}
    for keys, wanted in (((KEY,), KEY), ((), OF_AWS), ((KEY.replace("us-east-1", "eu-west-1"),), OF_AWS)):
        safe = EncryptTopic().safe(unencrypted, FixContext(Baseline(require=Require(kms_keys=keys))))
        assert safe["key"] == wanted


def test_with_the_key_of_aws_a_person_is_asked_first(world: World) -> None:
    envelope = topic("")(world)
    world.settings = settings_with(Baseline(stack=STACK))
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == "asking"
