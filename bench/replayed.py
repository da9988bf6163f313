"""Replay: what reading and choosing cost beside the least that it could, and how many events a second are re-enacted.

The log is generated (`bench.logs`): one record in a hundred changes something. The floor is the standard library's:
each file unpacked by `gzip` and decoded by `json`. CPU is that of all processes. Memory is a sum of peaks: of the process
that sorts, and of as many reading processes as there are processors, each taken for as large as the largest. What stands
in memory for re-enacted resources is told apart: by how much the process grew after a first replay had loaded everything.
The story is a morning in which every third event is a fix.

Events a second are this machine's. So they are also told as a multiple of a bare boto3 call to plain moto, made in the
same process just before and after, and compared with what an event cost by `FIRST`, measured so.
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

import boto3
from moto import mock_aws

from bench import logs
from bench.calls import shared_models

if TYPE_CHECKING:
    from collections.abc import Callable

    from snapback.replay.replay import Replay

AIM = 1.5
"""Times the floor that reading and choosing may cost."""
AIM_MEMORY = 500
"""MB that reading and choosing may take."""
FIRST = {"replayed": 7.9, "story": 26.7}
"""Bare calls that an event cost in commit 423a02a, before replay was made faster."""
AIM_FASTER = 3
"""Times as many events for the same CPU as by then."""
_BARE = 200
"""Bare calls that are made at once."""


def measure(rounds: int, records: int) -> dict[str, Any]:
    """Each figure from a process of its own. Raises what keeps it from running."""
    with tempfile.TemporaryDirectory(prefix="snapback-bench-") as name:
        size = logs.write(Path(name), records)
        floor, read = _alone(_floor, name), _alone(_read, name)
        replayed = _alone(_replayed, name)
    ratio, story = read["cpu"] / floor["cpu"], _alone(_story, rounds)
    faster = {"replayed": FIRST["replayed"] / replayed["bare_calls"], "story": FIRST["story"] / story["bare_calls"]}
    return {
        "records": records,
        "bytes": size,
        "floor": floor,
        "read": read,
        "ratio": ratio,
        "missed": ratio > AIM or read["memory"] > AIM_MEMORY,
        "replayed": replayed,
        "story": story,
        "faster": faster,
        "slow": min(faster.values()) < AIM_FASTER,
    }


def _alone(work: Callable[[Any], Any], given: Any) -> Any:
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(work, given).result()


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _peak(who: int = resource.RUSAGE_SELF) -> float:
    """MB; of the largest process that was waited for, with RUSAGE_CHILDREN."""
    return resource.getrusage(who).ru_maxrss / 1024


def _bare() -> float:
    """CPU seconds of a bare call to plain moto."""
    with mock_aws():
        iam = boto3.client("iam")
        iam.create_user(UserName="ana")
        began = _cpu()
        for _ in range(_BARE):
            iam.get_user(UserName="ana")
        return (_cpu() - began) / _BARE


def _timed(work: Callable[[], Replay]) -> dict[str, float]:
    """What an event costs, in CPU and in bare calls."""
    before, began = _bare(), _cpu()
    done = work()
    cpu, bare = _cpu() - began, (before + _bare()) / 2
    events = done.counts["events"]
    return {"events": events, "cpu": cpu, "per_second": events / cpu, "bare_calls": cpu / events / bare}


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
    processors = os.cpu_count() or 1
    readers = processors * _peak(resource.RUSAGE_CHILDREN)
    return {"cpu": _cpu() - began, "memory": _peak() + readers, "readers": readers, "taken": choice.taken}


def _replayed(folder: str) -> dict[str, float]:
    from chalicelib.core.settings import Settings
    from snapback.replay.choose import Choice
    from snapback.replay.kept import Log
    from snapback.replay.logs import read
    from snapback.replay.replay import STORY, replay

    entries = Log(read([folder], choice=Choice(everything=False)))
    with shared_models(), patch.dict(os.environ):
        replay([STORY], settings=Settings(), mode="fix")
        loaded = _peak()
        found = _timed(lambda: replay((), settings=Settings(), entries=entries))
    return {**found, "memory": _peak(), "resources": _peak() - loaded}


def _story(rounds: int) -> dict[str, float]:
    """The first run, which reads botocore's service models, isn't counted."""
    from chalicelib.core.settings import Settings
    from snapback.replay.replay import STORY, replay

    with shared_models(), patch.dict(os.environ):
        runs = [_timed(lambda: replay([STORY], settings=Settings(), mode="fix")) for _ in range(rounds + 1)][1:]
    return {name: median(run[name] for run in runs) for name in runs[0]}
