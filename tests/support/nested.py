"""Nested stacks seen as one with their parent: each parameter is what the parent gives for it."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from snapback.deploy.template.whole import nested_templates, template

if TYPE_CHECKING:
    from collections.abc import Mapping


@cache
def whole() -> dict[str, Any]:
    return flat(template(), nested_templates())


def flat(parent: Mapping[str, Any], nested: Mapping[str, Any]) -> dict[str, Any]:
    """The parent's template with the resources of the nested ones, which it names by their files, in the stacks' place."""
    resources = dict(parent["Resources"])
    for name, stack in parent["Resources"].items():
        if stack.get("Type") != "AWS::CloudFormation::Stack":
            continue
        del resources[name]
        child, given = nested[stack["Properties"]["TemplateURL"].rpartition("/")[2]], stack["Properties"]["Parameters"]
        assert given.keys() == child["Parameters"].keys()
        assert not child["Resources"].keys() & resources.keys()
        resources |= {logical: _with(each, given) for logical, each in child["Resources"].items()}
    return {**parent, "Resources": resources}


def _with(value: Any, given: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_with(each, given) for each in value]
    if not isinstance(value, dict):
        return value
    match value:
        case {"Ref": name} if name in given:
            return given[name]
        case {"Fn::Sub": text}:
            return {"Fn::Sub": re.sub(r"\$\{(\w+)\}", lambda found: f"${{{_named(given[found[1]])}}}", text)}
    return {key: _with(each, given) for key, each in value.items()}


def _named(value: Any) -> str:
    """How `Fn::Sub` names what `Ref` or `Fn::GetAtt` does."""
    return str(value["Ref"]) if "Ref" in value else ".".join(value["Fn::GetAtt"])
