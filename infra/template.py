"""The merge template: what Chalice can't say. The table, queues, retries, dead letters, alarms, and the runtime."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chalicelib import catalog
from chalicelib.adapters import canary
from chalicelib.adapters.later import GROUP_VARIABLE, QUEUE_VARIABLE, ROLE_VARIABLE
from chalicelib.adapters.ledger import KEPT, LEASE, SPILL_VARIABLE, TABLE
from chalicelib.adapters.settings import STACK_VARIABLE
from chalicelib.core.pattern import EVEN_READS, about_reads
from tools.policies import act_rights, logical_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.core.pattern import Pattern

RETRIES = 2
AT_ONCE = 10
"""Invocations of a guard function that may run at the same time; its events wait for up to six hours beyond that."""
TIMEOUT = 60
"""Seconds a function may run; a lock's lease is longer."""
assert LEASE.total_seconds() > TIMEOUT
Template = dict[str, Any]
WATCHES_RULES = "GuardEvents"


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
            "DeadLetters",
            f"There are events that Snapback could not handle. See which and why: {_command('dlq list')}. When the cause "
            f"is mended, have them handled: {_command('dlq redrive --all')}.",
        ),
        "FailedMessagesAlarm": _depth_alarm(
            "FailedMessages",
            f"There are messages that no channel took within a day. See which: {_command('dlq list')}. When a channel "
            f"is up, have them sent: {_command('dlq redrive --all')}.",
        ),
        "SilentCanaryAlarm": _alarm(
            "Snapback's canary has been silent for two hours: events don't reach functions, or the ledger or the "
            f"settings can't be read. See what is left of it: {_command('status')}.",
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
    resources |= _spill() | _later()
    daily, patient = (
        {logical_id(f"guard_{service}") for service in catalog.services() if which(service)}
        for which in (catalog.scheduled, catalog.patient)
    )
    rights = {
        f"ActRights{number}": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document}}
        for number, document in enumerate(act_rights(), 1)
    }
    resources |= rights
    resources["ActRole"] = {"Properties": {"ManagedPolicyArns": [{"Ref": name} for name in rights]}}
    for name in functions:
        resources[name] = {"Properties": {"Runtime": runtime, "Architectures": ["arm64"], "Timeout": TIMEOUT}}
        resources[f"{name}ErrorsAlarm"] = _alarm(
            f"{name} failed. {_FAILED.get(name, _GUARD_FAILED)}",
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
                SPILL_VARIABLE: {"Ref": "Spill"},
                "SNAPBACK_ALARM_TOPIC": {"Ref": "Alarms"},
                STACK_VARIABLE: {"Ref": "AWS::StackId"},
                "POWERTOOLS_SERVICE_NAME": "snapback",
            }
        }
        if name in patterns:
            properties |= _guard(name, patterns[name])
        if name in daily:
            properties["Events"]["Daily"] = _schedule("cron(17 4 * * ? *)")
        if name in patient:
            properties["Environment"]["Variables"] |= {
                GROUP_VARIABLE: {"Ref": "Later"},
                ROLE_VARIABLE: _arn("LaterRole"),
                QUEUE_VARIABLE: _arn("DeadLetters"),
            }
        if name == "Notify":
            properties["Events"] = {"Stream": _stream()}
        if name == "Act":
            properties["Events"] = {"Tend": _schedule("rate(5 minutes)", {"action": "tend"})}
        if name == "Canary":
            properties |= _ONCE | {"Events": {"Hourly": _schedule("rate(1 hour)")}}
        if name == "CanaryEcho":
            properties |= _ONCE | {"Events": {"Canary": _canary()}}
    return {
        "Parameters": {
            "ReservedConcurrency": {
                "Type": "Number",
                "Default": AT_ONCE,
                "MinValue": 0,
                "Description": (
                    "How many invocations of each guard function may run at once, and are kept free for it, so that a "
                    "flood of events can starve neither Snapback nor the account's other functions. 0 reserves none: "
                    "needed where the account's limit leaves no 100 over (new accounts start with a limit of 10)."
                ),
            }
        },
        "Conditions": {"Reserves": {"Fn::Not": [{"Fn::Equals": [{"Ref": "ReservedConcurrency"}, "0"]}]}},
        "Resources": resources,
        "Outputs": {
            "LedgerTable": {"Description": "SNAPBACK_LEDGER of the command line.", "Value": {"Ref": "Ledger"}},
            "Stack": {"Description": f"{STACK_VARIABLE} of the command line.", "Value": {"Ref": "AWS::StackId"}},
            "SpillBucket": {"Description": f"{SPILL_VARIABLE} of the command line.", "Value": {"Ref": "Spill"}},
            "DeadLettersUrl": {"Description": "Events that were given up.", "Value": {"Ref": "DeadLetters"}},
            "FailedMessagesUrl": {"Description": "Messages that were given up.", "Value": {"Ref": "FailedMessages"}},
        },
    }


def _command(words: str) -> str:
    return f"snapback {words} --stack ${{AWS::StackName}}"


