"""What IAM is asked about Snapback's own roles: by functions, as they run, and by AWS's services, as the template has them.

A function's calls are those that it signs with its own role; what it does as the reader or a fixer is guardrails' tests' business.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalicelib import catalog
from chalicelib.core.rule import Guardrail
from chalicelib.core.snapback_resources import READER
from snapback.deploy.iam_policies import KEY_ACTIONS, fixers, functions, logical_id
from tests.support.deployed import KEY, MEMBER, members
from tests.support.evaluator import ALLOW, ORGANIZATION, Request, admits, decide
from tests.support.events import HOME, REGION
from tests.support.iam import items_of_call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tests.support.deployed import Stack

_Asked = tuple[str, str, dict[str, Any]]
"""An action, an ARN, and a context, with `__` for `:` in its keys."""
CONSUMED = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
"""https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-permissions"""
STREAMED = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator")
"""https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html"""


@dataclass(frozen=True)
class Ask:
    """`who` is a function, another role by its logical id (`MEMBER Forwarder`), or a service (`events.amazonaws.com`)."""

    who: str
    action: str
    arn: str
    context: tuple[tuple[str, Any], ...] = ()

    @property
    def by_aws(self) -> bool:
        return self.who.endswith(".amazonaws.com")

    @property
    def given(self) -> dict[str, Any]:
        return {key: [*value] if isinstance(value, tuple) else value for key, value in self.context}


def ask(who: str, action: str, arn: str, **context: Any) -> Ask:
    """Keys of the context with `__` for `:`."""
    return Ask(who, action, arn, tuple((key.replace("__", ":"), value) for key, value in sorted(context.items())))


def asked_by(function: str, service: str, operation: str, given: Any) -> Iterator[Ask]:
    """What AWS asks IAM about a call. Raises LookupError for one that isn't known here."""
    if service not in _BY_SERVICE:
        raise LookupError(f"{service}:{operation}: say in tests/support/asked.py what IAM is asked about it")
    for action, arn, context in _BY_SERVICE[service](operation, given):
        yield ask(function, action, arn, **context)


def _dynamodb(operation: str, given: Any) -> Iterator[_Asked]:
    table = _arn("dynamodb", f"table/{given.get('TableName') or next(iter(given.get('RequestItems', [''])))}")
    if operation == "TransactWriteItems":
        (table,) = {
            _arn("dynamodb", f"table/{one['TableName']}") for each in given["TransactItems"] for one in each.values()
        }
    index = f"/index/{given['IndexName']}" if operation == "Query" else ""
    for action, keys in items_of_call(operation, given):
        yield f"dynamodb:{action}", f"{table}{index}", {"dynamodb__leadingkeys": keys} if keys else {}


def _events(_operation: str, given: Any) -> Iterator[_Asked]:
    for entry in given["Entries"]:
        bus = entry.get("EventBusName", "default")
        arn = bus if bus.startswith("arn:") else _arn("events", f"event-bus/{bus}")
        yield "events:PutEvents", arn, {"events__source": entry["Source"], "events__detail-type": entry["DetailType"]}


def _appconfigdata(_operation: str, given: Any) -> Iterator[_Asked]:
    if "ApplicationIdentifier" in given:  # What is asked next is asked with a token, about the same.
        path = "application/{ApplicationIdentifier}/environment/{EnvironmentIdentifier}"
        path += "/configuration/{ConfigurationProfileIdentifier}"
        for action in ("StartConfigurationSession", "GetLatestConfiguration"):
            yield f"appconfig:{action}", _arn("appconfig", path.format_map(given)), {}


def _securityhub(operation: str, _given: Any) -> Iterator[_Asked]:
    what = f"product/{HOME}/default" if operation == "BatchImportFindings" else "hub/default"
    yield f"securityhub:{operation}", _arn("securityhub", what), {}


def _scheduler(operation: str, given: Any) -> Iterator[_Asked]:
    yield f"scheduler:{operation}", _arn("scheduler", f"schedule/{given['GroupName']}/{given['Name']}"), {}
    yield "iam:PassRole", given["Target"]["RoleArn"], {"iam__passedtoservice": "scheduler.amazonaws.com"}


def _sts(_operation: str, given: Any) -> Iterator[_Asked]:
    # An account of no organization has none, and there is no other then.
    same = {"aws__resourceorgid": ORGANIZATION} if f":{HOME}:" not in given["RoleArn"] else {}
    for action in ("AssumeRole", *(("SetSourceIdentity",) if "SourceIdentity" in given else ())):
        yield f"sts:{action}", given["RoleArn"], same


def _arn(service: str, rest: str) -> str:
    return f"arn:aws:{service}:{REGION}:{HOME}:{rest}"


