"""The table of what each command needs is what each command calls."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from botocore.client import BaseClient
from click.testing import CliRunner

from snapback.cli import main
from snapback.permissions import ELSEWHERE, NEEDS, policy
from tests.snapback.command import complaint, objects, run
from tests.snapback.dead_letters import given_up
from tests.snapback.test_commands import COMMANDS
from tests.support.iam_actions import needed_by

if TYPE_CHECKING:
    from pathlib import Path

    from tests.snapback.dead_letters import Queues
    from tests.support.world import World

pytestmark = pytest.mark.usefixtures("elsewhere", "hasty")
ACL = "s3.bucket_acl_made_public"
RARELY = {
    "s3:GetObject": "a state that is too large for the ledger's table",
    "s3:PutObject": "the same, written",
    "sqs:SendMessage": "a second look, sent back to its queue",
    "lambda:InvokeFunction": "moto runs no function of the stack",
    "cloudtrail:LookupEvents": "who changed what an undo would overwrite",
    "dynamodb:UpdateItem": "a slot, when a fix ends otherwise",
}
"""Actions that a command makes in other cases than the test's, and when."""
NOT_NEEDED = {"sts:GetCallerIdentity"}
"""https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html: it takes no permission."""


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The IAM actions of the calls that are made; those in a transaction are its items'."""
    actions: set[str] = set()
    call: Any = BaseClient._make_api_call  # type: ignore[attr-defined]

    def recorded(client: Any, operation: str, params: Any) -> Any:
        if client._request_signer._credentials.access_key != os.environ["AWS_ACCESS_KEY_ID"]:
            return call(client, operation, params)  # A role's, which has policies of its own.
        service = client.meta.service_model.service_id.hyphenize()
        if operation == "TransactWriteItems":
            kinds = {
                "Put": "PutItem",
                "Update": "UpdateItem",
                "Delete": "DeleteItem",
                "ConditionCheck": "ConditionCheckItem",
            }
            actions.update(f"dynamodb:{kinds[kind]}" for item in params["TransactItems"] for kind in item)
        else:
            name = {"Invoke": "InvokeFunction"}.get(operation, operation).removesuffix(
                "Batch" if service == "sqs" else "-"
            )
            actions.add(needed_by(service, name))
        return call(client, operation, params)

    monkeypatch.setattr(BaseClient, "_make_api_call", recorded)
    return actions


def declared(command: str) -> set[str]:
    document = policy(command, "snapback", guardrails=[ACL])
    return {action for statement in document["Statement"] for action in statement["Action"]}


def _letters(world: World, queues: Queues) -> None:
    queues.put(given_up())
    queues.put(given_up())


def _trail(world: World, queues: Queues) -> None:
    world.client("s3").create_bucket(Bucket="audit")
    world.client("cloudtrail").create_trail(Name="audit", S3BucketName="audit", IsMultiRegionTrail=True)
    world.client("cloudtrail").start_logging(Name="audit")


def _paused(world: World, queues: Queues) -> None:
    run("pause", "--why", "x")


def _public(world: World, queues: Queues) -> None:
    world.client("s3").create_bucket(Bucket="app-logs")
    world.client("s3").put_bucket_acl(Bucket="app-logs", ACL="public-read")


def _nothing(world: World, queues: Queues) -> None: ...


@pytest.mark.parametrize(
    ("command", "prepare", "arguments"),
    [
        ("records", "fixed", ["", "--service s3"]),
        ("show", "fixed", ["RECORD", "SHORT"]),
        ("undo", "fixed", ["SHORT"]),
        ("approve", "asking", ["SHORT"]),
        ("fix", "asking", ["SHORT"]),
        ("status", _nothing, [""]),
        ("pause", _nothing, ["--why x"]),
        ("resume", _paused, [""]),
        ("doctor", _trail, [""]),
        ("dlq list", _letters, [""]),
        ("dlq show", _letters, ["ID"]),
        ("dlq drop", _letters, ["ID --yes"]),
        ("dlq redrive", _letters, ["ID --local", "--all"]),
        ("settings publish", _nothing, ["--yes", "--yes --to ssm:/snapback/settings"]),
        ("accounts check", "fixed", [""]),
        ("sweep", _public, [f"--guardrail {ACL} --mode fix --yes"]),
    ],
)
def test_a_command_makes_the_calls_that_it_declares_and_no_others(
    command: str, prepare: Any, arguments: list[str], queues: Queues, world: World, made: set[str],
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    (tmp_path / "snapback.yaml").write_text("mode: alert")
    record = request.getfixturevalue(prepare) if isinstance(prepare, str) else ""
    if not record:
        prepare(world, queues)
    ids = [each["id"] for each in objects(run("dlq", "list", "--json"))] or [""]
    made.clear()
    for each in arguments:
        words = [{"RECORD": record, "SHORT": record[:12], "ID": ids[0]}.get(word, word) for word in each.split()]
        CliRunner().invoke(main, [*command.split(), *words], prog_name="snapback")
    own = NEEDS[command].needs.keys() - RARELY.keys()
    if command == "records":
        own -= {"sqs:GetQueueAttributes"}  # Asked only where there are no records.
    assert made - NOT_NEEDED - declared(command) == ({"s3:GetBucketAcl"} if command == "dlq redrive" else set())
    assert own - made == set()


def test_every_command_has_its_permissions_or_a_reason() -> None:
    assert COMMANDS.keys() == NEEDS.keys() | ELSEWHERE.keys()
    assert not NEEDS.keys() & ELSEWHERE.keys()


@pytest.mark.parametrize("command", NEEDS)
def test_resources_are_the_stacks_own(command: str) -> None:
    for statement in policy(command, "guard", guardrails=["none"])["Statement"]:
        resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        if resources != ["*"]:
            assert all("guard" in each or ":role/snapback-" in each for each in resources)


def test_the_policy_is_json_and_a_command_without_one_says_why() -> None:
    document = json.loads(run("permissions", "dlq", "redrive", "--stack", "guard").stdout)
    assert {"Effect": "Allow", "Action": "lambda:InvokeFunction"}.items() <= {
        **next(each for each in document["Statement"] if "lambda:InvokeFunction" in each["Action"]),
        "Action": "lambda:InvokeFunction",
    }.items()
    assert "use an administrator's credentials" in complaint("permissions", "deploy")
    assert complaint("permissions", "nope").startswith("no permissions for 'nope'; the commands are accounts check")


def test_a_guardrail_that_nobody_knows_is_refused() -> None:
    said = complaint("permissions", "fix", "--guardrail", "s3.nope")
    assert said == "--guardrail s3.nope: no guardrail matches; `snapback catalog` lists all"


def test_a_policy_that_iam_would_refuse_is_told() -> None:
    assert "IAM takes 6,144" in run("permissions", "sweep").stderr
    assert run("permissions", "sweep", "--guardrail", ACL).stderr == ""
