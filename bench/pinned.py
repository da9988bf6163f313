"""`python -m bench.pinned`: writes tests/calls.json, the calls of each guardrail's first cases, which tests/test_bench.py holds.

Review what changes: a row is what a compliant event and a fix cost in each account that Snapback guards.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.calls import Count, compliant, fixed
from tests.support.cases import GUARDRAILS, case_of

if TYPE_CHECKING:
    from chalicelib.core.rule import Guardrail

CALLS = Path(__file__).parents[1] / "tests" / "calls.json"


def counts(rule: Guardrail[Any]) -> tuple[Count, Count | None]:
    """Of its first near miss, and of the fix of its first unsafe case."""
    case = case_of(rule.id)
    return compliant(rule, case.near_misses[0]), fixed(rule, case.unsafe[0]) if rule.fix else None


def row(safe: Count, fix: Count | None) -> dict[str, int]:
    """`compliant` and `fixed` are calls to AWS, `reads` and `least` those of a bare handler that does the same.

    As deployed, assuming the role that may write is one call more.
    """
    found = {"compliant": safe.calls, "reads": safe.floor}
    return found | ({"fixed": fix.calls, "least": fix.floor} if fix else {})


def pinned() -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = json.loads(CALLS.read_text())
    return found


def main() -> None:
    lines = [
        f"  {json.dumps(rule.id)}: {json.dumps(row(*counts(rule)))}"
        for rule in sorted(GUARDRAILS, key=lambda each: each.id)
    ]
    CALLS.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    from bench.__main__ import _environment

    _environment()
    main()
