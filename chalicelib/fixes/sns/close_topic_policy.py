"""SNS topic policies."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from chalicelib.fixes.policy import DropPrincipals
from chalicelib.resources.look_ups import BUCKETS, NETWORKS, ORGANIZATION, reads_of
from chalicelib.resources.sns import Topic

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.core.types import State


class CloseTopicPolicy(DropPrincipals[Topic]):
    """Remove unknown principals from the topic's policy, and leave the rest of its text."""

    document = "sns:topic-policy"
    reads = ("sns:GetTopicAttributes",)
    writes = ("sns:SetTopicAttributes",)
    look_ups = (ORGANIZATION, NETWORKS, BUCKETS)
    approval_reads = reads_of(*look_ups)

    def facts(self, resource: Topic) -> State:
        return {**super().facts(resource), "topic": resource.arn}

    def get_policy(self, resource: Topic, aws: Session) -> str | None:
        found: str | None = aws.client("sns").get_topic_attributes(TopicArn=resource.arn)["Attributes"].get("Policy")
        return found

    def put_policy(self, resource: Topic, text: str, aws: Session) -> None:
        aws.client("sns").set_topic_attributes(TopicArn=resource.arn, AttributeName="Policy", AttributeValue=text)

    def delete_policy(self, resource: Topic, aws: Session) -> None:
        """SNS always keeps a policy: the default one stands for none."""
        self.put_policy(resource, _default(resource.arn, resource.account), aws)

    def emptied(self, state: State) -> str | None:
        return _default(state["topic"], state["account"])


def _default(topic: str, account: str) -> str:
    """What SNS gives a new topic: only the owner has access.

    https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-language-api-permissions-reference.html
    """
    names = "GetTopicAttributes SetTopicAttributes AddPermission RemovePermission DeleteTopic Subscribe ListSubscriptionsByTopic Publish"
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{name}" for name in names.split()],
        "Resource": topic,
        "Condition": {"StringEquals": {"AWS:SourceOwner": account}},
    }
    return json.dumps({"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]})
