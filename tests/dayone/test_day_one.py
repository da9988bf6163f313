"""A well-made account on the day that Snapback comes, in the mode `fix`: nothing is changed, and nobody is asked."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from click.testing import CliRunner
from moto import mock_aws

from snapback import cli, errors
from snapback.commands.options import load_settings
from snapback.memory_aws import gaps
from snapback.replay.replay import replay
from tests.dayone.account import Account
from tests.dayone.changes import changes
from tests.dayone.roles import AUDIT, TOOLS, VENDOR
from tests.support.events import REGION

ROOT = Path(__file__).parents[2]
ALLOWED = {
    "ec2.default_group_with_rules": {"security-group/"},
    "dynamodb.table_deletable": {"sessions-cache"},
    "dynamodb.table_not_recoverable": {"sessions-cache"},
    "ec2.vpc_without_flow_logs": {"vpc/"},
    "awslambda.function_policy_without_account": {"uploads-by-terraform", "rotation"},
    "iam.admin_policy_attached": {
        "cdk-hnb659fds-cfn-exec-role",
        "github-deploy",
        "break-glass",
        "AWSControlTowerExecution",
        "OrganizationAccountAccessRole",
    },
    "iam.role_trusts_service_for_anyone": {
        "bedrock-role",
        "ecs-tasks-role",
        "iot-role",
        "sagemaker-role",
        "scheduler-role",
        "ssm-role",
        "transfer-role",
        "vpc-flow-logs-role",
    },
}
"""What is told and not touched, by guardrail, and the parts of the names that it may be told of."""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As shipped, with the organization's other accounts and the vendors, who need an external id."""
    shipped = yaml.safe_load((ROOT / "snapback.yaml").read_text())
    shipped["allow"] |= {"accounts": [AUDIT, TOOLS], "vendors": [VENDOR]}
    file: Path = tmp_path_factory.mktemp("dayone") / "snapback.yaml"
    file.write_text(yaml.safe_dump(shipped))
    return file


@pytest.fixture(scope="module")
def found(settings: Path) -> list[dict[str, Any]]:
    """The findings of a sweep in the mode `fix`."""
    out = settings.parent / "found.jsonl"
    asked = ["sweep", "--mode", "fix", "--yes", "--create-ledger", "--settings", str(settings), "--json", str(out)]
    with pytest.MonkeyPatch.context() as environment, mock_aws() as reset, gaps.closed():
        environment.setenv("AWS_REGION", REGION)
        reset.reset()
        account = Account(boto3.Session(region_name=REGION))
        account.fill()
        done = CliRunner().invoke(cli.main, asked)
    assert done.exit_code in {errors.FINE, errors.FOUND}, done.output
    assert account.made >= 200
    return [json.loads(line) for line in out.read_text().splitlines()]


def test_nothing_is_changed_and_nobody_is_asked(found: list[dict[str, Any]]) -> None:
    touched = [each for each in found if each["status"] != "alerted"]
    assert Counter(each["guardrail"] for each in touched) == {}, touched


def test_only_what_is_known_to_be_told_is_told(found: list[dict[str, Any]]) -> None:
    strange = [
        (each["guardrail"], each["resource"])
        for each in found
        if not any(part in each["resource"] for part in ALLOWED.get(each["guardrail"], ()))
    ]
    assert strange == []


def test_a_pipelines_changes_are_left_alone(settings: Path) -> None:
    """The same kinds of things, made one by one, and replayed: nothing is changed, asked or reported."""
    file = settings.parent / "changes.jsonl"
    made = [*changes()]
    assert len(made) >= 30
    file.write_text("\n".join(map(json.dumps, made)))
    done = replay([file], settings=load_settings(settings), mode="fix")
    assert done.counts["reenacted"] == len(made), [each.why for each in done.events if not each.reenacted]
    touched = [
        (each.name, outcome.guardrail, outcome.status, outcome.reason)
        for each in done.events
        for outcome in each.outcomes
        if outcome.status != "compliant"
    ]
    assert touched == []
