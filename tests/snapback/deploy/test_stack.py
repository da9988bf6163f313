"""The packaged template, expanded and created in moto's CloudFormation: everything there is wired to what it is for."""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from chalicelib import canary, catalog
from chalicelib.core.metrics import Metric
from chalicelib.core.pattern import SCHEDULED, matches
from chalicelib.core.snapback_resources import FIXERS, FORWARDER, READER
from snapback.deploy.cloudformation import files, with_places
from snapback.deploy.iam_policies import functions, logical_id
from snapback.replay.logs import as_envelope
from tests.support.events import HOME, REGION, Envelope, native_event
from tests.support.moto_cloudformation import complete
from tests.support.nested import flat
from tools.lint_template import expanded

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
CODE = "https://code.s3.amazonaws.com"
OPTIONS = {
    "ApiAccessLogs": "yes",
    "AlarmEmail": "oncall@example.com",
    "KmsKeyArn": f"arn:aws:kms:{REGION}:{HOME}:key/12345678-1234-4234-8234-123456789012",
    "OrganizationId": "o-abcde12345",
    "ExportsSecurityHub": "yes",
    "Settings": "ssm",
}
NOT_IN_MOTO = ("AWS::AppConfig::",)
"""Types of which moto has neither the CloudFormation nor the rest of what they need: cfn-lint alone looks at them."""


@dataclass
class Rule:
    name: str
    arn: str
    bus: str
    pattern: Any
    targets: list[Any]


@dataclass
class Stack:
    """What is there once the stack is created, as the services tell it; functions by their handlers."""

    template: Any
    made: dict[str, str]
    """Physical by logical ids."""
    functions: dict[str, Any]
    permissions: dict[str, list[Any]] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    mappings: list[Any] = field(default_factory=list)
    alarms: list[Any] = field(default_factory=list)
    queues: dict[str, Any] = field(default_factory=dict)
    """Policies by queues' ARNs."""
    integrations: list[str] = field(default_factory=list)
    roles: dict[str, str] = field(default_factory=dict)
    groups: list[str] = field(default_factory=list)
    invoked: list[Any] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    """What is left once the stack is deleted."""


def created(packaged: Path, options: dict[str, str]) -> Stack:
    sam = json.loads((packaged / "sam.json").read_text())
    named = files(sam, packaged) | {"deployment.zip": b"PK\5\6" + bytes(18)}
    template = expanded(with_places(sam, "code", {name: name for name in named}, lambda key: f"{CODE}/{key}"))
    with mock_aws(), complete(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Tried to parse", UserWarning)
        aws = boto3.Session(region_name=REGION)
        s3, cloudformation = aws.client("s3"), aws.client("cloudformation")
        s3.create_bucket(Bucket="code")
        for name, content in named.items():
            s3.put_object(Bucket="code", Key=name, Body=content)
        s3.put_object(Bucket="code", Key="template", Body=json.dumps(template))
        given: Any = [{"ParameterKey": name, "ParameterValue": value} for name, value in options.items()]
        cloudformation.create_stack(StackName="snapback", TemplateURL=f"{CODE}/template", Parameters=given)
        (status,) = cloudformation.describe_stacks(StackName="snapback")["Stacks"]
        assert status["StackStatus"] == "CREATE_COMPLETE"
        nested = {name: json.loads(content) for name, content in named.items() if name.endswith(".json")}
        stack = Stack(flat(template, nested), physical(cloudformation, "snapback"), {})
        reader(aws, stack)
        if not options:  # With a key there is a policy, which moto, unlike AWS, does not detach before it deletes it.
            cloudformation.delete_stack(StackName="snapback")
        stack.kept = [*aws.client("dynamodb").list_tables()["TableNames"]]
        stack.kept += [each["Name"] for each in s3.list_buckets()["Buckets"]]
        stack.kept += [each["FunctionName"] for each in aws.client("lambda").list_functions()["Functions"]]
        stack.kept += aws.client("sqs").list_queues().get("QueueUrls", [])
        return stack


def physical(cloudformation: Any, stack: str) -> dict[str, str]:
    """Physical by logical ids, of nested stacks too."""
    found: dict[str, str] = {}
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack):
        for each in page["StackResourceSummaries"]:
            if each["ResourceType"] == "AWS::CloudFormation::Stack":
                found |= physical(cloudformation, each["PhysicalResourceId"])
            elif each["ResourceType"]:
                found[each["LogicalResourceId"]] = each["PhysicalResourceId"]
    return found


