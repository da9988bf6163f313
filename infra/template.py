"""The merge template: what Chalice can't say. The table, queues, retries, dead letters, alarms, and the runtime."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.ledger import LEASE, TABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.core.pattern import Pattern

RETRIES = 2
TIMEOUT = 60
"""Seconds a function may run; a lock's lease is longer."""
assert LEASE.total_seconds() > TIMEOUT
Template = dict[str, Any]


def template(functions: tuple[str, ...], patterns: Mapping[str, Pattern], runtime: str) -> Template:
    """Merged over Chalice's SAM template by `chalice package --merge-template`; functions by their logical ids,
    and the event patterns of those that are triggered by one.
    """
    resources: Template = {
        "Ledger": {
            "Type": "AWS::DynamoDB::Table",
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": {
                **TABLE,
                "DeletionProtectionEnabled": True,
                "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
                "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True},
            },
        },
        "DeadLetters": _queue(),
        "FailedMessages": _queue(),
        "DeadLettersPolicy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {
                "Queues": [{"Ref": "DeadLetters"}],
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Sid": "UndeliverableEvents",
                            "Effect": "Allow",
                            "Principal": {"Service": "events.amazonaws.com"},
                            "Action": "sqs:SendMessage",
                            "Resource": _arn("DeadLetters"),
                            "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
                        }
                    ],
                },
            },
        },
        "Alarms": {"Type": "AWS::SNS::Topic"},  # CloudWatch can't publish to one under AWS's own key, alias/aws/sns.
        "DeadLettersAlarm": _depth_alarm(
            "DeadLetters", "Events that Snapback could not handle after its retries. See docs/operate.md: dead letters."
        ),
        "FailedMessagesAlarm": _depth_alarm(
            "FailedMessages", "Messages that no channel took within a day. See docs/operate.md: failed messages."
        ),
        "SilentCanaryAlarm": _alarm(
            "Snapback's canary has been silent for two hours: the ledger or the settings can't be read.",
            Namespace="Snapback",
            MetricName="Healthy",
            Dimensions=[{"Name": "service", "Value": "snapback"}],
            Statistic="Sum",
            Period=3600,
            EvaluationPeriods=2,
            Threshold=1,
            ComparisonOperator="LessThanThreshold",
            TreatMissingData="breaching",
        ),
    }
    for name in functions:
        resources[name] = {"Properties": {"Runtime": runtime, "Architectures": ["arm64"], "Timeout": TIMEOUT}}
        resources[f"{name}ErrorsAlarm"] = _alarm(
            f"{name} failed; after {RETRIES} retries its events are in the dead-letter queue.",
            Namespace="AWS/Lambda",
            MetricName="Errors",
            Dimensions=[{"Name": "FunctionName", "Value": {"Ref": name}}],
            Statistic="Sum",
            Period=300,
            EvaluationPeriods=1,
            Threshold=0,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="notBreaching",
        )
        properties = resources[name]["Properties"]
        properties["Environment"] = {
            "Variables": {
                "SNAPBACK_LEDGER": {"Ref": "Ledger"},
                "SNAPBACK_ALARM_TOPIC": {"Ref": "Alarms"},
                "POWERTOOLS_SERVICE_NAME": "snapback",
            }
        }
        if name in patterns:
            properties |= _guard(name, patterns[name])
        if name == "Notify":
            properties["Events"] = {"Stream": _stream()}
        if name == "Canary":
            properties["Events"] = {"Hourly": {"Type": "Schedule", "Properties": {"Schedule": "rate(1 hour)"}}}
    return {"Resources": resources, "Outputs": {"LedgerTable": {"Value": {"Ref": "Ledger"}}}}


def _guard(name: str, pattern: Pattern) -> Template:
    """Two retries, then the dead-letter queue, whether Lambda or EventBridge gave up."""
    return {
        "EventInvokeConfig": {
            "MaximumRetryAttempts": RETRIES,
            "MaximumEventAgeInSeconds": 21600,
            "DestinationConfig": {"OnFailure": {"Type": "SQS", "Destination": _arn("DeadLetters")}},
        },
        "Events": {
            f"{name}Event": {
                "Type": "EventBridgeRule",
                "Properties": {
                    "Pattern": pattern,
                    "RetryPolicy": {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86400},
                    "DeadLetterConfig": {"Arn": _arn("DeadLetters")},
                },
            }
        },
    }


def _stream() -> Template:
    """The ledger's stream, records only; what failed is delivered again for a day, then noted in the queue."""
    records = {"eventName": ["INSERT", "MODIFY"], "dynamodb": {"Keys": {"pk": {"S": [{"prefix": "record#"}]}}}}

    return {
        "Type": "DynamoDB",
        "Properties": {
            "Stream": {"Fn::GetAtt": ["Ledger", "StreamArn"]},
            "StartingPosition": "TRIM_HORIZON",
            "BatchSize": 10,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "FilterCriteria": {"Filters": [{"Pattern": json.dumps(records, separators=(",", ":"))}]},
            "MaximumRecordAgeInSeconds": 82800,
            "DestinationConfig": {"OnFailure": {"Type": "SQS", "Destination": _arn("FailedMessages")}},
        },
    }


def _queue() -> Template:
    return {
        "Type": "AWS::SQS::Queue",
        "Properties": {"MessageRetentionPeriod": 1209600, "SqsManagedSseEnabled": True},
    }


def _depth_alarm(queue: str, description: str) -> Template:
    return _alarm(
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


def _alarm(description: str, **properties: Any) -> Template:
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {"AlarmDescription": description, "AlarmActions": [{"Ref": "Alarms"}], **properties},
    }


def _arn(name: str) -> Any:
    return {"Fn::GetAtt": [name, "Arn"]}
