"""docs/permissions.md: what Snapback can touch, from the very policies that its roles get."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from chalicelib.core.snapback_resources import READER
from snapback.deploy.iam_policies import Policy, boundary, fixer_of, fixers, functions, policy_of, reader


def documents() -> dict[str, Policy]:
    """Each role's policies, and the boundary, by the name of the file that they are in."""
    found: dict[str, Any] = {f"{READER}-{number}": document for number, document in enumerate(reader(), 1)}
    found |= {name: fixer_of(service, undo=undo) for name, (service, undo) in fixers().items()}
    return found | {"snapback-boundary": boundary()}


def page(made: str) -> str:
    lines = ["# What Snapback can touch", "", made]
    lines += [
        "Every right of every role, from what the guardrails declare; tests hold each call to them, and each of them to a call.",
        "`*` is a resource only where AWS has no narrower one for that action. What the roles are: [accounts.md](accounts.md).",
        "The policies themselves are in `snapback/deploy/policies` and `.chalice/policies`.",
        "",
        f"## {READER}: what Snapback reads, in all accounts",
        "",
        *_table(*reader()),
    ]
    for name, (service, undo) in fixers().items():
        document = fixer_of(service, undo=undo)
        assert document is not None
        where = "" if fixer_of(service, undo=undo, member=True) else ", in the home account only"
        what = f"what only undos of {service} write" if undo else f"what the fixes of {service} write"
        lines += [
            f"## {name}: {what}, and read for it{where}",
            "",
            *_table(document),
        ]
    lines += ["## The functions' own roles, in the home account", ""]
    for name in functions():
        lines += [f"### {name}", "", *_table(policy_of(name))]
    return "\n".join(lines)


def _table(*policies: Policy) -> list[str]:
    rows: dict[tuple[str, str], list[str]] = defaultdict(list)
    for statement in (statement for document in policies for statement in document["Statement"]):
        resources = "<br>".join(f"`{_format_value(each)}`" for each in statement["Resource"])
        limits = _limits(statement)
        for action in statement["Action"]:
            service, _, name = action.partition(":")
            rows[service, resources + limits].append(f"~~{name}~~" if statement["Effect"] == "Deny" else name)
    lines = ["| service | actions | on |", "|---|---|---|"]
    lines += [f"| {service} | {', '.join(sorted(names))} | {on} |" for (service, on), names in sorted(rows.items())]
    return [*lines, ""]


def _limits(statement: Any) -> str:
    if statement["Effect"] == "Deny":
        return "<br>never"
    return "".join(
        f"<br>if `{key}` is {', '.join(f'`{_format_value(each)}`' for each in (wanted if isinstance(wanted, list) else [wanted]))}"
        for operator, asked in statement.get("Condition", {}).items()
        if operator != "Null"
        for key, wanted in asked.items()
    )


def _format_value(value: Any) -> str:
    """An ARN or value, without what is the same everywhere."""
    if isinstance(value, dict):
        ((kind, inner),) = value.items()
        if kind == "Fn::If":
            return f"{_format_value(inner[1])} or {_format_value(inner[2])}"
        value = ".".join(inner) if kind == "Fn::GetAtt" else inner if isinstance(inner, str) else json.dumps(inner)
    names = {"AWS::Partition": "aws", "AWS::Region": "region", "AWS::AccountId": "account", "AWS::StackName": "stack"}
    for name, short in names.items():
        value = value.replace(f"${{{name}}}", short).replace(name, short)
    return str(value)
