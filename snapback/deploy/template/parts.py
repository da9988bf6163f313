"""What the parts of the template are made with: what each is given, how they become one, and what they have in common."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.aws.ledger import LEASE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chalicelib.core.pattern import Pattern

Template = dict[str, Any]
RETRIES = 2
STREAM_RETRIES = 10
AT_ONCE = 10
"""Invocations of a guard function that may run at the same time; its events wait for up to six hours beyond that."""
TIMEOUT = 60
"""Seconds a function may run; a lock's lease is longer."""
assert LEASE.total_seconds() > TIMEOUT
TIMEOUTS = defaultdict(lambda: TIMEOUT, Sweep=900, APIHandler=10)
"""Of each function: what only lists, and writes nothing but the ledger, may take longer than a lease."""
KEY: Any = {"Ref": "KmsKeyArn"}


@dataclass(frozen=True)
class Plan:
    """What the template is made for: functions by their logical ids, and the patterns of those that an event calls."""

    functions: tuple[str, ...]
    patterns: Mapping[str, tuple[Pattern, ...]]
    runtime: str


Part = Callable[[Plan], Template]
"""Answers a piece of the template: `{"Parameters", "Conditions", "Resources", "Outputs", "Globals", ...}`, any of them.

A piece may add properties to a resource of another piece, a function's say.
"""


def merged(parts: Iterable[Part], plan: Plan) -> Template:
    """All pieces as one. Raises ValueError when two say the same thing, were it in the same words."""
    whole: Template = {}
    for part in parts:
        _add(whole, part(plan), part.__module__)
    return whole


def _add(whole: Template, piece: Mapping[str, Any], where: str) -> None:
    for name, value in piece.items():
        if name not in whole:
            whole[name] = {} if isinstance(value, dict) else value
        elif not (_map(value) and _map(whole[name])):
            raise ValueError(f"{where}: {name} is in the template already")
        if isinstance(value, dict):
            _add(whole[name], value, f"{where}: {name}")


def _map(value: Any) -> bool:
    """Whether it is a map of names, and not one value, of CloudFormation's working out perhaps."""
    return isinstance(value, dict) and not any(name == "Ref" or name.startswith("Fn::") for name in value)


def arn(name: str) -> Any:
    return {"Fn::GetAtt": [name, "Arn"]}


def beside(function: str, what: str) -> str:
    """The logical id of a function's "Role" or "LogGroup": Chalice writes that of the API in two ways."""
    return f"{'ApiHandler' if function == 'APIHandler' else function}{what}"


def with_key(value: Any, without: Any = None) -> Any:
    """A value that holds where a key is given to encrypt with; otherwise the other, or nothing."""
    return {"Fn::If": ["OwnKey", value, {"Ref": "AWS::NoValue"} if without is None else without]}


def ledger_stream(**more: Any) -> Template:
    """The ledger's stream, records only. What fails is tried again for some minutes, then noted in the queue.

    A batch that fails as a whole is halved, so that what fails for good holds up what comes after it no longer than that.
    """
    records = {"eventName": ["INSERT", "MODIFY"], "dynamodb": {"Keys": {"pk": {"S": [{"prefix": "record#"}]}}}}
    return {
        "Type": "DynamoDB",
        "Properties": {
            "Stream": {"Fn::GetAtt": ["Ledger", "StreamArn"]},
            "StartingPosition": "TRIM_HORIZON",
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "BisectBatchOnFunctionError": True,
            "FilterCriteria": {"Filters": [{"Pattern": json.dumps(records, separators=(",", ":"))}]},
            "MaximumRetryAttempts": STREAM_RETRIES,
            "DestinationConfig": {"OnFailure": {"Type": "SQS", "Destination": arn("FailedMessages")}},
            **more,
        },
    }


def queue() -> Template:
    return {
        "Type": "AWS::SQS::Queue",
        "Properties": {
            "MessageRetentionPeriod": 1209600,
            "SqsManagedSseEnabled": with_key(False, True),
            "KmsMasterKeyId": with_key(KEY),
        },
    }


def depth_alarm(queue: str, description: str) -> Template:
    return alarm(
        description,
        Namespace="AWS/SQS",
        MetricName="ApproximateNumberOfMessagesVisible",
        Dimensions=[{"Name": "QueueName", "Value": {"Fn::GetAtt": [queue, "QueueName"]}}],
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )


def alarm(description: str, **properties: Any) -> Template:
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmDescription": {"Fn::Sub": description},
            "AlarmActions": [{"Ref": "Alarms"}],
            **properties,
        },
    }


def schedule(rate: str, request: Any = None) -> Template:
    given = {} if request is None else {"Input": json.dumps(request)}
    return {"Type": "Schedule", "Properties": {"Schedule": rate, **given}}


def command(words: str) -> str:
    return f"snapback {words} --stack ${{AWS::StackName}}"