_BY_SERVICE: dict[str, Callable[[str, Any], Iterable[_Asked]]] = {
    "dynamodb": _dynamodb,
    "events": _events,
    "appconfigdata": _appconfigdata,
    "securityhub": _securityhub,
    "scheduler": _scheduler,
    "sts": _sts,
    "s3": lambda operation, given: [(f"s3:{operation}", f"arn:aws:s3:::{given['Bucket']}/{given['Key']}", {})],
    "sqs": lambda operation, given: [
        (f"sqs:{operation.removesuffix('Batch')}", _arn("sqs", given["QueueUrl"].rpartition("/")[2]), {})
    ],
    "sns": lambda operation, given: [(f"sns:{operation}", given["TopicArn"], {})],
    "ssm": lambda operation, given: [(f"ssm:{operation}", _arn("ssm", f"parameter{given['Name']}"), {})],
    "secretsmanager": lambda operation, given: [
        (f"secretsmanager:{operation}", _arn("secretsmanager", f"secret:{given['SecretId']}-AbCdEf"), {})
    ],
    "lambda": lambda _, given: [("lambda:InvokeFunction", _arn("lambda", f"function:{given['FunctionName']}"), {})],
}


def deliveries(stack: Stack) -> Iterator[Ask]:
    """What AWS's services do for the stack, with a function's role, a role of their own, or as a resource's policy lets them."""
    for function in functions():
        yield from _around(stack, function)
    for each in stack.resources.values():
        properties, about = each.get("Properties", {}), {"aws__sourceaccount": HOME}
        match each.get("Type"):
            case "AWS::Events::Rule":
                for target in properties["Targets"]:
                    yield from _sent(stack, "events", stack.plain(target["Arn"]))
                    yield from _sent(stack, "events", stack.plain(target["DeadLetterConfig"]["Arn"]), **about)
            case "AWS::CloudWatch::Alarm":
                for topic in properties["AlarmActions"]:
                    yield from _sent(stack, "cloudwatch", stack.plain(topic), **about)
            case "AWS::AppConfig::Environment":
                for monitor in properties["Monitors"]:
                    role = monitor["AlarmRoleArn"]["Fn::GetAtt"][0]
                    yield ask("appconfig.amazonaws.com", "sts:AssumeRole", stack.roles[role].arn)
                    yield ask(role, "cloudwatch:DescribeAlarms", "*")
    if stack.parameters["OrganizationId"]:
        from_member = {"aws__principalorgid": ORGANIZATION}
        yield ask("MEMBER Forwarder", "events:PutEvents", stack.arn("Members"), **from_member)


def assumed() -> Iterator[Ask]:
    """What guards do for their service, `act` and the worker do for all, and all of them in members as well."""
    for account, context in ((HOME, {}), (MEMBER, {"aws__resourceorgid": ORGANIZATION})):
        role = f"arn:aws:iam::{account}:role/"
        for function in (
            "sweep",
            "sweep_worker",
            "act",
            *(f"guard_{each}" for each in catalog.services() if watched(each)),
        ):
            yield ask(function, "sts:AssumeRole", f"{role}{READER}", **context)
        for name, (service, undo) in fixers().items():
            for function in ("act",) if undo else ("act", "sweep_worker", f"guard_{service}"):
                for action in ("sts:AssumeRole", "sts:SetSourceIdentity"):
                    yield ask(function, action, f"{role}{name}", **context)


def watched(service: str) -> bool:
    """Whether it has guardrails, and so something to look at."""
    return any(isinstance(rule, Guardrail) for rule in catalog.rules(service))


