"""IAM's decisions by @cloud-copilot/iam-simulate, which knows more of IAM than ministack's evaluator (tests/support/evaluator.py), and is slower.

It is AGPL-3.0: it runs as a process of its own, in tests only, and is part of nothing that Snapback ships.
tests/security/test_iam_simulate.py pins what it gets wrong.
"""

from __future__ import annotations

import atexit
import json
from functools import cache
from pathlib import Path
from subprocess import PIPE, Popen
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.support.evaluator import Request

_ROOT = Path(__file__).parents[2]
_PLACE = _ROOT / ".iam-simulate"
needs_iam_simulate = pytest.mark.skipif(
    not (_PLACE / ".ready").exists(),
    reason="iam-simulate isn't set up: `make .iam-simulate/.ready` needs npm and node 20",
)


class CannotDecide(Exception):
    """What it says of a policy or a request that it can't read."""


def decide_all(
    requests: Iterable[Request],
    identity: Iterable[str],
    boundary: str | None = None,
    resource: str | None = None,
    *,
    owner: str = "",
) -> list[str]:
    """As `evaluator.decide`, of each request. A request whose principal is empty is anonymous."""
    question = {
        "requests": [
            {
                "principal": each.principal,
                "action": each.action,
                "arn": each.arn,
                "account": owner or each.account,
                "context": {key: _text(value) for key, value in each.context.items()},
            }
            for each in requests
        ],
        "identity": [json.loads(each) for each in identity],
        "boundary": json.loads(boundary) if boundary else None,
        "resource": json.loads(resource) if resource else None,
    }
    process = _process()
    assert process.stdin
    assert process.stdout
    process.stdin.write(json.dumps(question) + "\n")
    process.stdin.flush()
    found: list[str] | dict[str, str] = json.loads(process.stdout.readline())
    if isinstance(found, dict):
        raise CannotDecide(found["error"])
    return found


def _text(value: Any) -> str | list[str]:
    if isinstance(value, list):
        return list(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


@cache
def _process() -> Popen[str]:
    """One for all questions of this interpreter: it takes a quarter of a second to start."""
    command = ["node", str(_ROOT / "tests" / "iam_simulate" / "driver.js")]
    process = Popen(command, cwd=_PLACE, stdin=PIPE, stdout=PIPE, text=True)
    atexit.register(process.communicate)
    return process
