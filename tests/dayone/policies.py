"""Policies of topics, queues and their like, as consoles, Terraform modules and AWS's pages write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.dayone.roles import TOOLS
from tests.support.events import HOME

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = f"us-east-1:{HOME}"
ORGANIZATION = {"StringEquals": {"aws:PrincipalOrgID": "{organization}"}}
Statements = list[dict[str, Any]]


def service(name: str, **condition: Any) -> dict[str, Any]:
    return {"Principal": {"Service": f"{name}.amazonaws.com"}, **({"Condition": condition} if condition else {})}


def everyone(**condition: Any) -> dict[str, Any]:
    return {"Principal": {"AWS": "*"}, "Condition": condition}


POLICIES: dict[str, dict[str, Statements]] = {
    "sns": {
        "alarms": [service("cloudwatch", StringEquals={"aws:SourceAccount": HOME})],
        "cost-anomalies": [service("costalerts")],
        "codestar": [service("codestar-notifications")],
        "any-alarm": [everyone(ArnLike={"aws:SourceArn": f"arn:aws:cloudwatch:{HERE}:alarm:*"})],
        "owner": [everyone(StringEquals={"AWS:SourceOwner": HOME})],
        "uploads": [everyone(ArnLike={"aws:SourceArn": "arn:aws:s3:::acme-uploads"})],
        "shared": [{"Principal": "*", "Condition": ORGANIZATION}],
        "tools": [{"Principal": {"AWS": f"arn:aws:iam::{TOOLS}:root"}}],
    },
    "sqs": {
        "from-topic": [service("sns", ArnEquals={"aws:SourceArn": f"arn:aws:sns:{HERE}:shared"})],
        "from-topic-by-terraform": [
            {"Principal": "*", "Condition": {"ArnEquals": {"aws:SourceArn": f"arn:aws:sns:{HERE}:shared"}}}
        ],
        "from-bucket": [{"Principal": "*", "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::acme-uploads"}}}],
        "from-rule": [service("events", ArnEquals={"aws:SourceArn": f"arn:aws:events:{HERE}:rule/nightly"})],
        "karpenter": [service("events"), service("sqs")],
        "endpoint-only": [{"Principal": "*", "Condition": {"StringEquals": {"aws:SourceVpce": "{endpoint}"}}}],
    },
}
"""By service and name, the policy's statements, without Effect, Action and Resource."""
ACTIONS = {"sns": "SNS:Publish", "sqs": "SQS:SendMessage"}


def topic(client: Any, name: str, text: str) -> None:
    arn = client.create_topic(Name=name)["TopicArn"]
    client.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=text)


def queue(client: Any, name: str, text: str) -> None:
    client.create_queue(QueueName=name, Attributes={"Policy": text})


MAKE: dict[str, Callable[[Any, str, str], None]] = {"sns": topic, "sqs": queue}
CALLS: dict[str, Callable[[str, str], tuple[str, dict[str, Any]]]] = {
    "sns": lambda name, text: (
        "SetTopicAttributes",
        {"topicArn": f"arn:aws:sns:{HERE}:{name}", "attributeName": "Policy", "attributeValue": text},
    ),
    "sqs": lambda name, text: (
        "SetQueueAttributes",
        {"queueUrl": f"https://sqs.us-east-1.amazonaws.com/{HOME}/{name}", "attributes": {"Policy": text}},
    ),
}
"""A pipeline's call that writes the policy, as CloudTrail records it."""
CHANGED = {"any-alarm", "owner", "from-topic-by-terraform", "from-rule"}
"""Those that name nothing that has to be there."""
