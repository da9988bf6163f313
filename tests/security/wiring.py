"""What calls what in the home stack, as it should be: from the catalogue and a table by hand, not from what makes the template.

`wired` says it of a template, with Chalice's and SAM's parts and the nested stacks; `mutants` are templates with one wire cut or put elsewhere.
"""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from chalicelib import canary, catalog
from chalicelib.core.eventual import EVENTUAL
from chalicelib.core.metrics import Metric

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

Wire = dict[str, Any]
UNSEEN = {
    "AWS::Events::Rule": ("Name", "Id", "Description", "InputTransformer"),
    "AWS::CloudWatch::Alarm": ("AlarmDescription",),
}
"""Properties that are no wires, by type: names and texts, which tests/snapback/deploy/ has, and a target's id, which means nothing."""
WIRES = (
    "AWS::Events::Rule",
    "AWS::Lambda::Permission",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::CloudWatch::Alarm",
    "AWS::SQS::QueuePolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::SNS::Subscription",
    "AWS::Events::EventBusPolicy",
)
"""Types of which all properties are wires, but UNSEEN."""
PARTS = {
    "AWS::Lambda::Function": ("Environment", "Role"),
    "AWS::SQS::Queue": ("RedrivePolicy", "VisibilityTimeout", "DelaySeconds"),
}
"""Types of which these are."""
OTHERS = ("Notify", "Act", "Exports", "Sweep", "SweepWorker", "Canary", "CanaryEcho", "APIHandler")
GUARDS = {f"Guard{service.capitalize()}": service for service in catalog.services()}


def wired(resources: Mapping[str, Any]) -> dict[str, Wire]:
    """By logical ids. A reference is the logical id, `Ledger.StreamArn` with its attribute."""
    return {name: wire for name, each in resources.items() if (wire := wire_of(each))}


def wire_of(resource: Any) -> Wire:
    kind, properties = resource["Type"], resource.get("Properties", {})
    if kind in PARTS:
        properties = {name: properties[name] for name in PARTS[kind] if name in properties}
    elif kind not in WIRES:
        return {}
    plain = _plain(properties, UNSEEN.get(kind, ()))
    return {**({"if": resource["Condition"]} if "Condition" in resource else {}), **plain} if plain else {}


def _plain(value: Any, unseen: Collection[str]) -> Any:
    match value:
        case {"Ref": name}:
            return name
        case {"Fn::GetAtt": [name, attribute]}:
            return f"{name}.{attribute}"
        case {"Fn::Sub": str(text)}:
            return text
        case dict():
            return {key: _plain(each, unseen) for key, each in value.items() if key not in unseen}
        case list():
            return [_plain(each, unseen) for each in value]
    return value


def wanted(settings_in_ssm: Any, settings_in_appconfig: Any) -> dict[str, Wire]:
    """All wires; the two patterns about settings are test_settings.py's, and given."""
    settings = {"SettingsChangedInSsm": settings_in_ssm, "SettingsChangedInAppConfig": settings_in_appconfig}
    return {
        **_guards(),
        **_clocks(),
        **_streams(),
        **_invoked(),
        **_alarms(),
        **_queues(),
        **_functions(),
        **_settings(settings),
    }


def _rule(trigger: Wire, function: str, **more: Any) -> Wire:
    return {**trigger, "Targets": [{"Arn": f"{function}.Arn", **more}]}


def _lets(function: str, rule: str, name: str) -> Wire:
    return {
        "Action": "lambda:InvokeFunction",
        "FunctionName": name,
        "Principal": "events.amazonaws.com",
        "SourceArn": f"{rule}.Arn",
    }


def _guards() -> dict[str, Wire]:
    found = {}
    day = {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86400}
    for function, service in GUARDS.items():
        state = {"State": "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS" if service == "sts" else "ENABLED"}
        buses: dict[str, Wire] = {"Event": {}}
        if service == "events":
            buses["Twin"] = {}
        if service not in catalog.of_home():
            buses["OfMembers"] = {"EventBusName": "Members"}
        for kind, bus in buses.items():
            for number, pattern in enumerate(catalog.patterns(service), 1):
                rule = f"{function}{kind}{number if number > 1 else ''}"
                trigger = {"EventPattern": pattern, **state, **bus}
                found[rule] = _rule(trigger, function, RetryPolicy=day, DeadLetterConfig={"Arn": "DeadLetters.Arn"})
                found[f"{rule}Permission"] = _lets(function, rule, f"{function}.Arn")
    return found


