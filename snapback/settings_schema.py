"""The settings' JSON Schema, by which editors complete keys, explain them and mark mistakes as they are typed."""

from __future__ import annotations

import ast
import inspect
import json
import textwrap
from itertools import pairwise
from typing import Any

import msgspec

from chalicelib.core import baseline, settings
from chalicelib.core.settings import Settings
from snapback.settings_reader import NOT_FOR_PEOPLE


def schema() -> str:
    made = msgspec.json.schema(Settings)
    for name, each in made["$defs"].items():
        cls = getattr(settings, name, None) or getattr(baseline, name, None)
        if isinstance(cls, type) and "properties" in each:
            _explain(each, cls)
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **made}, indent=1) + "\n"


def _explain(definition: dict[str, Any], cls: type) -> None:
    told = explained(cls)
    properties = definition["properties"]
    for key in NOT_FOR_PEOPLE & properties.keys():
        del properties[key]
    for each in properties.values():
        if isinstance(each.get("default"), list):
            each["default"].sort(key=str)  # A set has no order of its own.
    for key, text in told.items():
        if key in properties:
            properties[key]["description"] = text.strip()


def explained(cls: type) -> dict[str, str]:
    """What stands below fields, in the code of a class and of those that it builds on."""
    found: dict[str, str] = {}
    for each in reversed(cls.__mro__):
        if not each.__module__.startswith("chalicelib."):
            continue
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(each))).body
        assert isinstance(tree, ast.ClassDef)
        for field, below in pairwise(tree.body):
            if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr):
                assert isinstance(field.target, ast.Name)
                assert isinstance(below.value, ast.Constant)
                found[field.target.id] = f"{' '.join(str(below.value.value).split())} "
    return found
