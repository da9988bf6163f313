"""`snapback deploy` and `destroy` on moto's CloudFormation."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import boto3
import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner
from moto import mock_aws

from snapback.cli import main
from snapback.deploy import cloudformation, package, sbom, wheels
from snapback.deploy.cloudformation import Stack
from snapback.errors import CannotDeploy
from tests.support.events import REGION
from tests.support.moto_cloudformation import complete
from tests.support.moto_gaps import hosted_versions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

ZIP = "deployment.zip"
CODE = {ZIP: b"PK\5\6" + bytes(18)}
TAGS = {"application": "snapback"}
QUEUE = {"Type": "AWS::SQS::Queue"}
TABLE = {
    "Type": "AWS::DynamoDB::Table",
    "DeletionPolicy": "Retain",
    "Properties": {
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    },
}


def template(**resources: Any) -> dict[str, Any]:
    return {
        "Parameters": {"Days": {"Type": "Number", "Default": 90}},
        "Resources": {"Ledger": TABLE, **resources},
        "Outputs": {"LedgerTable": {"Value": {"Ref": "Ledger"}}, "Days": {"Value": {"Ref": "Days"}}},
    }


@pytest.fixture
def aws(_environment: None) -> Iterator[boto3.Session]:
    with mock_aws(), complete():
        session = boto3.Session(region_name=REGION)
        session.client("s3").create_bucket(Bucket="code")
        yield session


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def stack(aws: boto3.Session, said: list[str]) -> Stack:
    return Stack("snapback", aws, said.append)


def test_it_is_created_then_updated_and_keeps_its_records_and_parameters(
    stack: Stack, aws: boto3.Session, said: list[str]
) -> None:
    made = stack.deploy(template(), CODE, "code", {"Days": "30"}, TAGS)
    assert said == ["snapback: 1 to add"]
    aws.client("dynamodb").put_item(TableName=made["LedgerTable"], Item={"pk": {"S": "record#1"}})
    again = stack.deploy(template(Queue=QUEUE), CODE, "code", {}, TAGS)
    assert again == made == {"LedgerTable": made["LedgerTable"], "Days": "30"}
    assert aws.client("dynamodb").scan(TableName=made["LedgerTable"])["Count"] == 1
    (told,) = aws.client("cloudformation").describe_stacks(StackName="snapback")["Stacks"]
    assert told["StackStatus"] == "UPDATE_COMPLETE"
    assert told["Tags"] == [{"Key": "application", "Value": "snapback"}]


def test_what_is_uploaded_already_is_not_uploaded_again(stack: Stack, aws: boto3.Session) -> None:
    s3 = aws.client("s3")
    one, two = (cloudformation.uploaded(s3, "code", CODE[ZIP], ".zip") for _ in range(2))
    assert one == two
    assert s3.list_objects_v2(Bucket="code")["KeyCount"] == 1


def test_the_whole_package_is_deployed_and_destroyed_but_for_the_records(
    stack: Stack, aws: boto3.Session, packaged: Path
) -> None:
    from tools.lint_template import expanded

    sam = json.loads((packaged / "sam.json").read_text())
    named = cloudformation.files(sam, packaged)
    assert named.keys() == {ZIP, "rules.json", "alarms.json"}
    whole = expanded(cloudformation.with_places(sam, "code", {name: name for name in named}, str))
    outputs = stack.deploy(whole, named | CODE, "code", {"ReservedConcurrency": "0"}, TAGS)
    rule: Any = {"Name": "snapback-GuardS3OfMembers-rule", "EventBusName": "snapback-members"}
    assert aws.client("events").describe_rule(**rule)["State"] == "ENABLED"
    assert outputs["LedgerTable"].startswith("snapback-Ledger-")
    aws.client("ssm").put_parameter(Name="/snapback/settings", Value="{}", Type="String")
    kept = stack.destroy()
    assert aws.client("ssm").describe_parameters()["Parameters"] == []
    assert sorted(kept) == sorted(
        [f"AWS::DynamoDB::Table {outputs['LedgerTable']}", f"AWS::S3::Bucket {outputs['SpillBucket']}"]
    )
    assert aws.client("dynamodb").list_tables()["TableNames"] == [outputs["LedgerTable"]]
    assert aws.client("lambda").list_functions()["Functions"] == []
    assert stack.found() is None


def event(stack: str, name: str, status: str, why: str = "", *, is_stack: bool = False, id: str = "") -> dict[str, str]:
    kind = "AWS::CloudFormation::Stack" if is_stack else "AWS::SQS::Queue"
    found = {"StackId": stack, "LogicalResourceId": name, "ResourceType": kind, "ResourceStatus": status}
    return found | {"PhysicalResourceId": id, "ResourceStatusReason": why}


def test_what_failed_first_is_told_from_the_nested_stack_that_it_is_in(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events, the newest first: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackEvents.html."""
    events = {
        "snapback": [
            event("s", "snapback", "UPDATE_ROLLBACK_COMPLETE", is_stack=True, id="s"),
            event("s", "FunctionAlarms", "UPDATE_FAILED", "Resource update cancelled", is_stack=True, id="alarms"),
            event("s", "Rules", "CREATE_FAILED", "Embedded stack rules was not created", is_stack=True, id="rules"),
            event("s", "snapback", "UPDATE_IN_PROGRESS", "User Initiated", is_stack=True, id="s"),
            event("s", "Ledger", "CREATE_FAILED", "of another time"),
        ],
        "rules": [
            event("rules", "snapback-Rules", "CREATE_FAILED", "[GuardS3Event]", is_stack=True, id="rules"),
            event("rules", "GuardS3Event", "CREATE_FAILED", "Rate exceeded"),
            event("rules", "snapback-Rules", "CREATE_IN_PROGRESS", is_stack=True, id="rules"),
        ],
    }

    class Pages:
        def paginate(self, StackName: str) -> Any:  # noqa: N803 - boto3's
            return [{"StackEvents": events[StackName]}]

    monkeypatch.setattr(stack._cloudformation, "get_paginator", lambda _: Pages())
    assert stack._first_failure("snapback") == "Rules: GuardS3Event: Rate exceeded"


