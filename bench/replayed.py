"""Replay: what reading and choosing cost beside the least that it could, and how many events a second are re-enacted.

The log is generated (`bench.logs`): one record in a hundred changes something. The floor is the standard library's:
each file unpacked by `gzip` and decoded by `json`. CPU is that of all processes; memory is the peak of the reading
process, and of the same process after all chosen events were re-enacted: what is in memory then is mostly resources.
The story is a morning in which every third event is a fix. Events a second have no floor: compare them on one machine.
"""

from __future__ import annotations

import gzip
import json
import os
import resource
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from bench import logs
from bench.calls import shared_models

if TYPE_CHECKING:
    from collections.abc import Callable

AIM = 1.5
"""Times the floor that reading and choosing may cost."""
AIM_MEMORY = 500
"""MB that reading and choosing may take."""


def measure(rounds: int, records: int) -> dict[str, Any]:
    """Each figure from a process of its own. Raises what keeps it from running."""
    with tempfile.TemporaryDirectory(prefix="snapback-bench-") as name:
        size = logs.write(Path(name), records)
        floor, read = _alone(_floor, name), _alone(_read, name)
        replayed = _alone(_replayed, name)
    ratio = read["cpu"] / floor["cpu"]
    return {
        "records": records,
        "bytes": size,
        "floor": floor,
        "read": read,
        "ratio": ratio,
        "missed": ratio > AIM or read["memory"] > AIM_MEMORY,
        "replayed": replayed,
        "story": _alone(_story, rounds),
    }


def _alone(work: Callable[[Any], Any], given: Any) -> Any:
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(work, given).result()


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _floor(folder: str) -> dict[str, float]:
    began = _cpu()
    for path in Path(folder).iterdir():
        json.loads(gzip.decompress(path.read_bytes()))
    return {"cpu": _cpu() - began}


def _read(folder: str) -> dict[str, float]:
    from snapback.replay.choose import Choice
    from snapback.replay.logs import read

    choice, began = Choice(everything=False), _cpu()
    for _ in read([folder], choice=choice):
        pass
    return {"cpu": _cpu() - began, "memory": _memory(), "taken": choice.taken}


def _replayed(folder: str) -> dict[str, float]:
    from chalicelib.core.settings import Settings
    from snapback.replay.choose import Choice
    from snapback.replay.kept import Log
    from snapback.replay.logs import read
    from snapback.replay.replay import replay

    entries = Log(read([folder], choice=Choice(everything=False)))
    with shared_models(), patch.dict(os.environ):
        began = _cpu()
        done = replay((), settings=Settings(), entries=entries)
    cpu = _cpu() - began
    events = done.counts["events"]
    return {"events": events, "cpu": cpu, "per_second": events / cpu, "memory": _memory()}


def _story(rounds: int) -> dict[str, float]:
    """The first run, which reads botocore's service models, isn't counted."""
    from chalicelib.core.settings import Settings
    from snapback.replay.replay import STORY, replay

    seconds = []
    with shared_models(), patch.dict(os.environ):
        for _ in range(rounds + 1):
            began = _cpu()
            done = replay([STORY], settings=Settings(), mode="fix")
            seconds.append(_cpu() - began)
    events, cpu = done.counts["events"], median(seconds[1:])
    return {"events": events, "cpu": cpu, "per_second": events / cpu}