def reader(aws: boto3.Session, stack: Stack) -> None:
    look_at_functions(aws, stack)
    look_at_triggers(aws, stack)
    stack.alarms += aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    sqs = aws.client("sqs")
    for url in sqs.list_queues()["QueueUrls"]:
        told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        stack.queues[told["QueueArn"]] = json.loads(told.get("Policy", "{}"))
    for page in aws.client("iam").get_paginator("list_roles").paginate():
        stack.roles |= {role["Arn"]: json.dumps(role["AssumeRolePolicyDocument"]) for role in page["Roles"]}
    stack.groups += [each["logGroupName"] for each in aws.client("logs").describe_log_groups()["logGroups"]]


def look_at_functions(aws: boto3.Session, stack: Stack) -> None:
    lambda_ = aws.client("lambda")
    for page in lambda_.get_paginator("list_functions").paginate():
        for each in page["Functions"]:
            arn, name = each["FunctionArn"], each["FunctionName"]
            stack.functions[arn] = each
            try:
                stack.permissions[arn] = json.loads(lambda_.get_policy(FunctionName=name)["Policy"])["Statement"]
            except lambda_.exceptions.ResourceNotFoundException:
                stack.permissions[arn] = []
            stack.invoked += lambda_.list_function_event_invoke_configs(FunctionName=name)["FunctionEventInvokeConfigs"]


def look_at_triggers(aws: boto3.Session, stack: Stack) -> None:
    events, api = aws.client("events"), aws.client("apigateway")
    stack.mappings += aws.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    for bus in events.list_event_buses()["EventBuses"]:
        for rule in events.list_rules(EventBusName=bus["Name"])["Rules"]:
            targets = events.list_targets_by_rule(Rule=rule["Name"], EventBusName=bus["Name"])["Targets"]
            pattern = json.loads(rule["EventPattern"]) if "EventPattern" in rule else None
            stack.rules.append(Rule(rule["Name"], rule["Arn"], bus["Name"], pattern, targets))
    for rest in api.get_rest_apis()["items"]:
        for resource in api.get_resources(restApiId=rest["id"], embed=["methods"])["items"]:
            for method in resource.get("resourceMethods", {}).values():
                stack.integrations.append(method["methodIntegration"]["uri"])


@pytest.fixture(scope="module")
def stack(packaged: Path) -> Stack:
    return created(packaged, {})


@pytest.fixture(scope="module")
def full(packaged: Path) -> Stack:
    return created(packaged, OPTIONS)


@pytest.fixture(params=["stack", "full"])
def either(request: pytest.FixtureRequest) -> Stack:
    found: Stack = request.getfixturevalue(request.param)
    return found


def handler(stack: Stack, arn: str) -> str:
    return str(stack.functions[arn]["Handler"]).removeprefix("app.")


def test_every_resource_is_created_that_its_condition_lets(stack: Stack, full: Stack) -> None:
    there = {*stack.made, *full.made}
    missing = {
        name: each["Type"]
        for name, each in stack.template["Resources"].items()
        if name not in there and not each["Type"].startswith(NOT_IN_MOTO)
    }
    assert {
        name for name in missing if "AppConfig" not in stack.template["Resources"][name].get("Condition", "")
    } == set()
    unconditional = {name for name, each in stack.template["Resources"].items() if "Condition" not in each}
    assert unconditional <= stack.made.keys()


def test_every_function_is_there_with_what_it_needs(either: Stack) -> None:
    assert sorted(handler(either, arn) for arn in either.functions) == sorted(
        "app" if name == "api_handler" else name for name in functions()
    )
    for each in either.functions.values():
        assert each["Runtime"] == "python3.13"
        assert each["Role"] in either.roles
        variables = each["Environment"]["Variables"]
        assert variables["SNAPBACK_LEDGER"] == either.made["Ledger"]


def test_every_function_runs_on_arm_and_is_traced(stack: Stack) -> None:
    """moto passes over both."""
    made = [each for each in stack.template["Resources"].values() if each["Type"] == "AWS::Lambda::Function"]
    assert {json.dumps(each["Properties"]["Architectures"]) for each in made} == {'["arm64"]'}
    assert all(each["Properties"]["TracingConfig"] == {"Mode": {"Ref": "Tracing"}} for each in made)