def test_published_versions_are_deleted_before_the_stack(stack: Stack, aws: boto3.Session) -> None:
    """AppConfig keeps a profile that has versions, and with it the stack."""
    made = {
        "SettingsApplication": {"Type": "AWS::AppConfig::Application", "Properties": {"Name": "snapback"}},
        "SettingsProfile": {
            "Type": "AWS::AppConfig::ConfigurationProfile",
            "Properties": {
                "ApplicationId": {"Ref": "SettingsApplication"},
                "Name": "settings",
                "LocationUri": "hosted",
            },
        },
    }
    stack.deploy(template(**made), CODE, "code", {}, TAGS)
    appconfig = aws.client("appconfig")
    application, profile = (
        aws.client("cloudformation").describe_stack_resource(StackName="snapback", LogicalResourceId=each)[
            "StackResourceDetail"
        ]["PhysicalResourceId"]
        for each in made
    )
    for _ in range(5):
        appconfig.create_hosted_configuration_version(
            ApplicationId=application, ConfigurationProfileId=profile, Content=b"{}", ContentType="application/json"
        )
    with hosted_versions() as versions:
        assert len(versions()) == 5
        stack.destroy()
        assert versions() == []
    assert stack.found() is None


def test_each_function_gets_the_zip_that_it_names_and_each_nested_stack_its_template(tmp_path: Path) -> None:
    for name in ("deployment.zip", "notify.zip", "another.zip", "rules.json"):
        (tmp_path / name).write_text(name)
    functions = {
        name: {"Type": "AWS::Serverless::Function", "Properties": {"CodeUri": f"./{of}"}}
        for name, of in {"Act": ZIP, "Notify": "notify.zip", "Sweep": ZIP}.items()
    }
    parts: dict[str, Any] = functions | {
        "Rules": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "./rules.json"}}
    }
    found = cloudformation.files(template(**parts), tmp_path)
    assert found == {name: name.encode() for name in ("deployment.zip", "notify.zip", "rules.json")}
    keys = {name: f"key-of-{name}" for name in found}
    made = cloudformation.with_places(template(**parts), "code", keys, lambda key: f"https://{key}")
    assert made["Resources"]["Rules"]["Properties"]["TemplateURL"] == "https://key-of-rules.json"
    assert {name: made["Resources"][name]["Properties"]["CodeUri"] for name in functions} == {
        "Act": "s3://code/key-of-deployment.zip",
        "Notify": "s3://code/key-of-notify.zip",
        "Sweep": "s3://code/key-of-deployment.zip",
    }


@pytest.mark.parametrize("change", [{"Action": "Remove"}, {"Action": "Modify", "Replacement": "True"},
                                    {"Action": "Modify", "Replacement": "Conditional"}])  # fmt: skip
