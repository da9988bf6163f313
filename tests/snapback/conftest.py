"""Findings to run commands about."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from snapback import dlq
from tests.guardrails.s3 import test_bucket_acl_made_public as acl
from tests.snapback.dead_letters import Queues

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.world import World


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def fixed(world: World) -> str:
    (outcome,) = world.deliver(acl.canned("public-read")(world), acl.ID)
    assert outcome.status == "fixed"
    return outcome.record


@pytest.fixture
def asking(world: World) -> str:
    (outcome,) = world.deliver(acl.canned("public-read")(world), acl.ID, "ask")
    return outcome.record


@pytest.fixture
def hasty(elsewhere: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dlq, "WAIT", 0)
    monkeypatch.setenv("AWS_ACCOUNT_ID_ENDPOINT_MODE", "disabled")  # moto doesn't know an account's own endpoint.


@pytest.fixture
def queues(world: World) -> Queues:
    """As in the stack `snapback`, whose outputs name them."""
    resources = {name: {"Type": "AWS::SQS::Queue"} for name in ("DeadLetters", "FailedMessages", "SecondLooks")}
    outputs: dict[str, Any] = {f"{name}Url": {"Value": {"Ref": name}} for name in resources}
    body = {"Resources": resources, "Outputs": {**outputs, "LedgerTable": {"Value": "snapback-ledger"}}}
    stacks = world.client("cloudformation")
    stacks.create_stack(StackName="snapback", TemplateBody=json.dumps(body))
    received = {each["OutputKey"]: each["OutputValue"] for each in stacks.describe_stacks()["Stacks"][0]["Outputs"]}
    world.application()
    urls = (received[f"{name}Url"] for name in resources)
    return Queues(world.client("sqs"), *urls)
