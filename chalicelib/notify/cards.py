"""What messages say of a rule besides the finding, from its card. `make generate` writes cards.json beside this file."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = Path(__file__).with_name("cards.json")
_SNIPPETS = {
    "Terraform": ("terraform", "Terraform"),
    "OpenTofu": ("terraform", "OpenTofu"),
    "CloudFormation": ("cloudformation", "CloudFormation"),
    "AWS CDK": ("cloudformation", "CloudFormation"),
}
"""Which snippet is for whom, and what it is called; everybody else gets the AWS CLI's."""
NONE = "none, because "


@dataclass(frozen=True, slots=True)
class Card:
    """`why` it matters, what to `check`, line by line, and the right way for each tool. Empty for a rule without a card."""

    why: str = ""
    check: tuple[str, ...] = ()
    right_way: Mapping[str, str] = field(default_factory=dict)

    def right_way_with(self, tool: str) -> tuple[str, tuple[str, ...]]:
        """What the tool is called, and the lines of its snippet; nothing where the card has none."""
        key, name = _SNIPPETS.get(tool, ("cli", "AWS CLI"))
        snippet = self.right_way.get(key, NONE)
        return (name, ()) if snippet.startswith(NONE) else (name, tuple(snippet.rstrip().split("\n")))


@cache
def _all() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_bytes())
    return found


def card(guardrail: str) -> Card:
    found = _all().get(guardrail, {})
    return Card(found.get("why", ""), tuple(found.get("check", ())), found.get("right_way", {}))
