"""Events replayed a second: the bundled story through `snapback.replay.replay`, again and again, in mode fix.

The time is the replay's own: from its first event to its last, with re-enacting, fixing, proving and telling, but
without reading the file. The first run, which reads botocore's service models, isn't counted. Unlike the other
figures this one has no floor beside it, so it is only worth comparing on one machine.
"""

from __future__ import annotations

import os
from statistics import median
from typing import Any
from unittest.mock import patch

from bench.calls import shared_models


def measure(rounds: int) -> dict[str, Any]:
    """`events` in the story, the median of `seconds` a run, and `per_second`. Raises what keeps it from running."""
    from chalicelib.core.settings import Settings
    from snapback.replay.replay import STORY, replay

    if not STORY.is_file():
        raise FileNotFoundError(f"no bundled story: {STORY.name}")
    with shared_models(), patch.dict(os.environ):
        runs = [replay([STORY], settings=Settings(), mode="fix") for _ in range(rounds + 1)][1:]
    seconds = median(run.seconds for run in runs)
    events = runs[0].counts["events"]
    return {"events": events, "seconds": seconds, "per_second": events / seconds, "rounds": rounds}