def _clocks() -> dict[str, Wire]:
    once = {**canary.PATTERN, "account": ["AWS::AccountId"]}
    soon = {"MaximumRetryAttempts": 10, "MaximumEventAgeInSeconds": 900}
    rules = {
        "NotifyDrain": ("Notify", _rule({"ScheduleExpression": "rate(1 minute)"}, "Notify", Input='{"drain": true}')),
        "ActMaintain": ("Act", _rule({"ScheduleExpression": "rate(5 minutes)"}, "Act", Input='{"action": "maintain"}')),
        "SweepDaily": ("Sweep", _rule({"ScheduleExpression": "cron(17 4 * * ? *)"}, "Sweep")),
        "CanaryHourly": ("Canary", _rule({"ScheduleExpression": "rate(1 hour)"}, "Canary")),
        "CanaryEchoCanary": ("CanaryEcho", _rule({"EventPattern": once}, "CanaryEcho", RetryPolicy=soon)),
    }
    api = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${RestAPIId}/*"
    return {
        **{name: rule for name, (_, rule) in rules.items()},
        **{f"{name}Permission": _lets(function, name, function) for name, (function, _) in rules.items()},
        "APIHandlerInvokePermission": {
            "Action": "lambda:InvokeFunction",
            "FunctionName": "APIHandler",
            "Principal": "apigateway.amazonaws.com",
            "SourceArn": {"Fn::Sub": [api, {"RestAPIId": "RestAPI"}]},
        },
    }


def _streams() -> dict[str, Wire]:
    records = {"eventName": ["INSERT", "MODIFY"], "dynamodb": {"Keys": {"pk": {"S": [{"prefix": "record#"}]}}}}
    stream = {
        "EventSourceArn": "Ledger.StreamArn",
        "StartingPosition": "TRIM_HORIZON",
        "FilterCriteria": {"Filters": [{"Pattern": json.dumps(records, separators=(",", ":"))}]},
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "BisectBatchOnFunctionError": True,
        "MaximumRetryAttempts": 10,
        "DestinationConfig": {"OnFailure": {"Destination": "FailedMessages.Arn"}},
    }
    some = {"FunctionResponseTypes": ["ReportBatchItemFailures"], "MaximumBatchingWindowInSeconds": 10}

    def queue(name: str, function: str, most: int, batch: int = 1) -> Wire:
        bounds = {"BatchSize": batch, "ScalingConfig": {"MaximumConcurrency": most}}
        return {"EventSourceArn": f"{name}.Arn", "FunctionName": function, **bounds}

    enabled = {"Enabled": {"Fn::If": ["Exports", True, False]}, "MaximumBatchingWindowInSeconds": 2}
    return {
        "NotifyStream": {**stream, "FunctionName": "Notify", "BatchSize": 10},
        "ExportsStream": {**stream, "FunctionName": "Exports", "BatchSize": 100, **enabled},
        "SweepFromPlaces": queue("SweepPlaces", "Sweep", 10),
        "SweepWorkerResources": queue("SweepResources", "SweepWorker", 20),
        "SweepWorkerSecondLooks": {**queue("SecondLooks", "SweepWorker", 5, 10), **some},
    }


def _invoked() -> dict[str, Wire]:
    def config(function: str, retries: int, queue: str = "", **age: int) -> Wire:
        to = {"OnFailure": {"Destination": f"{queue}.Arn"}} if queue else {}
        named = {"FunctionName": function, "Qualifier": "$LATEST", "MaximumRetryAttempts": retries}
        return {**named, "DestinationConfig": to, **age}

    found = {name: config(name, 2, "DeadLetters", MaximumEventAgeInSeconds=21600) for name in GUARDS}
    found |= {name: config(name, 0) for name in ("Notify", "Canary", "CanaryEcho")}
    found |= {"Act": config("Act", 2, MaximumEventAgeInSeconds=900)}
    return {f"{name}EventInvokeConfig": each for name, each in found.items()}


def _alarm(namespace: str, metric: str, dimensions: Wire, **more: Any) -> Wire:
    return {
        "AlarmActions": ["Alarms"],
        "Namespace": namespace,
        "MetricName": metric,
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
        "Statistic": "Sum",
        "Period": 300,
        "EvaluationPeriods": 1,
        "Threshold": 0,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        **more,
    }


def _alarms() -> dict[str, Wire]:
    late = {"Statistic": "Maximum", "Threshold": 900_000}
    silent = {
        "Threshold": 1, "ComparisonOperator": "LessThanThreshold", "TreatMissingData": "missing", "InsufficientDataActions": ["Alarms"]
    }  # fmt: skip
    functions = {name: {"FunctionName": name} for name in (*GUARDS, *OTHERS)}
    ours = {"service": "snapback"}
    depth = {"Statistic": "Maximum", "Period": 60}
    return {
        **{f"{name}ErrorsAlarm": _alarm("AWS/Lambda", "Errors", of) for name, of in functions.items()},
        **{f"{name}AgeAlarm": _alarm("AWS/Lambda", "AsyncEventAge", functions[name], **late) for name in GUARDS},
        **{f"{name}ThrottlesAlarm": _alarm("AWS/Lambda", "Throttles", functions[name]) for name in OTHERS},
        "NotifyAgeAlarm": _alarm("AWS/Lambda", "IteratorAge", functions["Notify"], **late),
        **{
            f"{name}Alarm": _alarm("AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": f"{name}.QueueName"}, **depth)
            for name in ("DeadLetters", "FailedMessages")
        },
        "SilentCanaryAlarm": _alarm("Snapback", Metric.HEALTHY, ours, EvaluationPeriods=24, **silent),
        "NotifyDrainAlarm": _alarm("Snapback", Metric.DRAINS, ours, Period=60, EvaluationPeriods=15, **silent),
        "RightsMissingAlarm": _alarm("Snapback", Metric.RIGHTS_MISSING, ours),
        "MissedByEventsAlarm": _alarm("Snapback", Metric.MISSED_BY_EVENTS, ours),
        "FaultsAlarm": _alarm("Snapback", Metric.FAULTS, ours),
        "SettingsRefusedAlarm": {
            "if": "SettingsLive",
            **_alarm("Snapback", Metric.SETTINGS_REFUSED, ours, EvaluationPeriods=2, DatapointsToAlarm=2),
        },
        "ApiFailsAlarm": _alarm("AWS/ApiGateway", "5XXError", {"ApiName": "snapback", "Stage": "api"}),
    }  # fmt: skip


def _queues() -> dict[str, Wire]:
    given_up = {"RedrivePolicy": {"deadLetterTargetArn": "DeadLetters.Arn", "maxReceiveCount": 5}}
    here = {"StringEquals": {"aws:SourceAccount": "AWS::AccountId"}}
    sends = {"Sid": "UndeliverableEvents", "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}}
    statement = {**sends, "Action": "sqs:SendMessage", "Resource": "DeadLetters.Arn", "Condition": here}
    put = {"Effect": "Allow", "Principal": "*", "Action": "events:PutEvents", "Resource": "Members.Arn"}
    of_ours = {"StringEquals": {"aws:PrincipalOrgID": "OrganizationId"}}
    return {
        "SweepPlaces": {"VisibilityTimeout": 6 * 900, **given_up},
        "SweepResources": {"VisibilityTimeout": 360, **given_up},
        "SecondLooks": {"VisibilityTimeout": 360, "DelaySeconds": 60, **given_up},
        "DeadLettersPolicy": {
            "Queues": ["DeadLetters"],
            "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        },
        "MembersPolicy": {
            "if": "HasOrganization",
            "EventBusName": "Members",
            "StatementId": "OurOrganization",
            "Statement": {**put, "Condition": of_ours},
        },
    }


def _functions() -> dict[str, Wire]:
    appconfig = "appconfig:${SettingsApplication}/${SettingsEnvironment}/${SettingsProfile}"
    ssm = {"Fn::If": ["SettingsInSsm", "ssm:/${AWS::StackName}/settings", "AWS::NoValue"]}
    every = {
        "SNAPBACK_LEDGER": "Ledger",
        "SNAPBACK_SPILL": "Spill",
        "SNAPBACK_ALARM_TOPIC": "Alarms",
        "SNAPBACK_STACK": "AWS::StackId",
        "POWERTOOLS_SERVICE_NAME": "snapback",
        "SNAPBACK_SETTINGS": {"Fn::If": ["SettingsInAppConfig", appconfig, ssm]},
        "SNAPBACK_ROLES": "1",
        "SNAPBACK_EXTERNAL_ID": "ExternalId",
    }
    later = {
        "SNAPBACK_LATER": "Later",
        "SNAPBACK_LATER_ROLE": "LaterRole.Arn",
        "SNAPBACK_DEAD_LETTERS": "DeadLetters.Arn",
    }
    second = {"SNAPBACK_SECOND_LOOKS": "SecondLooks"}
    sweep = {"SNAPBACK_SWEEP_PLACES": "SweepPlaces", "SNAPBACK_SWEEP_RESOURCES": "SweepResources", **second}
    failed = {"SNAPBACK_FAILED_MESSAGES": "FailedMessages"}
    url = "https://${RestAPI}.execute-api.${AWS::Region}.${AWS::URLSuffix}/api"
    more: dict[str, Wire] = {
        "Notify": {**failed, "SNAPBACK_URL": url},
        "Exports": failed,
        "Sweep": sweep,
        "SweepWorker": sweep,
        "APIHandler": {"SNAPBACK_ACT": "Act"},
    }
    for name, service in GUARDS.items():
        more[name] = (second if service in EVENTUAL else {}) | (later if catalog.has_grace(service) else {})
    return {
        name: {
            "Environment": {"Variables": every | more.get(name, {})},
            "Role": f"{'ApiHandler' if name == 'APIHandler' else name}Role.Arn",
        }
        for name in (*GUARDS, *OTHERS)
    }


def _settings(patterns: Mapping[str, Any]) -> dict[str, Wire]:
    publish = {"Effect": "Allow", "Action": "sns:Publish", "Resource": "Alarms"}
    by_alarms = {**publish, "Principal": {"Service": "cloudwatch.amazonaws.com"}}
    by_rules = {**publish, "Principal": {"Service": "events.amazonaws.com"}}
    statements = [
        {**by_alarms, "Condition": {"StringEquals": {"aws:SourceAccount": "AWS::AccountId"}}},
        {"Fn::If": ["SettingsLive", by_rules, "AWS::NoValue"]},
    ]
    target = {"Arn": "Alarms", "DeadLetterConfig": {"Arn": "DeadLetters.Arn"}}
    conditions = {"SettingsChangedInSsm": "SettingsInSsm", "SettingsChangedInAppConfig": "SettingsInAppConfig"}
    return {
        **{
            name: {"if": conditions[name], "EventPattern": pattern, "Targets": [target]}
            for name, pattern in patterns.items()
        },
        "AlarmsPolicy": {"Topics": ["Alarms"], "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}},
        "AlarmAddress": {
            "if": "HasAlarmEmail", "TopicArn": "Alarms", "Protocol": "email", "Endpoint": "AlarmEmail"
        },
    }  # fmt: skip


def mutants(resources: Mapping[str, Any]) -> Iterator[tuple[str, str, str, Any]]:
    """What is done to it, the resource's type and logical id, and what becomes of the resource (None: nothing).

    Each resource that is a wire is dropped; of its properties each is dropped, and each value replaced: a reference by one
    to another resource of the same type, a number, a text and a truth value by another.
    """
    twins = {
        name: next(
            (other for other, its in resources.items() if its["Type"] == each["Type"] and other != name), "Another"
        )
        for name, each in resources.items()
    }
    for name, resource in resources.items():
        kind = resource["Type"]
        if kind not in WIRES and kind not in PARTS:
            continue
        if kind in WIRES:
            yield "dropped", kind, name, None
            if "Condition" in resource:
                yield "condition dropped", kind, name, {**resource, "Condition": "SettingsInSsm_"}
        parts = PARTS.get(kind, tuple(resource["Properties"]))
        for path in _paths({part: resource["Properties"][part] for part in parts if part in resource["Properties"]}):
            for done, changed in _changes(resource["Properties"], path, twins):
                yield f"{done} {'.'.join(map(str, path))}", kind, name, {**resource, "Properties": changed}


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """To each value inside, but not into a pattern or a reference."""
    if path:
        yield path
    if path[-1:] == ("EventPattern",) or (
        isinstance(value, dict) and value.keys() & {"Ref", "Fn::GetAtt", "Fn::Sub", "Fn::If"}
    ):
        return
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from _paths(each, (*path, key))


def _changes(properties: Any, path: tuple[Any, ...], twins: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    for done in ("dropped", "changed"):
        changed = deepcopy(properties)
        within = changed
        for key in path[:-1]:
            within = within[key]
        if done == "dropped":
            del within[path[-1]]
        elif (other := _another(within[path[-1]], twins)) is not None:
            within[path[-1]] = other
        else:
            continue
        yield done, changed


def _another(value: Any, twins: Mapping[str, str]) -> Any:
    found: Any = None
    match value:
        case {"Ref": name}:
            found = {"Ref": twins.get(name, "Another")}
        case {"Fn::GetAtt": [name, attribute]}:
            found = {"Fn::GetAtt": [twins.get(name, "Another"), attribute]}
        case bool():
            found = not value
        case int():
            found = value + 1
        case str():
            found = f"{value}x"
        case {"source": _} | {"$or": _}:
            found = {"source": ["aws.another"]}
    return found
