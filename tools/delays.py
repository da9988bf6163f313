"""What AWS's pages say of each fix's time, from tools/delays.toml: a number, a state, or that none is documented."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

TABLE = Path(__file__).parent / "delays.toml"


@dataclass(frozen=True, slots=True)
class Delay:
    """`minutes` until which reads may tell the old state; `state` is what AWS answers while it works."""

    page: str
    says: str
    minutes: int = 0
    state: str = ""


@cache
def delays() -> Mapping[str, Delay]:
    """By the name of the fix's class. Raises ValueError where one is named twice."""
    table = tomllib.loads(TABLE.read_text())
    rows = [(name, Delay(**row)) for name, row in table["fix"].items()]
    for row in table["service"].values():
        rows += [(name, Delay(row["page"], row["says"])) for name in row["fixes"].split()]
    found = dict(rows)
    if len(found) < len(rows):
        raise ValueError(f"{TABLE}: a fix is named twice")
    return found