_GUARD_FAILED = (
    f"Lambda invokes it again {RETRIES} times, then its event is a dead letter. See why: "
    f"snapback records --status failed, and {_command('dlq list')}."
)
_FAILED = {
    "Notify": f"Its messages are sent again for a day, then given up. See which: {_command('dlq list')}.",
    "Act": f"What another function left unfinished could not be gone on with. See what: {_command('status')}.",
    "Canary": f"No canary was sent. See since when: {_command('status')}.",
    "CanaryEcho": f"A canary was late, forged, or could not be answered. See since when: {_command('status')}.",
}
"""What the failure of a function means; of all others, the guard functions'."""
_ONCE: Template = {"EventInvokeConfig": {"MaximumRetryAttempts": 0}}
"""The next hour's canary says more than this hour's, again."""


def _schedule(rate: str, request: Any = None) -> Template:
    given = {} if request is None else {"Input": json.dumps(request)}
    return {"Type": "Schedule", "Properties": {"Schedule": rate, **given}}


def _later() -> Template:
    """What has a guard function called again with an event that has to wait: no other function, and only with ours."""
    function = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${AWS::StackName}-Guard*"
    group = "arn:${AWS::Partition}:scheduler:${AWS::Region}:${AWS::AccountId}:schedule-group/${Later}"
    return {
        "Later": {"Type": "AWS::Scheduler::ScheduleGroup"},
        "LaterRole": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "scheduler.amazonaws.com"},
                            "Action": "sts:AssumeRole",
                            "Condition": {
                                "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
                                "ArnEquals": {"aws:SourceArn": {"Fn::Sub": group}},
                            },
                        }
                    ],
                },
                "Policies": [
                    {
                        "PolicyName": "CallGuards",
                        "PolicyDocument": {
                            "Version": "2012-10-17",
                            "Statement": [
                                {
                                    "Effect": "Allow",
                                    "Action": "lambda:InvokeFunction",
                                    "Resource": {"Fn::Sub": function},
                                },
                                {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": _arn("DeadLetters")},
                            ],
                        },
                    }
                ],
            },
        },
    }


def _canary() -> Template:
    """The canary's event, if it is from this very account."""
    pattern = {**canary.PATTERN, "account": [{"Ref": "AWS::AccountId"}]}
    retry = {"MaximumRetryAttempts": 10, "MaximumEventAgeInSeconds": int(canary.FRESH.total_seconds())}
    return {"Type": "EventBridgeRule", "Properties": {"Pattern": pattern, "RetryPolicy": retry}}


def _spill() -> Template:
    """The bucket of states that are over what an item of the ledger may hold; they may hold secrets, as those do."""
    return {
        "Spill": {
            "Type": "AWS::S3::Bucket",
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": {
                "BucketEncryption": {
                    "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
                },
                "PublicAccessBlockConfiguration": {
                    "BlockPublicAcls": True,
                    "BlockPublicPolicy": True,
                    "IgnorePublicAcls": True,
                    "RestrictPublicBuckets": True,
                },
                "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
                "LifecycleConfiguration": {
                    "Rules": [
                        {
                            "Id": "AsLongAsRecords",
                            "Status": "Enabled",
                            "ExpirationInDays": KEPT.days,
                            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
                        }
                    ]
                },
            },
        },
        "SpillPolicy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {
                "Bucket": {"Ref": "Spill"},
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Sid": "OnlyOverTls",
                            "Effect": "Deny",
                            "Principal": "*",
                            "Action": "s3:*",
                            "Resource": [_arn("Spill"), {"Fn::Sub": "${Spill.Arn}/*"}],
                            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                        }
                    ],
                },
            },
        },
    }


def _guard(name: str, pattern: Pattern) -> Template:
    """Two retries, then the dead-letter queue, whether Lambda or EventBridge gave up.

    What watches the rules has two: a rule that is disabled brings no word of it, its twin does.
    """
    rule = {
        "Type": "EventBridgeRule",
        "Properties": {
            "Pattern": pattern,
            "State": EVEN_READS if about_reads(json.dumps(pattern)) else "ENABLED",
            "RetryPolicy": {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86400},
            "DeadLetterConfig": {"Arn": _arn("DeadLetters")},
        },
    }
    return {
        "ReservedConcurrentExecutions": {
            "Fn::If": ["Reserves", {"Ref": "ReservedConcurrency"}, {"Ref": "AWS::NoValue"}]
        },
        "EventInvokeConfig": {
            "MaximumRetryAttempts": RETRIES,
            "MaximumEventAgeInSeconds": 21600,
            "DestinationConfig": {"OnFailure": {"Type": "SQS", "Destination": _arn("DeadLetters")}},
        },
        "Events": {f"{name}Event": rule} | ({"Twin": rule} if name == WATCHES_RULES else {}),
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
        "Properties": {
            "AlarmDescription": {"Fn::Sub": description},
            "AlarmActions": [{"Ref": "Alarms"}],
            **properties,
        },
    }


def _arn(name: str) -> Any:
    return {"Fn::GetAtt": [name, "Arn"]}