def test_every_function_is_called_by_something(either: Stack) -> None:
    called = {target["Arn"] for rule in either.rules for target in rule.targets}
    called |= {mapping["FunctionArn"] for mapping in either.mappings}
    called |= {arn for arn in either.functions for uri in either.integrations if f"/{arn}/" in uri}
    assert {handler(either, arn) for arn in either.functions.keys() - called} == set()


def test_every_rule_may_do_what_it_is_for(either: Stack) -> None:
    for rule in either.rules:
        assert rule.targets, rule.name
        for target in rule.targets:
            arn = target["Arn"]
            if arn in either.functions:
                allowed = [
                    each
                    for each in either.permissions[arn]
                    if each["Principal"] == {"Service": "events.amazonaws.com"}
                    and each["Condition"]["ArnLike"]["AWS:SourceArn"] == rule.arn
                ]
                assert len(allowed) == 1, rule.name
            else:
                assert arn == either.made["Alarms"], f"{rule.name}: {arn} is nothing of the stack's"
            if rule.pattern and arn in either.functions:
                assert target["RetryPolicy"]["MaximumRetryAttempts"]
            if dead := target.get("DeadLetterConfig"):
                (statement,) = either.queues[dead["Arn"]]["Statement"]
                assert statement["Principal"] == {"Service": "events.amazonaws.com"}


def test_every_guards_rule_has_its_dead_letters(stack: Stack) -> None:
    for rule in stack.rules:
        for target in rule.targets:
            if rule.pattern and handler(stack, target["Arn"]).startswith("guard_"):
                assert target["DeadLetterConfig"]["Arn"] in stack.queues


def test_every_permission_is_for_a_rule_or_the_api_that_calls(either: Stack) -> None:
    for arn, statements in either.permissions.items():
        for each in statements:
            source = each["Condition"]["ArnLike"]["AWS:SourceArn"]
            if ":execute-api:" in source:
                assert any(f"/{arn}/" in uri for uri in either.integrations)
            else:
                (rule,) = [rule for rule in either.rules if rule.arn == source]
                assert arn in {target["Arn"] for target in rule.targets}


def test_nothing_is_orphaned(either: Stack) -> None:
    """Queues, alarms, log groups, roles, mappings, retries: each is of something that is there."""
    queues = {
        target["DeadLetterConfig"]["Arn"]
        for rule in either.rules
        for target in rule.targets
        if "DeadLetterConfig" in target
    }
    queues |= {
        each["DestinationConfig"]["OnFailure"]["Destination"] for each in either.mappings if "DestinationConfig" in each
    }
    queues |= {each["EventSourceArn"] for each in either.mappings}
    queues |= set(re.findall(r"arn:aws:sqs:[a-zA-Z0-9:_-]+", repr([*either.invoked, *either.functions.values()])))
    assert either.queues.keys() <= queues
    names = {each["FunctionName"] for each in either.functions.values()}
    whose = {arn.rpartition(":")[2] for arn in either.queues} | names
    for alarm in either.alarms:
        for dimension in alarm.get("Dimensions", []):
            if dimension["Name"] in {"FunctionName", "QueueName"}:
                assert dimension["Value"] in whose, alarm["AlarmName"]
    groups = {group.removeprefix("/aws/lambda/") for group in either.groups}
    assert groups - {either.made.get("AccessLog", "")} == names
    used = {each["Role"] for each in either.functions.values()}
    used |= {each for function in either.functions.values() for each in function["Environment"]["Variables"].values()}
    left = [
        arn.rpartition("/")[2] for arn, trust in either.roles.items() if arn not in used and "appconfig" not in trust
    ]
    assert [name for name in left if name not in {READER, FORWARDER} and not name.startswith(FIXERS)] == []
    streams = [each for each in either.mappings if "/stream/" in each["EventSourceArn"]]
    assert all(f"table/{either.made['Ledger']}/" in each["EventSourceArn"] for each in streams)
    assert {each["FunctionArn"].removesuffix(":$LATEST") for each in either.invoked} <= either.functions.keys()


def test_an_alarm_tells_of_everything_that_can_go_wrong(stack: Stack) -> None:
    told = {(each["MetricName"], json.dumps(each["Dimensions"])) for each in stack.alarms}
    for arn, each in stack.functions.items():
        name = json.dumps([{"Name": "FunctionName", "Value": each["FunctionName"]}])
        assert ("Errors", name) in told
        late = "AsyncEventAge" if handler(stack, arn).startswith("guard_") else "Throttles"
        assert (late, name) in told
    assert {Metric.HEALTHY, "IteratorAge", "ApproximateNumberOfMessagesVisible"} <= {metric for metric, _ in told}
    assert all(each["AlarmActions"] == [stack.made["Alarms"]] for each in stack.alarms)


