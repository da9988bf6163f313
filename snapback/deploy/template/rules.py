"""The EventBridge rules that call the guard functions, with the permissions to: a nested stack."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from chalicelib import catalog
from chalicelib.core.pattern import EVEN_READS, about_reads
from snapback.deploy.iam_policies import logical_id
from snapback.deploy.template.parts import arn

if TYPE_CHECKING:
    from chalicelib.core.pattern import Pattern
    from snapback.deploy.template.parts import Plan, Template

WATCHES_RULES = "GuardEvents"
RETRY = {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86400}


def rules(plan: Plan) -> Template:
    """For each pattern of a guard function: a rule on the default bus, and one on the bus for members.

    What watches the rules has two: a rule that is disabled brings no word of it, its twin does.
    """
    of_home = {logical_id(f"guard_{service}") for service in catalog.of_home()}
    resources: Template = {}
    for function, patterns in plan.patterns.items():
        names = [
            "Event",
            *(["Twin"] if function == WATCHES_RULES else []),
            *(["OfMembers"] if function not in of_home else []),
        ]
        for name in names:
            for number, pattern in enumerate(patterns, start=1):
                logical = f"{function}{name}{number if number > 1 else ''}"
                rule = _rule(function, logical, pattern)
                if name == "OfMembers":
                    rule["Properties"]["EventBusName"] = {"Ref": "Members"}
                resources |= {logical: rule, f"{logical}Permission": _permission(function, logical)}
    return resources


def state(pattern: Pattern) -> str:
    return EVEN_READS if about_reads(json.dumps(pattern)) else "ENABLED"


def _rule(function: str, logical: str, pattern: Pattern) -> Template:
    """What EventBridge can't deliver within a day is a dead letter.

    The name is like one that CloudFormation makes up in the parent: Snapback knows its own by that (core/snapback_resources.py).
    """
    target = {
        "Id": "guard",
        "Arn": arn(function),
        "RetryPolicy": RETRY,
        "DeadLetterConfig": {"Arn": arn("DeadLetters")},
    }
    return {
        "Type": "AWS::Events::Rule",
        "Properties": {
            "Name": {"Fn::Sub": f"${{AWS::StackName}}-{logical}-rule"},
            "EventPattern": pattern,
            "State": state(pattern),
            "Targets": [target],
        },
    }


def _permission(function: str, rule: str) -> Template:
    return {
        "Type": "AWS::Lambda::Permission",
        "Properties": {
            "Action": "lambda:InvokeFunction",
            "FunctionName": arn(function),
            "Principal": "events.amazonaws.com",
            "SourceArn": arn(rule),
        },
    }
