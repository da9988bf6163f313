"""What differs between two states, line by line, without secrets."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from chalicelib.analysis.secrets import open_and_redact, redact
from chalicelib.analysis.text import cut, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

_MANY = 600
_FOLDED = 100
"""Characters of an element of a list, such as a rule, that stays on one line."""


def changes(before: Any, after: Any, *, most: int = 12, width: int = 160) -> list[str]:
    """Lines of indented JSON that start with `- ` or `+ `; JSON kept in strings (policies) is compared as JSON.

    What is over `most` lines is counted in a last line, not shown. Secrets are left out by the name of their field
    and by their looks; `[left out 1]` and `[left out 2]` are two that differ.
    """
    hidden: dict[str, int] = {}
    lines = _differences(_pretty(before, hidden), _pretty(after, hidden))
    indent = min((len(line) - len(line[2:].lstrip()) - 2 for line in lines), default=0)
    shown = [cut(plain(redact(line[:2] + line[2 + indent :])), width) for line in lines[:most]]
    if len(lines) > most:
        shown.append(f"… and {len(lines) - most} more lines")
    return shown


def _differences(old: list[str], new: list[str]) -> list[str]:
    if len(old) + len(new) > _MANY:  # difflib may take minutes; counting lines is fast.
        gone, come = Counter(old), Counter(new)
        lines = [
            *(f"- {line}" for line in (gone - come).elements()),
            *(f"+ {line}" for line in (come - gone).elements()),
        ]
        return [line for line in lines if line[2:].strip(" {}[]")]
    lines = []
    for _, start, end, begin, stop in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if old[start:end] != new[begin:stop]:
            lines += [f"- {line}" for line in old[start:end]]
            lines += [f"+ {line}" for line in new[begin:stop]]
    return lines


def _pretty(state: Any, hidden: dict[str, int]) -> list[str]:
    """Indented JSON, without the state's own brackets, and without commas at the ends of lines.

    With them, the line before a removed last one would be a change.
    """
    opened = open_and_redact(state, hidden)
    if isinstance(opened, dict):
        return [line for key in sorted(opened) for line in _lines(opened[key], 0, f"{_text(key)}: ")]
    return list(_lines(opened, 0))


def _lines(value: Any, indent: int, name: str = "", *, element: bool = False) -> Iterator[str]:
    begin = " " * indent + name
    if not value or not isinstance(value, dict | list) or (element and _fits(value)):
        yield begin + _text(value)
        return
    yield begin + ("{" if isinstance(value, dict) else "[")
    if isinstance(value, dict):
        for key in sorted(value):
            yield from _lines(value[key], indent + 2, f"{_text(key)}: ")
    else:
        for each in value:
            yield from _lines(each, indent + 2, element=True)
    yield " " * indent + ("}" if isinstance(value, dict) else "]")


def _fits(value: dict[str, Any] | list[Any]) -> bool:
    """Whether an element of a list is short enough for one line, and holds no objects that deserve lines of their own."""
    return isinstance(value, dict) and "[{" not in (text := _text(value)) and len(text) <= _FOLDED


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str, ensure_ascii=False)
