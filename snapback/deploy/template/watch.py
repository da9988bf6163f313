"""What tells when Snapback itself is unwell: queues of what was given up, alarms, the topic that they go to."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib import canary
from chalicelib.core.metrics import Metric
from snapback.deploy.template.parts import (
    KEY,
    RETRIES,
    STREAM_RETRIES,
    alarm,
    arn,
    command,
    depth_alarm,
    queue,
    with_key,
)
from snapback.deploy.template.sweep import TRIES

if TYPE_CHECKING:
    from snapback.deploy.template.parts import Plan, Template


_GUARD_FAILED = (
    f"Lambda retries {RETRIES} times, then sends the event to the dead-letter queue. See why: "
    f"snapback records --status failed, and {command('dlq list')}."
)
_SWEPT = (
    f"Snapback tries again within hours, {TRIES} times in all, and then sends a message to the dead-letter queue: {command('dlq list')}. "
    "The next daily sweep also tries again."
)
_FAILED = {
    "Notify": f"Snapback retries its messages {STREAM_RETRIES} times, then sends them to the queue of failed messages: {command('dlq list')}.",
    "Exports": f"Snapback retries exports {STREAM_RETRIES} times, then sends them to the queue of failed messages: {command('dlq list')}.",
    "Act": f"It could not finish another function's work. See what is open: {command('status')}.",
    "APIHandler": f"A click was not processed; the person can click again. See what is wrong: {command('status')}.",
    "Sweep": "Snapback could not list a kind of resource in an account and region. To see which, and why, search the log of "
    f"Sweep for: sweep: could not list. {_SWEPT}",
    "SweepWorker": "Snapback could not evaluate some resources. To see which, and why, search the log of SweepWorker for: "
    f"sweep: could not evaluate. {_SWEPT}",
    "Canary": f"No canary was sent. See the last one: {command('status')}.",
    "CanaryEcho": f"A canary was late, forged or unanswered. See the last one: {command('status')}.",
}
"""What the failure of a function means; of guard functions, the one above."""
LATE = 900
"""Seconds that an event may wait for its guard function, and a message for its channel, before a person is notified."""


def given_up(_plan: Plan) -> Template:
    """Events and messages that were given up."""
    return {
        "Resources": {
            "DeadLetters": queue(),
            "FailedMessages": queue(),
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
                                "Resource": arn("DeadLetters"),
                                "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
                            }
                        ],
                    },
                },
            },
            "DeadLettersAlarm": depth_alarm(
                "DeadLetters",
                f"Snapback could not handle some events. See which and why: {command('dlq list')}. When the cause "
                f"is fixed, retry them: {command('dlq redrive --all')}.",
            ),
            "FailedMessagesAlarm": depth_alarm(
                "FailedMessages",
                "Snapback could not deliver some messages to a channel, its fallback and the alarm topic, or to another tool, or "
                f"can't read some records. See which, and why: {command('dlq list')}. When the cause is fixed (a channel "
                f"is up, or a rollback is undone), retry them: {command('dlq redrive --all')}.",
            ),
        },
        "Outputs": {
            "DeadLettersUrl": {
                "Description": "Dead-letter queue: events that failed all retries.",
                "Value": {"Ref": "DeadLetters"},
            },
            "FailedMessagesUrl": {
                "Description": "Queue of failed messages: messages that failed all retries.",
                "Value": {"Ref": "FailedMessages"},
            },
        },
    }


_PARAMETERS: Template = {
    "AlarmEmail": {
        "Type": "String",
        "Default": "",
        "AllowedPattern": "^$|^[^@\\s]+@[^@\\s]+$",
        "ConstraintDescription": "an address such as oncall@example.com, or empty",
        "Description": "Email address for Snapback's own alarms. AWS asks the address to confirm.",
    }
}


def alarms(_plan: Plan) -> Template:
    """The topic, and an alarm for each way in which Snapback as a whole can be unwell."""
    resources: Template = {
        # Under AWS's own key, alias/aws/sns, CloudWatch couldn't publish to the topic.
        "Alarms": {"Type": "AWS::SNS::Topic", "Properties": {"KmsMasterKeyId": with_key(KEY)}},
        "AlarmAddress": {
            "Type": "AWS::SNS::Subscription",
            "Condition": "HasAlarmEmail",
            "Properties": {"TopicArn": {"Ref": "Alarms"}, "Protocol": "email", "Endpoint": {"Ref": "AlarmEmail"}},
        },
        "SilentCanaryAlarm": _silent_canary(),
        "NotifyDrainAlarm": _no_drain(),
        "RightsMissingAlarm": _counted(
            Metric.RIGHTS_MISSING,
            "Snapback's own policies don't allow what its guardrails read, so resources are not judged. The messages and "
            f"records name the action and the function: {command('records --status unjudged')}. Deploy the stack again, in "
            "this account and in the account that the record names.",
        ),
        "MissedByEventsAlarm": _counted(
            Metric.MISSED_BY_EVENTS,
            "The daily sweep found something that an event should have reported: in its account and region, CloudTrail is late or "
            f"off, or a rule is. The message of the finding names both. See what is covered: {command('accounts check')}.",
        ),
        "FaultsAlarm": _counted(
            Metric.FAULTS,
            "Snapback had unexpected exceptions. Each has a fault number, in the logs of the functions "
            f'(search for "a fault in Snapback") and in the dead letter of its event: {command("dlq list")}.',
        ),
    }
    return {
        "Parameters": _PARAMETERS,
        "Conditions": {"HasAlarmEmail": {"Fn::Not": [{"Fn::Equals": [{"Ref": "AlarmEmail"}, ""]}]}},
        "Resources": resources,
        "Outputs": {"AlarmsTopic": {"Description": "Where alarms go.", "Value": {"Ref": "Alarms"}}},
    }


def function_alarms(plan: Plan) -> Template:
    """Of each function: a nested stack."""
    resources: Template = {
        "NotifyAgeAlarm": _function_alarm(
            "Notify",
            f"Records wait more than {LATE // 60} minutes to be sent. See the failed messages: {command('dlq list')}.",
            "IteratorAge",
            "Maximum",
            LATE * 1000,
        )
    }
    for name in plan.functions:
        resources |= _guard_alarms(name) if name in plan.patterns else _other_alarms(name)
    return resources


def _guard_alarms(name: str) -> Template:
    """That guards are throttled is their reserved concurrency at work; what matters is whether they catch up."""
    return {
        f"{name}ErrorsAlarm": _function_alarm(name, f"{name} failed. {_GUARD_FAILED}", "Errors", "Sum", 0),
        f"{name}AgeAlarm": _function_alarm(
            name,
            f"Events wait more than {LATE // 60} minutes for {name}: it is throttled or fails. After six hours, "
            f"they go to the dead-letter queue. See the dead letters: {command('dlq list')}. If the cause is many events, raise ReservedConcurrency.",
            "AsyncEventAge",
            "Maximum",
            LATE * 1000,
        ),
    }


def _other_alarms(name: str) -> Template:
    failed = _FAILED.get(name, f"See what still works: {command('status')}.")
    return {
        f"{name}ErrorsAlarm": _function_alarm(name, f"{name} failed. {failed}", "Errors", "Sum", 0),
        f"{name}ThrottlesAlarm": _function_alarm(
            name,
            f"{name} was throttled: the account's Lambda concurrency is used up, maybe by other functions. See what waits: "
            f"{command('status')}.",
            "Throttles",
            "Sum",
            0,
        ),
    }


def _silent_canary() -> Template:
    return _silence(
        Metric.HEALTHY,
        canary.SILENT,
        "Snapback's canary has been silent for two hours: events don't reach functions, or the ledger or the "
        f"settings can't be read. See what still works: {command('status')}.",
        period=300,
    )


def _silence(metric: Metric, within: timedelta, description: str, *, period: int) -> Template:
    """Of a metric of Snapback's own that is only ever counted: that it isn't, for so long, is what rings.

    Missing data must not breach: a stack that has just been made has none, and would ring. It leaves an alarm without
    sufficient data, which a new one is anyway; from then on it is a change of state, and that has an action.
    CloudWatch looks at some periods more than it is told, so they are short.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
    """
    return alarm(
        description,
        InsufficientDataActions=[{"Ref": "Alarms"}],
        Namespace="Snapback",
        MetricName=metric,
        Dimensions=[{"Name": "service", "Value": "snapback"}],
        Statistic="Sum",
        Period=period,
        EvaluationPeriods=int(within.total_seconds()) // period,
        Threshold=1,
        ComparisonOperator="LessThanThreshold",
        TreatMissingData="missing",
    )


def _counted(metric: Metric, description: str) -> Template:
    """Of a metric of Snapback's own that should never be counted."""
    return alarm(
        description,
        Namespace="Snapback",
        MetricName=metric,
        Dimensions=[{"Name": "service", "Value": "snapback"}],
        Statistic="Sum",
        Period=300,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )


def _no_drain() -> Template:
    return _silence(
        Metric.DRAINS,
        timedelta(seconds=LATE),
        "Held messages are not sent: the job that sends them each minute has not finished for 15 minutes. "
        f"See what still works: {command('status')}.",
        period=60,
    )


def _function_alarm(name: str, description: str, metric: str, statistic: str, threshold: int) -> Template:
    return alarm(
        description,
        Namespace="AWS/Lambda",
        MetricName=metric,
        Dimensions=[{"Name": "FunctionName", "Value": {"Ref": name}}],
        Statistic=statistic,
        Period=300,
        EvaluationPeriods=1,
        Threshold=threshold,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
