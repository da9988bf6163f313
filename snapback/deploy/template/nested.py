"""Stacks in the stack, so that none has more than the 500 resources that CloudFormation takes (docs/decisions/0042-nested-stacks.md)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from snapback.deploy.template.parts import Template

_NAMED = re.compile(r"\$\{([A-Za-z0-9.:]+)\}")
_STACK = "AWS::StackName"
HOME_STACK = "HomeStack"


def nested(file: str, resources: Template, description: str) -> tuple[Template, Template]:
    """The resource of the parent's template, and the nested template, which is packaged as this file.

    Resources refer to what is in the parent as if they were there: each such value becomes a parameter of the nested stack.
    Raises ValueError for a condition, which a nested template doesn't have.
    """
    given: dict[str, Any] = {}
    made = _cut(resources, resources, given)
    names = sorted(given)
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": description,
        "Parameters": {name: {"Type": "String"} for name in names},
        "Resources": made,
    }
    properties = {"TemplateURL": f"./{file}", "Parameters": {name: given[name] for name in names}}
    return {"Type": "AWS::CloudFormation::Stack", "Properties": properties}, template


def _cut(value: Any, inside: Mapping[str, Any], given: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_cut(each, inside, given) for each in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"Ref": name}:
            return {"Ref": _parameter(name, inside, given)}
        case {"Fn::GetAtt": [name, attribute]}:
            parameter = _parameter(f"{name}.{attribute}", inside, given)
            return value if name in inside else {"Ref": parameter}
        case {"Fn::Sub": text}:
            return {"Fn::Sub": _NAMED.sub(lambda found: f"${{{_parameter(found[1], inside, given)}}}", text)}
        case {"Fn::If": _} | {"Condition": _, "Type": _}:
            raise ValueError(f"a nested template has no conditions: {value}")
    return {key: _cut(each, inside, given) for key, each in value.items()}


def _parameter(name: str, inside: Mapping[str, Any], given: dict[str, Any]) -> str:
    """How the nested template names what the parent calls so: `GuardS3`, `DeadLetters.Arn`, `AWS::StackName`."""
    logical, _, attribute = name.partition(".")
    if logical in inside or (name.startswith("AWS::") and name != _STACK):
        return name
    parameter = HOME_STACK if name == _STACK else f"{logical}{attribute}"
    given[parameter] = {"Fn::GetAtt": [logical, attribute]} if attribute else {"Ref": name}
    return parameter
