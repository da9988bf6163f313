"""What differs between two states, line by line, without secrets."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from typing import Any

from chalicelib.analysis.secrets import open_and_redact, redact
from chalicelib.analysis.text import cut, plain

_MANY = 600


def changes(before: Any, after: Any, *, most: int = 12, width: int = 160) -> list[str]:
    """Lines that start with `- ` or `+ `; JSON kept in strings (policies) is compared as JSON.

    What is over `most` lines is counted in a last line, not shown. Secrets are left out by the name of their field
    and by their looks; `[left out 1]` and `[left out 2]` are two that differ.
    """
    hidden: dict[str, int] = {}
    lines = [line for line in _differences(_pretty(before, hidden), _pretty(after, hidden)) if line[2:].strip(" {}[]")]
    shown = [cut(plain(redact(line)), width) for line in lines[:most]]
    if len(lines) > most:
        shown.append(f"… and {len(lines) - most} lines more")
    return shown


def _differences(old: list[str], new: list[str]) -> list[str]:
    if len(old) + len(new) > _MANY:  # difflib may take minutes; which lines came and went is found in no time.
        gone, come = Counter(old), Counter(new)
        return [f"- {line.strip()}" for line in (gone - come).elements()] + [
            f"+ {line.strip()}" for line in (come - gone).elements()
        ]
    lines: list[str] = []
    for _, start, end, begin, stop in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if old[start:end] != new[begin:stop]:
            lines += [f"- {line.strip()}" for line in old[start:end]]
            lines += [f"+ {line.strip()}" for line in new[begin:stop]]
    return lines


def _pretty(state: Any, hidden: dict[str, int]) -> list[str]:
    opened = open_and_redact(state, hidden)
    # Commas off the ends: the line before a removed last one is not a change.
    return [
        line.rstrip(",")
        for line in json.dumps(opened, indent=1, sort_keys=True, default=str, ensure_ascii=False).split("\n")
    ]