def test_what_would_lose_records_is_refused(
    stack: Stack, aws: boto3.Session, monkeypatch: pytest.MonkeyPatch, change: dict[str, str]
) -> None:
    """moto tells of no replacements, so the answer is AWS's as documented:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html.
    """
    stack.deploy(template(), CODE, "code", {}, TAGS)
    real = stack._cloudformation.get_paginator

    def paginator(name: str) -> Any:
        class Pages:
            def paginate(self, **_: Any) -> Any:
                return [{"Changes": [{"ResourceChange": {"LogicalResourceId": "Ledger", **change}}]}]

        return Pages() if name == "describe_change_set" else real(name)

    monkeypatch.setattr(stack._cloudformation, "get_paginator", paginator)
    with pytest.raises(CannotDeploy, match="would replace or remove Ledger with the records; nothing was changed"):
        stack.deploy(template(Queue=QUEUE), CODE, "code", {}, TAGS)


def test_nothing_new_is_no_error(stack: Stack, said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """moto never fails a change set; AWS does when there is nothing in it."""
    stack.deploy(template(), CODE, "code", {}, TAGS)
    real = stack._cloudformation.describe_change_set
    why = "The submitted information didn't contain changes. Submit different information to create a change set."
    empty = {"Status": "FAILED", "StatusReason": why}
    monkeypatch.setattr(stack._cloudformation, "describe_change_set", lambda **given: real(**given) | empty)
    stack.deploy(template(), CODE, "code", {}, TAGS)
    assert said[-1] == "snapback: nothing has changed"


def test_an_unknown_parameter_and_bucket_are_told(stack: Stack) -> None:
    with pytest.raises(CannotDeploy, match="no parameter Dyas; parameters: Days"):
        stack.deploy(template(), CODE, "code", {"Dyas": "1"}, TAGS)
    with pytest.raises(CannotDeploy, match="bucket nobodys: "):
        stack.deploy(template(), CODE, "nobodys", {}, TAGS)
    with pytest.raises(CannotDeploy, match="no stack snapback in this region"):
        stack.destroy()


@pytest.mark.parametrize(
    ("status", "advice"), [("ROLLBACK_COMPLETE", "snapback destroy"), ("UPDATE_IN_PROGRESS", "when it has finished")]
)
def test_a_stack_that_can_t_be_updated_is_told(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, status: str, advice: str
) -> None:
    monkeypatch.setattr(stack, "found", lambda: {"StackStatus": status})
    with pytest.raises(CannotDeploy, match=advice):
        stack.deploy(template(), CODE, "code", {}, TAGS)


@pytest.fixture
def packaging(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of a small template, in an empty folder."""

    def package(_: Path, out: Path, **_options: bool) -> None:
        (out / "sam.json").write_text(json.dumps(template()))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("snapback.commands.deploy._package", package)


def run(*arguments: str, answer: str = "") -> Result:
    return CliRunner().invoke(main, arguments, input=answer)


def test_deploy_packages_and_creates_the_stack_with_its_tags_and_parameters(
    aws: boto3.Session, packaging: None
) -> None:
    done = run("deploy", "--bucket", "code", "--stack", "mine", "--tag", "team=web", "--out", ".", "Days=30")
    assert done.exit_code == 0, done.output
    assert "  Days                 30\n" in done.output
    (stack,) = aws.client("cloudformation").describe_stacks(StackName="mine")["Stacks"]
    assert {each["Key"]: each["Value"] for each in stack["Tags"]} == {"application": "snapback", "team": "web"}


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--bucket", ""], "pass --bucket (make: BUCKET=)"),
        (["--bucket", "nobodys"], "bucket nobodys: "),
        (["--bucket", "code", "--emulator"], "Lambda can't run this machine's libraries"),
        (["--bucket", "code", "Days"], "give each as NAME=VALUE"),
        (["--bucket", "code", "Dyas=1"], "no parameter Dyas; parameters: Days"),
    ],
)
def test_a_mistake_is_one_line(aws: boto3.Session, packaging: None, arguments: list[str], why: str) -> None:
    done = run("deploy", "--out", ".", *arguments)
    assert done.exit_code == 2
    assert why in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(("options", "emulator"), [((), False), (("--emulator",), True)])
def test_the_libraries_are_lambda_s_or_an_emulator_s(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, options: tuple[str, ...], emulator: bool
) -> None:
    made = Mock()
    monkeypatch.setattr(package, "package", made)
    monkeypatch.setattr(sbom, "write", lambda *_: [])
    monkeypatch.setattr(wheels, "runtime_python", lambda: "/python")
    (tmp_path / "snapback.yaml").write_text("mode: alert\n")
    done = run("package", str(tmp_path / "snapback.yaml"), "--out", str(tmp_path), *options)
    assert done.exit_code == 0, done.output
    wanted = (package.from_here, sys.executable) if emulator else (wheels.install, "/python")
    assert (made.call_args.args[2], made.call_args.kwargs["compiler"]) == wanted


@pytest.mark.usefixtures("aws")
def test_a_package_without_bytecode_is_deployed_only_when_told_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = Mock(side_effect=CannotDeploy("packaged"))
    monkeypatch.setattr(package, "package", made)
    monkeypatch.setattr(wheels, "runtime_python", lambda: "")
    (tmp_path / "snapback.yaml").write_text("mode: alert\n")
    asked = ("deploy", "--bucket", "code", "--uncommitted", "--settings", str(tmp_path / "snapback.yaml"))
    done = run(*asked)
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert f"uv python install {wheels.RUNTIME}" in done.stderr
    made.assert_not_called()
    assert "packaged" in run(*asked, "--without-bytecode").stderr
    assert made.call_args.kwargs["compiler"] == ""


def test_the_runtime_s_python_is_found_only_if_it_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(wheels, "RUNTIME", "3.99")
    for variable in ("PATH", "PYENV_ROOT", "UV_PYTHON_INSTALL_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    pythons = (tmp_path / "PATH/python3.99", tmp_path / "UV_PYTHON_INSTALL_DIR/cpython-3.99.1-x/bin/python3.99")
    for python, script in zip(pythons, ("exit 127", "echo 3.99"), strict=True):
        python.parent.mkdir(parents=True)
        python.write_text(f"#!/bin/sh\n{script}\n")
        python.chmod(0o755)
    assert wheels.runtime_python() == str(pythons[1])
    pythons[1].unlink()
    assert wheels.runtime_python() == ""


@pytest.mark.usefixtures("_environment")
@pytest.mark.parametrize(
    ("region", "endpoint", "url"),
    [
        (REGION, None, "https://code.s3.us-east-1.amazonaws.com/snapback/1.json"),
        ("cn-north-1", None, "https://code.s3.cn-north-1.amazonaws.com.cn/snapback/1.json"),
        (REGION, "http://127.0.0.1:4566", "http://127.0.0.1:4566/code/snapback/1.json"),
        (REGION, "https://amazonaws.com.example", "https://amazonaws.com.example/code/snapback/1.json"),
    ],
)
def test_cloudformation_is_told_where_the_template_is(
    monkeypatch: pytest.MonkeyPatch, region: str, endpoint: str | None, url: str
) -> None:
    if endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    assert Stack("snapback", boto3.Session(region_name=region))._url_of("code", "snapback/1.json") == url


def test_the_same_template_with_another_parameter_is_a_change_set_of_its_own(stack: Stack) -> None:
    names: list[str] = []

    def noted(params: Any, **_: Any) -> None:
        names.append(params["ChangeSetName"])

    stack._cloudformation.meta.events.register("provide-client-params.cloudformation.CreateChangeSet", noted)
    for days in ("30", "31"):
        assert stack.deploy(template(), CODE, "code", {"Days": days}, TAGS)["Days"] == days
    one, other = names
    assert one != other


def test_what_aws_refuses_is_one_line(aws: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = ClientError({"Error": {"Code": "ValidationError", "Message": "too long"}}, "DescribeStacks")
    monkeypatch.setattr(Stack, "found", Mock(side_effect=refused))
    done = run("destroy", "--yes")
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "too long" in done.stderr


def test_without_a_region_nothing_is_deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    for command in (["deploy", "--bucket", "code"], ["destroy"]):
        assert "no AWS region; set AWS_REGION" in run(*command).stderr


def test_settings_that_git_has_not_are_refused(tmp_path: Path) -> None:
    settings = tmp_path / "snapback.yaml"
    settings.write_text("mode: alert\n")
    cloudformation.checked_in(settings)  # No checkout at all.
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)  # noqa: S607
    with pytest.raises(CannotDeploy, match="has uncommitted changes; commit them, or pass --uncommitted"):
        cloudformation.checked_in(settings)


def test_destroy_asks_for_the_name(aws: boto3.Session, stack: Stack) -> None:
    stack.deploy(template(), CODE, "code", {}, TAGS)
    done = run("destroy", answer="yes\n")
    assert (done.exit_code, done.stderr.splitlines()[-1]) == (2, "snapback: nothing was removed")
    done = run("destroy", answer="snapback\n")
    assert done.exit_code == 0
    assert "AWS::DynamoDB::Table snapback-Ledger-" in done.stdout