def _around(stack: Stack, function: str) -> Iterator[Ask]:
    """Lambda's own work for a function, and what calls it."""
    logical = logical_id(function)
    properties = stack.resources[logical]["Properties"]
    log = f"arn:aws:logs:{REGION}:{HOME}:log-group:/aws/lambda/snapback-{logical}-1A2B3C:log-stream:x"
    yield from (ask(function, f"logs:{each}", log) for each in ("CreateLogStream", "PutLogEvents"))
    yield from (ask(function, f"xray:{each}", "*") for each in ("PutTraceSegments", "PutTelemetryRecords"))
    failed = properties.get("EventInvokeConfig", {}).get("DestinationConfig", {}).get("OnFailure")
    if failed:
        yield ask(function, "sqs:SendMessage", stack.plain(failed["Destination"]))
    if stack.parameters["KmsKeyArn"]:
        yield from (ask(function, action, KEY) for action in KEY_ACTIONS)
        encrypted = {"kms__encryptioncontext:aws:logs:arn": log.partition(":log-stream")[0]}
        for action in ("Encrypt", "Decrypt", "ReEncryptFrom", "GenerateDataKey", "DescribeKey"):
            yield ask(f"logs.{REGION}.amazonaws.com", f"kms:{action}", KEY, **encrypted)
    for event in properties.get("Events", {}).values():
        asked = event["Properties"]
        match event["Type"]:
            case "SQS":
                yield from (ask(function, action, stack.plain(asked["Queue"])) for action in CONSUMED)
            case "DynamoDB":
                yield from (ask(function, action, stack.plain(asked["Stream"])) for action in STREAMED)
                yield ask(function, "dynamodb:ListStreams", "*")
                letters = asked["DestinationConfig"]["OnFailure"]["Destination"]
                yield ask(function, "sqs:SendMessage", stack.plain(letters))
            case "EventBridgeRule" if "DeadLetterConfig" in asked:
                letters = stack.plain(asked["DeadLetterConfig"]["Arn"])
                yield from _sent(stack, "events", letters, aws__sourceaccount=HOME)
    variables = stack.environment(function)
    if "SNAPBACK_LATER" in variables:
        group = f"arn:aws:scheduler:{REGION}:{HOME}:schedule-group/{variables['SNAPBACK_LATER']}"
        about = {"aws__sourceaccount": HOME, "aws__sourcearn": group}
        yield ask("scheduler.amazonaws.com", "sts:AssumeRole", variables["SNAPBACK_LATER_ROLE"], **about)
        yield ask("LaterRole", "lambda:InvokeFunction", stack.arn(logical))
        yield ask("LaterRole", "sqs:SendMessage", variables["SNAPBACK_DEAD_LETTERS"])
        if stack.parameters["KmsKeyArn"]:
            yield from (ask("LaterRole", action, KEY) for action in KEY_ACTIONS)


def _sent(stack: Stack, service: str, to: str, **context: Any) -> Iterator[Ask]:
    """A service's message to a queue or topic, which may be under the customer's key."""
    action = "sns:Publish" if ":sns:" in to else "sqs:SendMessage"
    yield ask(f"{service}.amazonaws.com", action, to, **context)
    if stack.parameters["KmsKeyArn"]:
        for each in KEY_ACTIONS:
            yield ask(f"{service}.amazonaws.com", each, KEY, aws__sourceaccount=HOME)


def member_deliveries() -> Iterator[Ask]:
    (forwarder,) = {stack.roles["Forwarder"].arn for stack in members()}
    yield ask("events.amazonaws.com", "sts:AssumeRole", forwarder, aws__sourceaccount=MEMBER)


@cache
def key_policy() -> str:
    """A key's usual policy, and what docs/deploy.md asks for besides."""
    text = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text()
    found = re.search(r'^    (\{"Effect": "Allow", "Action": \["kms.*?)\n\n', text, re.DOTALL | re.MULTILINE)
    assert found
    root = {"AWS": f"arn:aws:iam::{HOME}:root"}
    delegates = {"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"}
    return json.dumps({"Statement": [delegates, *json.loads(f"[{found[1]}]")]})


def applies(stack: Stack, asked: Ask) -> bool:
    """Whether it is asked with the stack's parameters at all; what functions ask is recorded with all of them on."""
    there = {"/siem": "ExportsBus", ":::findings/": "ExportsBucket"}
    wanted = next((name for part, name in there.items() if part in asked.arn), None)
    if ":appconfig:" in asked.arn:
        return stack.parameters["Settings"] == "appconfig"
    return wanted is None or bool(stack.parameters[wanted])


def is_allowed(stack: Stack, asked: Ask, changed: Mapping[str, str] | None = None) -> bool:
    """By identity policies, boundary, the resource's policy and the key's together. `changed` are policies in place of others."""

    def now(policy: str | None) -> str | None:
        return policy if policy is None else (changed or {}).get(policy, policy)

    resource = key_policy() if asked.arn == KEY else stack.guarded.get(asked.arn.partition("/records/")[0])
    if asked.by_aws:
        policy = now(
            (stack.trusts | members()[0].trusts).get(asked.arn) if asked.action == "sts:AssumeRole" else resource
        )
        request = Request(
            principal="arn:aws:sts::000000000000:none", action=asked.action, arn=asked.arn, context=asked.given
        )
        return bool(policy) and admits(policy or "", asked.who, request)
    role = members()[0].roles["Forwarder"] if asked.who == "MEMBER Forwarder" else stack.roles[asked.who]
    request = Request(principal=role.arn, action=asked.action, arn=asked.arn, context=asked.given)
    identity = [now(each) or "" for each in role.policies]
    owner = HOME if role.arn.split(":")[4] != HOME else ""
    found = decide(request, identity, now(role.boundary), now(resource), owner=owner, required=asked.arn == KEY)
    return found == ALLOW
