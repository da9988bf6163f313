"""Whether SNS encrypts a topic's messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.rule import Fix, FixContext
from chalicelib.resources.sns import Topic

if TYPE_CHECKING:
    from chalicelib.core.event import Actor
    from chalicelib.core.session import Session
    from chalicelib.core.types import State

OF_AWS = "alias/aws/sns"
"""AWS's own key for SNS. Its policy can't be changed, so most services of AWS can't publish to a topic that it encrypts.

https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
"""


class EncryptTopic(Fix[Topic]):
    """Encrypt the topic's messages with the key in `require.kms_keys`, or with AWS's own key for SNS.

    The state is `{"account", "region", "key": its KMS key, "" without one}`.
    """

    document = "sns:encryption"
    reads = ("sns:GetTopicAttributes",)
    writes = ("sns:SetTopicAttributes",)

    def read(self, resource: Topic, aws: Session) -> State:
        attributes = aws.client("sns").get_topic_attributes(TopicArn=resource.arn)["Attributes"]
        key = attributes.get("KmsMasterKeyId", "")
        return {"account": resource.account, "region": resource.region, "key": key}

    def safe(self, state: State, context: FixContext) -> State:
        wanted = context.baseline.kms_key(state["account"], state["region"])
        return {**state, "key": state["key"] or wanted or OF_AWS}

    def write(self, resource: Topic, state: State, aws: Session) -> None:
        aws.client("sns").set_topic_attributes(
            TopicArn=resource.arn, AttributeName="KmsMasterKeyId", AttributeValue=state["key"]
        )

    def needs_approval(self, resource: Topic, before: State, after: State, actor: Actor, aws: Session) -> str | None:
        if after["key"] != OF_AWS:
            return None
        return "CloudWatch alarms, S3 and most services can't publish to a topic with AWS's own key; name one in `require.kms_keys`"
