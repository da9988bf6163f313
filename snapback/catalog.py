"""The catalog of rules, read from the index that `make generate` writes: importing every rule takes half a second."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Entry = Mapping[str, Any]

INDEX = Path(__file__).parent / "catalog.json"
NONE = "none, because "
"""How a text begins that stands for what a rule doesn't have."""

TOOLS = {"cloudformation": "CloudFormation", "terraform": "Terraform", "cli": "AWS CLI"}
KINDS = {
    "setting": "A setting",
    "scp": "A service control policy (SCP)",
    "rcp": "A resource control policy (RCP)",
    "declarative_policy": "A declarative policy for EC2",
}
"""What a card's parts are called."""


@cache
def entries() -> tuple[Entry, ...]:
    """Each rule as tools/catalog_index.py writes it."""
    return tuple(json.loads(INDEX.read_text("utf-8")))


def able(entry: Entry) -> str:
    """The strongest mode that does something for this rule."""
    return {True: "fix", False: "ask", None: "alert"}[entry["reversible"]]


def uses_title(entry: Entry) -> str:
    """The heading of `uses`: without a fix, nothing is taken away."""
    return "Who uses what the fix takes away" if entry["fix"] else "What to check before you act"


def requirements(entry: Entry) -> list[str]:
    """As in `PCI DSS v4.0.1 1.4.4`."""
    return [f"{standard} {each}" for standard, listed in entry["compliance"].items() for each in listed]


def techniques(entry: Entry) -> list[str]:
    """As in `T1530 Data from Cloud Storage`."""
    found = entry["technique"]
    return [] if isinstance(found, str) else [f"{each['id']} {each['name']}" for each in found]


def policy_text(policy: Any) -> str:
    """Indented JSON with each plain list on a line of its own."""
    return re.sub(
        r"\[\n\s*([^\[\]{}]*?)\n\s*\]",
        lambda found: f"[{' '.join(map(str.strip, found[1].splitlines()))}]",
        json.dumps(policy, indent=2),
    )


FILTERS: Mapping[str, Callable[[Entry, str], bool]] = {
    "globs": lambda entry, glob: fnmatchcase(entry["id"], glob),
    "services": lambda entry, service: entry["service"] == service,
    "severities": lambda entry, severity: entry["severity"] == severity,
    "controls": lambda entry, control: any(_is(each, control) for each in entry["controls"]),
    "techniques": lambda entry, technique: any(_has(each, technique) for each in techniques(entry)),
    "standards": lambda entry, text: any(_has(each, text) for each in requirements(entry)),
}
"""What each filter asks of an entry: of several values of a filter one has to fit, of several filters each."""


def select(filters: Mapping[str, Iterable[str]], *, can_fix: bool = False, can_undo: bool = False) -> list[Entry]:
    """The rules that fit, in the index's order. An empty filter fits everything."""
    wanted = {name: tuple(values) for name, values in filters.items()}
    return [
        entry
        for entry in entries()
        if all(not values or any(FILTERS[name](entry, each) for each in values) for name, values in wanted.items())
        and (entry["fix"] or not can_fix)
        and (entry["reversible"] or not can_undo)
    ]


def _is(value: str, wanted: str) -> bool:
    return fnmatchcase(value.lower(), wanted.lower())


def _has(value: str, wanted: str) -> bool:
    return wanted.lower() in value.lower()
