"""Which requirements of other standards AWS lists for a control, from tools/compliance.toml."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TABLE = Path(__file__).parent / "compliance.toml"


@cache
def table() -> Mapping[str, Any]:
    return tomllib.loads(TABLE.read_text())


def requirements(controls: Iterable[str]) -> dict[str, list[str]]:
    """By the standard, each requirement once: those of all these controls."""
    found: dict[str, dict[str, None]] = {}
    for control in controls:
        for standard, listed in table()["controls"].get(control, {}).items():
            found.setdefault(standard, {}).update(dict.fromkeys(listed.split()))
    return {standard: [*listed] for standard, listed in sorted(found.items())}