def test_what_is_deleted_leaves_nothing_but_the_records(stack: Stack) -> None:
    assert {*stack.kept} == {stack.made["Ledger"], stack.made["Spill"], "code"}


def examples(pattern: Any) -> Iterator[Envelope]:
    """Events that a rule's pattern stands for: one for each name in it, in each of its branches."""
    for one in pattern.get("$or", [pattern]):
        if one == SCHEDULED:
            continue
        names = one.get("detail", {}).get("eventName", [None])
        for name in names:
            narrowed = one if name is None else {**one, "detail": {**one["detail"], "eventName": [name]}}
            event = native_event("", "", {})
            yield event | _example(narrowed, one)


def _example(pattern: Any, whole: Any) -> Any:
    made: dict[str, Any] = {}
    for name, asked in pattern.items():
        if name == "$or":
            made |= {
                key: {**made.get(key, {}), **value} if isinstance(value, dict) else value
                for key, value in _example(asked[0], whole).items()
            }
        elif isinstance(asked, dict):
            inner = _example(asked, whole)
            made[name] = {**made.get(name, {}), **inner}
        else:
            value = _value(asked[0], whole)
            if value is not _ABSENT:
                made[name] = value
    return made


_ABSENT = object()


def _value(asked: Any, whole: Any) -> Any:
    """Some value that one element of a field's list takes."""
    if not isinstance(asked, dict):
        return asked
    ((operator, of),) = asked.items()
    service = whole.get("detail", {}).get("eventSource", [""])[0].removesuffix(".amazonaws.com")
    values = {
        "exists": "there" if of else _ABSENT,
        "prefix": f"{of}{service}" if of == "aws." else of,
        "suffix": of,
        "wildcard": str(of).replace("*", "x"),
        "equals-ignore-case": of,
        "anything-but": "another",
        "numeric": of[1] + {">": 1, "<": -1}.get(of[0], 0) if operator == "numeric" else None,
    }
    return values[operator]


def reached(stack: Stack, event: Envelope, bus: str) -> set[str]:
    return {
        handler(stack, target["Arn"])
        for rule in stack.rules
        if rule.bus == bus and rule.pattern and matches(rule.pattern, event)
        for target in rule.targets
        if target["Arn"] in stack.functions
    }


def wanted(event: Envelope, bus: str = "default") -> set[str]:
    """By the rules themselves, not by how their patterns are put together."""
    asking = {rule.service for rule in catalog.all_rules() if matches(rule.on, event) and not matches(SCHEDULED, event)}
    return {f"guard_{service}" for service in asking - (set() if bus == "default" else catalog.of_home())}


@pytest.mark.parametrize("service", catalog.services())
def test_every_event_of_a_service_reaches_its_function_and_no_other(stack: Stack, service: str) -> None:
    buses = {rule.bus for rule in stack.rules}
    for rule in catalog.rules(service):
        for event in examples(rule.on):
            assert matches(rule.on, event), (rule.id, event)
            for bus in buses:
                assert reached(stack, event, bus) == wanted(event, bus), (rule.id, bus, event)


@pytest.mark.parametrize(
    "file", ["snapback/story/events.jsonl", "../shared/events/cloudtrail.jsonl", "../shared/events/native.jsonl"]
)
def test_events_that_others_wrote_reach_the_functions_that_ask_for_them_and_no_others(stack: Stack, file: str) -> None:
    path = ROOT / file
    if not path.is_file():
        pytest.skip(f"no {file} here")
    for line in path.read_text().splitlines():
        said = json.loads(line)
        event, _ = as_envelope(said.get("record") or said.get("event") or said)
        assert reached(stack, event, "default") == wanted(event), event


def test_a_canary_reaches_its_end_and_nothing_else(stack: Stack) -> None:
    event = native_event("", "", {"nonce": "x"}) | {
        "source": canary.SOURCE,
        "detail-type": canary.PATTERN["detail-type"][0],
    }
    assert reached(stack, event, "default") == {"canary_echo"}
    assert reached(stack, event | {"account": "999988887777"}, "default") == set()


def test_logical_ids_are_what_chalice_writes(stack: Stack) -> None:
    there = {name for name, each in stack.template["Resources"].items() if each["Type"] == "AWS::Lambda::Function"}
    assert there == {logical_id(name) for name in functions()}
