"""Before → after as a few lines that a person can read, with what looks like a secret left out."""

from __future__ import annotations

import difflib
import json
import re
from typing import Any

_SECRET_KEY = re.compile(r'("[^"]*(?:secret|passw|token|credential|private|apikey|api_key)[^"]*": )"(?:[^"\\]|\\.)*"', re.IGNORECASE)
_SECRET_TEXT = re.compile(
    r"-----BEGIN [^-]+-----.*"
    r"|(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40,}={0,2}(?![A-Za-z0-9/+=])"
    r"|\b(?:xox[abpr]-|gh[pousr]_|eyJ[A-Za-z0-9_-]+\.)[A-Za-z0-9_.-]+"
)


def redact(line: str) -> str:
    """Leaves out what looks like a secret; ids of access keys stay, since they name the thing and open nothing."""
    return _SECRET_TEXT.sub("[left out]", _SECRET_KEY.sub(r'\1"[left out]"', line))


def changes(before: Any, after: Any, *, most: int = 12, width: int = 160) -> list[str]:
    """Lines that start with `- ` or `+ `; JSON kept in strings (policies) is compared as JSON.

    What is over `most` lines is counted in a last line, not shown.
    """
    lines = [
        f"{line[0]} {redact(line[1:]).strip().rstrip(',')}"
        for line in difflib.unified_diff(_pretty(before), _pretty(after), n=0, lineterm="")
        if line[0] in "+-" and not line.startswith(("+++", "---")) and line[1:].strip(" {}[],")
    ]
    shown = [line if len(line) <= width else line[: width - 1] + "…" for line in lines[:most]]
    return shown + [f"… and {len(lines) - most} lines more"] * (len(lines) > most)


def _pretty(state: Any) -> list[str]:
    return json.dumps(_opened(state), indent=1, sort_keys=True, default=str, ensure_ascii=False).splitlines()


def _opened(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in "{[":
        try:
            return _opened(json.loads(value))
        except ValueError:
            return value
    if isinstance(value, dict):
        return {key: _opened(inner) for key, inner in value.items()}
    return [_opened(inner) for inner in value] if isinstance(value, list | tuple) else value
