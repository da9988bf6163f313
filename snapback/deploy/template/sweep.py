"""The daily sweep: the clock calls `Sweep`, and two queues spread the work over functions, no more of them than is polite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.sweep.queues import PLACES_VARIABLE, RESOURCES_VARIABLE
from chalicelib.wiring import SECOND_LOOKS_VARIABLE
from snapback.deploy.template.parts import TIMEOUTS, arn, queue, schedule

if TYPE_CHECKING:
    from snapback.deploy.template.parts import Plan, Template

TRIES = 5
"""Times that a message is delivered before it is a dead letter."""
LISTING, ASKING, LOOKING = 10, 20, 5
"""Functions that list, that ask, and that look again, at the same time: docs/sweep.md has the arithmetic."""


def sweep(_plan: Plan) -> Template:
    variables = {
        PLACES_VARIABLE: {"Ref": "SweepPlaces"},
        RESOURCES_VARIABLE: {"Ref": "SweepResources"},
        SECOND_LOOKS_VARIABLE: {"Ref": "SecondLooks"},
    }
    functions = {
        "Sweep": {"Daily": schedule("cron(17 4 * * ? *)"), "FromPlaces": _consumed("SweepPlaces", LISTING)},
        "SweepWorker": {"Resources": _consumed("SweepResources", ASKING), "SecondLooks": _second_looks()},
    }
    return {
        "Resources": {
            "SweepPlaces": _queue("Sweep"),
            "SweepResources": _queue("SweepWorker"),
            "SecondLooks": _delayed(_queue("SweepWorker")),
            **{
                name: {"Properties": {"Events": events, "Environment": {"Variables": variables}}}
                for name, events in functions.items()
            },
        },
        "Outputs": {
            "SecondLooksUrl": {"Description": "Events to evaluate again.", "Value": {"Ref": "SecondLooks"}},
        },
    }


def _queue(function: str) -> Template:
    """As long as AWS advises: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html."""
    made = queue()
    made["Properties"] |= {
        "VisibilityTimeout": 6 * TIMEOUTS[function],
        "MessageRetentionPeriod": 86400,
        "RedrivePolicy": {"deadLetterTargetArn": arn("DeadLetters"), "maxReceiveCount": TRIES},
    }
    return made


def _delayed(queue: Template) -> Template:
    queue["Properties"]["DelaySeconds"] = 60
    return queue


def _second_looks() -> Template:
    """Events that come again, ten at a time; of those, only what failed is delivered once more."""
    consumed = _consumed("SecondLooks", LOOKING)
    consumed["Properties"] |= {
        "BatchSize": 10,
        "MaximumBatchingWindowInSeconds": 10,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    }
    return consumed


def _consumed(queue: str, concurrency: int) -> Template:
    """One message at a time: a failure is one message's, and the function's."""
    return {
        "Type": "SQS",
        "Properties": {
            "Queue": arn(queue),
            "BatchSize": 1,
            "ScalingConfig": {"MaximumConcurrency": concurrency},
        },
    }
