"""One log, as each partition writes it: what is found and fixed in one is found and fixed in all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.partitions import PARTITIONS, Partition
from chalicelib.core.settings import Settings
from snapback.replay.replay import replay
from tests.support.events import FRIEND, HOME, cloudtrail_event

if TYPE_CHECKING:
    from pathlib import Path

STRANGER = "999999999999"


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in statements]})


def calls(there: Partition) -> list[tuple[Any, ...]]:
    """Changes whose ARNs, principals, hosts or policies are written otherwise in each partition."""
    arn, region = f"arn:{there.name}", there.global_region
    user, function = {"userName": "bob"}, f"{arn}:lambda:{region}:{HOME}:function:web"
    passed = {"StringEquals": {"iam:PassedToService": f"ec2.{there.dns_suffix}"}}
    way_up = document(
        {"Action": "iam:PassRole", "Resource": "*", "Condition": passed},
        {"Action": "ec2:RunInstances", "Resource": "*"},
    )
    trust = document({"Principal": {"AWS": f"{arn}:iam::{STRANGER}:root"}, "Action": "sts:AssumeRole"})
    bucket = document(
        {"Principal": {"AWS": f"{arn}:iam::{FRIEND}:root"}, "Action": "s3:GetObject", "Resource": f"{arn}:s3:::logs/*"},
        {
            "Principal": {"AWS": f"{arn}:iam::{STRANGER}:role/x"},
            "Action": "s3:GetObject",
            "Resource": f"{arn}:s3:::logs/*",
        },
    )
    container = {"name": "web", "image": f"{HOME}.dkr.ecr.{region}.{there.dns_suffix}/web:1", "privileged": True}
    permission = {"functionName": function, "action": "lambda:InvokeFunction"}
    defined = {"taskDefinition": {"taskDefinitionArn": f"{arn}:ecs:{region}:{HOME}:task-definition/web:1"}}
    return [
        ("iam", "AttachUserPolicy", {**user, "policyArn": f"{arn}:iam::aws:policy/AdministratorAccess"}),
        ("iam", "PutUserPolicy", {**user, "policyName": "way-up", "policyDocument": way_up}),
        ("iam", "UpdateAssumeRolePolicy", {"roleName": "ci", "policyDocument": trust}),
        ("s3", "PutBucketPolicy", {"bucketName": "logs", "bucketPolicy": json.loads(bucket)}),
        ("lambda", "AddPermission20150331v2", {**permission, "statementId": "all", "principal": "*"}),
        ("lambda", "AddPermission20150331v2", {**permission, "statementId": "one", "principal": STRANGER}),
        (
            "ecs",
            "RegisterTaskDefinition",
            {"family": "web", "containerDefinitions": [{**container, "memory": 128}]},
            defined,
        ),
    ]


def found(there: Partition, folder: Path) -> list[tuple[str, str, str]]:
    path = folder / f"{there.name}.jsonl"
    envelopes = [cloudtrail_event(*each, region=there.global_region) for each in calls(there)]
    path.write_text("".join(json.dumps(envelope) + "\n" for envelope in envelopes))
    done = replay([path], settings=Settings(), mode="fix").events
    return [(outcome.guardrail, outcome.status, outcome.reason) for event in done for outcome in event.outcomes]


@pytest.fixture(scope="module")
def in_aws(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str, str]]:
    return found(PARTITIONS[0], tmp_path_factory.mktemp("aws"))


def test_the_log_is_unsafe(in_aws: list[tuple[str, str, str]]) -> None:
    unsafe = {(guardrail, status) for guardrail, status, _ in in_aws if status != "compliant"}
    assert unsafe >= {
        ("awslambda.function_policy_made_public", "fixed"),
        ("ecs.task_runs_as_host", "asking"),
        ("iam.admin_policy_attached", "alerted"),
        ("iam.inline_policy_escalates", "alerted"),
        ("iam.role_trusts_unknown_account", "fixed"),
        ("s3.bucket_policy_trusts_unknown_account", "fixed"),
    }


@pytest.mark.parametrize("there", PARTITIONS[1:], ids=lambda each: each.name)
def test_what_is_found_in_one_partition_is_found_in_each(
    there: Partition, in_aws: list[tuple[str, str, str]], tmp_path: Path
) -> None:
    written = [
        (guardrail, status, reason.replace("arn:aws:", f"arn:{there.name}:")) for guardrail, status, reason in in_aws
    ]
    assert found(there, tmp_path) == written
