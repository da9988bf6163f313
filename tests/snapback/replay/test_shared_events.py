"""Of published CloudTrail records that a rule hears, nearly all successful, mutating calls are re-enacted.

The records stand outside the project (`../shared/events`), with their authors' licenses; without them the test is skipped.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib import catalog
from chalicelib.core.pattern import matches
from snapback.memory_aws.memory import MemoryAws
from snapback.replay.logs import as_envelope
from snapback.replay.reenact import Reenactor

if TYPE_CHECKING:
    from collections.abc import Iterator

SHARED = Path(__file__).parents[4] / "shared" / "events"
LEAST = 0.99


def heard() -> Iterator[dict[str, Any]]:
    patterns = [rule.on for rule in catalog.all_rules()]
    for path in sorted(SHARED.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            row = json.loads(line)
            envelope, _ = as_envelope(row.get("record") or row.get("event"))
            if any(matches(pattern, envelope) for pattern in patterns):
                yield envelope


@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared/events")
def test_what_rules_hear_is_re_enacted_or_its_record_lacks_something() -> None:
    worst: list[str] = []
    calls = 0
    with MemoryAws("111122223333") as memory:
        again = Reenactor(memory)
        for envelope in heard():
            done = again(envelope)
            calls += done.done is not None
            if done.done is False and not done.incomplete:
                worst.append(f"{envelope['source']} {envelope['detail']['eventName']}: {done.why}")
    assert calls > 90
    share = 1 - len(worst) / calls
    assert share >= LEAST, "\n".join([f"{share:.1%} of {calls} calls", *worst])
