"""What a nested stack is given, and that it says the same as it would in its parent."""

from __future__ import annotations

from typing import Any

import pytest

from snapback.deploy.template import rules, watch
from snapback.deploy.template.nested import nested
from snapback.deploy.template.whole import _plan, nested_templates, template
from tests.support.nested import flat

PARTS = (rules.rules, watch.function_alarms)


def test_the_stacks_say_together_what_their_parts_say() -> None:
    whole = flat(template(), nested_templates())["Resources"]
    for part in PARTS:
        for name, resource in part(_plan()).items():
            assert whole[name] == resource


def test_what_is_in_the_parent_becomes_a_parameter() -> None:
    resources: Any = {
        "Rule": {
            "Type": "A",
            "Properties": {"Name": {"Fn::Sub": "${AWS::StackName}-${AWS::Region}-${Queue.Arn}-${Rule}"}},
        },
        "Other": {
            "Type": "A",
            "Properties": {"Of": [{"Ref": "Rule"}, {"Fn::GetAtt": ["Rule", "Arn"]}, {"Ref": "Bus"}]},
        },
    }
    stack, made = nested("some.json", resources, "Some.")
    assert stack["Properties"] == {
        "TemplateURL": "./some.json",
        "Parameters": {
            "Bus": {"Ref": "Bus"},
            "HomeStack": {"Ref": "AWS::StackName"},
            "QueueArn": {"Fn::GetAtt": ["Queue", "Arn"]},
        },
    }
    assert made["Parameters"].keys() == stack["Properties"]["Parameters"].keys()
    assert (
        made["Resources"]["Rule"]["Properties"]["Name"]["Fn::Sub"] == "${HomeStack}-${AWS::Region}-${QueueArn}-${Rule}"
    )
    assert made["Resources"]["Other"] == resources["Other"]


@pytest.mark.parametrize(
    "resource",
    [
        {"Type": "A", "Condition": "HasBus"},
        {"Type": "A", "Properties": {"Name": {"Fn::If": ["HasBus", "a", "b"]}}},
    ],
)
def test_a_nested_stack_has_no_conditions(resource: Any) -> None:
    with pytest.raises(ValueError, match="a nested template has no conditions"):
        nested("some.json", {"Rule": resource}, "Some.")
