"""The functions: what all have in common, and what calls each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib import canary, catalog
from chalicelib.aws.overflow_store import SPILL_VARIABLE
from chalicelib.aws.scheduler import GROUP_VARIABLE, QUEUE_VARIABLE, ROLE_VARIABLE
from chalicelib.aws.settings_source import STACK_VARIABLE
from chalicelib.core.eventual import EVENTUAL
from chalicelib.notify.outbox import QUEUE_VARIABLE as FAILED_VARIABLE
from chalicelib.wiring import SECOND_LOOKS_VARIABLE
from snapback.deploy.iam_policies import KEY_ACTIONS, logical_id
from snapback.deploy.template.parts import (
    AT_ONCE,
    KEY,
    RETRIES,
    TIMEOUTS,
    arn,
    beside,
    ledger_stream,
    schedule,
    with_key,
)

if TYPE_CHECKING:
    from snapback.deploy.template.parts import Plan, Template

_ONCE: Template = {"EventInvokeConfig": {"MaximumRetryAttempts": 0}}
"""The next hour's canary says more than this hour's, again; and the next minute's drain comes soon enough."""


_PARAMETERS: Template = {
    "LogRetention": {
        "Type": "Number",
        "Default": 90,
        "AllowedValues": [
            1,
            3,
            5,
            7,
            14,
            30,
            60,
            90,
            120,
            150,
            180,
            365,
            400,
            545,
            731,
            1096,
            1827,
            2557,
            3653,
        ],
        "Description": "How many days CloudWatch Logs keeps the functions' logs.",
    },
    "Tracing": {
        "Type": "String",
        "Default": "Active",
        "AllowedValues": ["Active", "PassThrough"],
        "Description": "X-Ray traces. Active: one invocation a second, and 5% of the others. PassThrough: only requests that are already traced.",
    },
    "KmsKeyArn": {
        "Type": "String",
        "Default": "",
        "AllowedPattern": "^$|^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$",
        "ConstraintDescription": "the ARN of a KMS key, not of an alias; empty for none of your own",
        "Description": (
            "ARN of your KMS key for the ledger, the bucket, queues, topics and logs. Its policy must "
            "let AWS services use it (docs/deploy.md). Empty: keys that AWS owns, at no cost."
        ),
    },
}


def every_function(plan: Plan) -> Template:
    """What all functions have in common."""
    properties: Template = {
        "Runtime": plan.runtime,
        "Architectures": ["arm64"],
        "Tracing": {"Ref": "Tracing"},
        "KmsKeyArn": with_key(KEY),
        "Environment": {
            "Variables": {
                "SNAPBACK_LEDGER": {"Ref": "Ledger"},
                SPILL_VARIABLE: {"Ref": "Spill"},
                "SNAPBACK_ALARM_TOPIC": {"Ref": "Alarms"},
                STACK_VARIABLE: {"Ref": "AWS::StackId"},
                "POWERTOOLS_SERVICE_NAME": "snapback",
            }
        },
    }
    return {
        "Parameters": _PARAMETERS,
        "Conditions": {"OwnKey": {"Fn::Not": [{"Fn::Equals": [KEY, ""]}]}},
        "Resources": {
            **{name: {"Properties": properties | {"Timeout": TIMEOUTS[name]}} for name in plan.functions},
            **{beside(name, "LogGroup"): {"Properties": _log_group(name)} for name in plan.functions},
            "KeyRights": _key_rights(plan),
        },
    }


def _log_group(name: str) -> Template:
    return {
        "LogGroupName": {"Fn::Sub": f"/aws/lambda/${{{name}}}"},
        "RetentionInDays": {"Ref": "LogRetention"},
        "KmsKeyId": with_key(KEY),
    }


def _key_rights(plan: Plan) -> Template:
    """With a key of the customer's own, every function uses it, and the Scheduler, which sends dead letters."""
    use_key = {
        "Effect": "Allow",
        "Action": [*KEY_ACTIONS],
        "Resource": KEY,
    }
    return {
        "Type": "AWS::IAM::ManagedPolicy",
        "Condition": "OwnKey",
        "Properties": {
            "PolicyDocument": {"Version": "2012-10-17", "Statement": [use_key]},
            "Roles": [*({"Ref": beside(name, "Role")} for name in plan.functions), {"Ref": "LaterRole"}],
        },
    }


def guards(plan: Plan) -> Template:
    """The guard functions (their rules are in rules.py); those that wait for something have events come again."""
    resources: Template = {name: {"Properties": _guard()} for name in plan.patterns}
    for service in catalog.services():
        variables: Template = {SECOND_LOOKS_VARIABLE: {"Ref": "SecondLooks"}} if service in EVENTUAL else {}
        if catalog.has_grace(service):
            variables |= {
                GROUP_VARIABLE: {"Ref": "Later"},
                ROLE_VARIABLE: arn("LaterRole"),
                QUEUE_VARIABLE: arn("DeadLetters"),
            }
        if variables:
            resources[logical_id(f"guard_{service}")]["Properties"]["Environment"] = {"Variables": variables}
    return {
        "Parameters": {
            "ReservedConcurrency": {
                "Type": "Number",
                "Default": AT_ONCE,
                "MinValue": 0,
                "Description": (
                    "Concurrent invocations that are reserved for each guard function, and its limit, so that a "
                    "flood of events can't starve Snapback or the account's other functions. 0 reserves none. "
                    "Use 0 if the account's limit would leave fewer than 100 unreserved (new accounts have a limit of 10)."
                ),
            }
        },
        "Conditions": {"Reserves": {"Fn::Not": [{"Fn::Equals": [{"Ref": "ReservedConcurrency"}, "0"]}]}},
        "Resources": resources | _later(),
    }


def notify(_plan: Plan) -> Template:
    """The ledger's stream, and each minute what is held."""
    properties = _ONCE | {
        "Environment": {"Variables": {FAILED_VARIABLE: {"Ref": "FailedMessages"}}},
        "Events": {"Stream": ledger_stream(BatchSize=10), "Drain": schedule("rate(1 minute)", {"drain": True})},
    }
    return {"Resources": {"Notify": {"Properties": properties}}}


def act(_plan: Plan) -> Template:
    return {
        "Resources": {
            "Act": {"Properties": {"Events": {"Maintain": schedule("rate(5 minutes)", {"action": "maintain"})}}}
        }
    }


def canaries(_plan: Plan) -> Template:
    return {
        "Resources": {
            "Canary": {"Properties": _ONCE | {"Events": {"Hourly": schedule("rate(1 hour)")}}},
            "CanaryEcho": {"Properties": _ONCE | {"Events": {"Canary": _canary()}}},
        }
    }


def _guard() -> Template:
    """Two retries, then the dead-letter queue."""
    return {
        "ReservedConcurrentExecutions": {
            "Fn::If": ["Reserves", {"Ref": "ReservedConcurrency"}, {"Ref": "AWS::NoValue"}]
        },
        "EventInvokeConfig": {
            "MaximumRetryAttempts": RETRIES,
            "MaximumEventAgeInSeconds": 21600,
            "DestinationConfig": {"OnFailure": {"Type": "SQS", "Destination": arn("DeadLetters")}},
        },
    }


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
                                {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn("DeadLetters")},
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
