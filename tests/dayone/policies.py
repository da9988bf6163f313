"""Policies of topics, queues and their like, as consoles, Terraform modules and AWS's pages write them."""

from __future__ import annotations

import json
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


OWNER = {"Principal": {"AWS": f"arn:aws:iam::{HOME}:root"}, "Action": "kms:*"}
DENY_OUTSIDE = {
    "Effect": "Deny",
    "Principal": "*",
    "Condition": {"StringNotEquals": {"aws:SourceVpce": "{endpoint}"}},
}
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
    "kms": {
        "default": [OWNER],
        "backups": [OWNER, {"Principal": "*", "Condition": ORGANIZATION}],
        "through-s3": [
            OWNER,
            everyone(StringEquals={"kms:ViaService": "s3.us-east-1.amazonaws.com", "kms:CallerAccount": HOME}),
        ],
        "for-services": [OWNER, service("sns"), service("cloudwatch"), service("logs.us-east-1")],
    },
    "secretsmanager": {
        "tools": [{"Principal": {"AWS": f"arn:aws:iam::{TOOLS}:role/deploy"}}],
        "organization": [{"Principal": "*", "Condition": ORGANIZATION}],
        "endpoint-only": [{"Principal": {"AWS": f"arn:aws:iam::{HOME}:role/app"}}, DENY_OUTSIDE],
    },
    "kinesis": {"tools": [{"Principal": {"AWS": f"arn:aws:iam::{TOOLS}:role/consumer"}}]},
    "efs": {
        "console": [everyone(Bool={"elasticfilesystem:AccessedViaMountTarget": "true"})],
        "encrypted": [
            everyone(Bool={"elasticfilesystem:AccessedViaMountTarget": "true"}),
            {"Effect": "Deny", "Principal": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        ],
        "backups": [{"Principal": {"AWS": f"arn:aws:iam::{TOOLS}:role/backup"}}],
    },
    "events": {
        "central": [
            {"Principal": "*", "Condition": ORGANIZATION},
            {"Principal": {"AWS": f"arn:aws:iam::{TOOLS}:root"}},
        ],
        "partners": [{"Principal": {"AWS": TOOLS}}],
    },
    "dynamodb": {
        "tools": [{"Principal": {"AWS": f"arn:aws:iam::{TOOLS}:role/reader"}}],
        "organization": [{"Principal": "*", "Condition": ORGANIZATION}],
    },
    "ecr": {"registry": [{"Principal": {"AWS": f"arn:aws:iam::{TOOLS}:root"}}]},
    "glue": {"catalog": [{"Principal": "*", "Condition": ORGANIZATION}, {"Principal": {"AWS": TOOLS}}]},
}
"""By service and name, the policy's statements, without Effect, Action and Resource."""
ACTIONS = {
    "sns": "SNS:Publish",
    "sqs": "SQS:SendMessage",
    "kms": "kms:Decrypt",
    "secretsmanager": "secretsmanager:GetSecretValue",
    "kinesis": "kinesis:PutRecord",
    "efs": "elasticfilesystem:ClientMount",
    "events": "events:PutEvents",
    "dynamodb": "dynamodb:GetItem",
    "ecr": "ecr:ReplicateImage",
    "glue": "glue:GetTable",
}

KEY = f"arn:aws:kms:{HERE}:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def topic(client: Any, name: str, text: str) -> None:
    arn = client.create_topic(Name=name, Attributes={"KmsMasterKeyId": KEY})["TopicArn"]
    client.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=text)


def queue(client: Any, name: str, text: str) -> None:
    client.create_queue(QueueName=name, Attributes={"Policy": text})


def key(client: Any, name: str, text: str) -> None:
    made = client.create_key(Description=name, Policy=text)["KeyMetadata"]["KeyId"]
    client.enable_key_rotation(KeyId=made)


def secret(client: Any, name: str, text: str) -> None:
    client.create_secret(Name=name, SecretString="made-up")
    client.put_resource_policy(SecretId=name, ResourcePolicy=text)


def stream(client: Any, name: str, text: str) -> None:
    client.create_stream(StreamName=name, ShardCount=1)
    client.put_resource_policy(ResourceARN=f"arn:aws:kinesis:{HERE}:stream/{name}", Policy=text)


def file_system(client: Any, name: str, text: str) -> None:
    made = client.create_file_system(CreationToken=name)["FileSystemId"]
    client.put_file_system_policy(FileSystemId=made, Policy=text)


def bus(client: Any, name: str, text: str) -> None:
    client.create_event_bus(Name=name)
    policy = json.loads(text)
    statements = [{"Sid": str(number), **each} for number, each in enumerate(policy["Statement"])]
    client.put_permission(EventBusName=name, Policy=json.dumps({**policy, "Statement": statements}))


def table(client: Any, name: str, text: str) -> None:
    client.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        DeletionProtectionEnabled=True,
    )
    recovery = {"PointInTimeRecoveryEnabled": True}
    client.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)
    client.put_resource_policy(ResourceArn=f"arn:aws:dynamodb:{HERE}:table/{name}", Policy=text)


def registry(client: Any, _: str, text: str) -> None:
    client.put_registry_policy(policyText=text)


def catalog(client: Any, _: str, text: str) -> None:
    client.put_resource_policy(PolicyInJson=text)


MAKE: dict[str, Callable[[Any, str, str], None]] = {
    "sns": topic,
    "sqs": queue,
    "kms": key,
    "secretsmanager": secret,
    "kinesis": stream,
    "efs": file_system,
    "events": bus,
    "dynamodb": table,
    "ecr": registry,
    "glue": catalog,
}
CALLS: dict[str, Callable[[str, str], tuple[str, dict[str, Any]]]] = {
    "sns": lambda name, text: (
        "SetTopicAttributes",
        {"topicArn": f"arn:aws:sns:{HERE}:{name}", "attributeName": "Policy", "attributeValue": text},
    ),
    "sqs": lambda name, text: (
        "SetQueueAttributes",
        {"queueUrl": f"https://sqs.us-east-1.amazonaws.com/{HOME}/{name}", "attributes": {"Policy": text}},
    ),
    "kms": lambda _, text: (
        "PutKeyPolicy",
        {"keyId": "1234abcd-12ab-34cd-56ef-1234567890ab", "policyName": "default", "policy": text},
    ),
    "secretsmanager": lambda name, text: ("PutResourcePolicy", {"secretId": name, "resourcePolicy": text}),
    "dynamodb": lambda name, text: (
        "PutResourcePolicy",
        {"resourceArn": f"arn:aws:dynamodb:{HERE}:table/{name}", "policy": text},
    ),
    "kinesis": lambda name, text: (
        "PutResourcePolicy",
        {"resourceARN": f"arn:aws:kinesis:{HERE}:stream/{name}", "policy": text},
    ),
}
"""A pipeline's call that writes the policy, as CloudTrail records it."""
CHANGED = {"any-alarm", "through-s3", "tools", "owner", "from-topic-by-terraform", "from-rule"}
"""Those that name nothing that has to be there."""
