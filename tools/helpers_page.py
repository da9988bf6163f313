"""docs/helpers.md: what an author of a guardrail can use, from the docstrings."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

PARTS: dict[str, tuple[str, ...]] = {
    "Declare a guardrail or a tripwire": ("chalicelib.core.rule", "chalicelib.core.pattern"),
    "Read the event": ("chalicelib.core.event",),
    "Find and read the resource": (
        "chalicelib.core.resource",
        "chalicelib.core.session",
        "chalicelib.resources.absent",
        "chalicelib.resources.look_ups",
    ),
    "Ask the settings": ("chalicelib.core.baseline",),
    "Judge a policy": (
        "chalicelib.analysis.policy_document",
        "chalicelib.analysis.policy_access",
        "chalicelib.analysis.policy_tls",
        "chalicelib.analysis.policy_escalation",
    ),
    "Find secrets": ("chalicelib.analysis.secrets",),
    "Fix a policy": ("chalicelib.fixes.policy",),
    "Test it": ("tests.support.cases", "tests.support.events", "tests.support.world", "tests.support.moto_gaps"),
}
"""The modules whose public functions, classes and methods are listed, by what they are for."""


def page(made: str) -> str:
    lines = ["# Helpers for authors of guardrails", "", made]
    lines += [
        "[CONTRIBUTING](../CONTRIBUTING.md) shows how they fit together. Each line is the first of a docstring.",
        "",
    ]
    for title, modules in PARTS.items():
        lines += [f"## {title}", ""]
        for name in modules:
            lines += [f"[`{name}`](../{name.replace('.', '/')}.py)", "", "| name | what it does |", "|---|---|"]
            lines += [f"| `{each}` | {said} |" for each, said in listed(name)]
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def listed(module: str) -> Iterator[tuple[str, str]]:
    """The public names that a module defines, methods as `Class.method`, each with its first sentence."""
    for name, thing in vars(import_module(module)).items():
        if not name.startswith("_") and getattr(thing, "__module__", "") == module and callable(thing):
            yield name, _said(thing)
            yield from _members(name, thing) if inspect.isclass(thing) else ()


def undocumented() -> list[str]:
    names = [(module, *each) for modules in PARTS.values() for module in modules for each in listed(module)]
    return [f"{module}.{name}" for module, name, said in names if not said]


def _members(owner: str, cls: type) -> Iterator[tuple[str, str]]:
    fields = re.findall(r"^`(\w+)`: (.+)$", inspect.getdoc(cls) or "", re.MULTILINE)
    yield from ((f"{owner}.{name}", _line(said)) for name, said in fields)
    for name, thing in vars(cls).items():
        function = getattr(thing, "__func__", getattr(thing, "fget", thing))
        if not name.startswith("_") and inspect.isfunction(function) and (said := _said(function)):
            yield f"{owner}.{name}", said


def _said(thing: Any) -> str:
    doc = inspect.getdoc(thing) or ""
    generated = (f"{thing.__name__}(", "Helper for @overload")  # Python's own docstrings.
    return "" if doc.startswith(generated) else _line(doc.partition("\n\n")[0])


def _line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
