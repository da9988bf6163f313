"""The packaged zip, unpacked, run by Lambda's own client in a process that can import nothing else: as AWS runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from bench import tree
from bench.cold import moto_server
from bench.runtime import Failed, Function
from chalicelib import canary, catalog
from chalicelib.aws.ledger import DynamoLedger
from chalicelib.aws.sessions import utc_now
from chalicelib.core.rule import Guardrail
from snapback.deploy.iam_policies import functions, logical_id
from tests.guardrails.s3.test_bucket_acl_made_public import CASE
from tests.support.events import HOME, REGION, cloudtrail_event, native_event
from tests.support.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LEDGER = "snapback-Ledger-1A2B3C4D5E6F"


@pytest.fixture(scope="module")
def task(packaged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """/var/task and /var/runtime, as `task` and `runtime` in a folder."""
    folder = tmp_path_factory.mktemp("lambda")
    tree.unpack(packaged, folder / "task")
    tree.runtime(folder / "runtime")
    return folder


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with moto_server() as address:
        yield address


def start(task: Path, name: str, endpoint: str = "http://127.0.0.1:9") -> Function:
    environment = {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_SESSION_TOKEN": "testing",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": endpoint,
        "POWERTOOLS_SERVICE_NAME": "snapback",
        "SNAPBACK_LEDGER": LEDGER,
    }
    handler = "app.app" if name == "api_handler" else f"app.{name}"
    arn = f"arn:aws:lambda:{REGION}:{HOME}:function:snapback-{logical_id(name)}-1A2B3C4D5E6F"
    return Function(task / "task", task / "runtime", handler, environment, arn=arn)


@pytest.mark.parametrize("name", functions())
def test_each_function_starts_from_the_zip_alone_and_ends_cleanly(task: Path, name: str) -> None:
    with start(task, name) as function:
        assert function.started().memory < 128
        code, written = function.stop()
    assert code == -15, "SIGTERM, as an environment that nothing is left to do for gets it"
    assert written == ""


def test_the_process_can_import_nothing_that_lambda_has_not(task: Path) -> None:
    (task / "task" / "probe.py").write_text(
        "import importlib.util as u\ndef has(event, _):\n return [n for n in event if u.find_spec(n)]\n"
    )
    with Function(
        task / "task", task / "runtime", "probe.has", {}, arn="arn:aws:lambda:x:1:function:probe"
    ) as function:
        function.started()
        found, _ = function.invoke(
            ["boto3", "chalice", "msgspec", "pytest", "moto", "mypy", "hypothesis", "rich", "snapback.cli"]
        )
    assert found == ["boto3", "chalice", "msgspec"]


_IMPORT = """
import json, sys
sys.path[:0] = sys.argv[1:3]
import app
app.catalog.rules_for(sys.argv[3], json.loads(sys.argv[4]))
print(json.dumps([*sys.modules]))
"""
FEW = 270
"""As many modules as a function may import for its first event, besides Python's own."""
UNUSED = {
    "aws_lambda_powertools.utilities.parameters",
    "apprise",
    "boto3",
    "click",
    "jsonschema",
    "moto",
    "requests",
    "slack_sdk",
    "yaml",
}


@pytest.mark.parametrize(
    ("event", "heard"),
    [
        (cloudtrail_event("s3", "PutBucketAcl"), {"bucket_acl_made_public"}),
        (cloudtrail_event("ec2", "AuthorizeSecurityGroupEgress"), {"default_group_with_rules"}),
        (cloudtrail_event("iam", "CreateAccessKey"), None),
    ],
    ids=lambda each: "",
)
def test_an_event_imports_the_rules_that_it_may_be_for_and_little_else(task: Path, event: Any, heard: Any) -> None:
    service = event["detail"]["eventSource"].partition(".")[0]
    asked = [str(task / "task"), str(task / "runtime"), service, json.dumps(event, default=str)]
    command = [sys.executable, "-I", "-S", "-B", "-c", _IMPORT, *asked]
    loaded = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    rules = {name.rpartition(".")[2] for name in loaded if name.startswith(f"chalicelib.guardrails.{service}.")}
    assert heard is None or rules == heard
    assert len(rules) < len([each for each in catalog.rules(service) if isinstance(each, Guardrail)])
    assert not UNUSED & {*loaded, *(name.partition(".")[0] for name in loaded)}
    assert len([name for name in loaded if name.partition(".")[0] not in sys.stdlib_module_names]) <= FEW


def test_a_function_that_is_not_there_says_so(task: Path) -> None:
    with start(task, "guard_nothing") as function, pytest.raises(Failed, match="HandlerNotFound"):
        function.started()


def invoke(task: Path, server: str, name: str, event: Any) -> Any:
    with start(task, name, server) as function:
        function.started()
        answer, _ = function.invoke(json.loads(json.dumps(event, default=str)))
        _, written = function.stop()
    assert "Traceback" not in written
    assert "whole model" not in written, "all that is called is in the trimmed models"
    assert "Task timed out" not in written
    return answer


@pytest.fixture
def world(server: str, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    world = World(boto3.Session(region_name=REGION))
    ledger = DynamoLedger(world.client("dynamodb"), LEDGER, utc_now)
    if not ledger.exists():
        ledger.create()
    return world


def test_an_event_is_fixed_told_and_undone(task: Path, server: str, world: World) -> None:
    outcomes = invoke(task, server, "guard_s3", CASE.unsafe[0](world))
    (fixed,) = [each for each in outcomes if each["status"] == "fixed"]
    table = world.client("dynamodb")
    item = table.get_item(TableName=LEDGER, Key={"pk": {"S": f"record#{fixed['record']}"}})["Item"]
    change = {
        "Keys": {"pk": item["pk"]},
        "NewImage": item,
        "SequenceNumber": "1",
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    told = {"Records": [{"eventID": "1", "eventName": "INSERT", "eventSource": "aws:dynamodb", "dynamodb": change}]}
    told["Records"][0]["eventSourceARN"] = f"arn:aws:dynamodb:{REGION}:{HOME}:table/{LEDGER}/stream/1"
    assert invoke(task, server, "notify", told) == {"batchItemFailures": []}
    assert invoke(task, server, "exports", told) == {"batchItemFailures": []}
    undone = invoke(task, server, "act", {"action": "undo", "record": fixed["record"], "by": "bob"})
    assert undone == {"record": fixed["record"], "status": "undone"}


def test_the_canary_is_sent_and_answered(task: Path, server: str, world: World) -> None:
    assert invoke(task, server, "canary", {}) is None
    marker = world.client("dynamodb").get_item(TableName=LEDGER, Key={"pk": {"S": canary.MARKER}})["Item"]
    event = native_event("", "", {"nonce": marker["sent"]["S"]})
    event |= {"source": canary.SOURCE, "detail-type": canary.PATTERN["detail-type"][0]}
    assert invoke(task, server, "canary_echo", event) == {"healthy": True}


def test_the_page_is_shown(task: Path, server: str, world: World) -> None:
    request = {
        "resource": "/page",
        "path": "/page",
        "httpMethod": "GET",
        "headers": {"accept": "text/html", "host": "example.com"},
        "multiValueHeaders": {"accept": ["text/html"], "host": ["example.com"]},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {"resourcePath": "/page", "httpMethod": "GET", "path": "/api/page", "requestId": "1",
                           "identity": {"sourceIp": "198.51.100.7"}},
        "body": None,
        "isBase64Encoded": False,
    }  # fmt: skip
    answer = invoke(task, server, "api_handler", request)
    assert answer["statusCode"] == 200
    assert "</html>" in answer["body"]
