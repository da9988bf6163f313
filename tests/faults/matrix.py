"""Every call of every scenario of every guardrail, with every fault that it can meet."""

from __future__ import annotations

import gc
import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Any

import boto3
from moto import mock_aws

from chalicelib.core.types import Status
from snapback.memory_aws import gaps
from tests.faults.trial import SCENARIOS, Trial
from tests.faults.wire import AFTER, BEFORE, CONFLICTS, ERRORS, OTHERS, POISONED, STALE, UNSEEN, Call, Fault, Wire
from tests.support.cases import GUARDRAILS, case_of
from tests.support.events import REGION
from tests.support.moto_gaps import event_history
from tests.support.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.core.rule import Guardrail

ALL = os.environ.get("SNAPBACK_FAULTS") == "all"
"""Without it, so many cases of each guardrail and scenario are picked, the same ones each time."""
CASES = 500
"""How many are picked, of all guardrails and scenarios together."""


@dataclass
class Tally:
    """How the cases of one guardrail and scenario ended. `lost` names each that broke a promise, and how."""

    cases: int = 0
    lost: list[str] = field(default_factory=list)


def run(rule: Guardrail[Any], scenario: str) -> Tally:
    tally = Tally()
    with _aws() as (wire, worlds):
        cases = [
            (number, trial, fault) for number, trial in _ways(rule, scenario, wire, worlds) for fault in _faults(trial)
        ]
        sample = max(CASES // (len(GUARDRAILS) * len(SCENARIOS)), 3)
        if not ALL and len(cases) > sample:
            cases = Random(f"{rule.id} {scenario}").sample(cases, sample)  # noqa: S311 - the same ones each time
        for number, clean, fault in cases:
            tally.cases += 1
            trial = Trial(rule, clean.case, clean.make, scenario, wire, next(worlds), clean.ends, fault, clean.before)
            try:
                trial.run()
            except Exception as error:  # noqa: BLE001 - told with the others
                why = f"{type(error).__name__}: {error}"[:400]
                tally.lost.append(f"{rule.id}, way {number}, {scenario}: {fault}: {why}")
    return tally


def _ways(rule: Guardrail[Any], scenario: str, wire: Wire, worlds: Iterator[World]) -> Iterator[tuple[int, Trial]]:
    """A clean run for each way of being unsafe that makes for other calls than those before it."""
    case, seen = case_of(rule.id), set()
    ways = list(enumerate(case.unsafe))
    if not ALL:  # The two ways are others for each scenario.
        ways = Random(f"{rule.id} {scenario} way").sample(ways, min(len(ways), 2))  # noqa: S311 - the same each time
    for number, make in ways:
        trial = Trial(rule, case, make, scenario, wire, next(worlds))
        trial.try_out()
        if scenario != "fix" and trial.ends is not Status.FIXED:
            continue  # What is only told has nothing to approve or undo.
        trial.world = next(worlds)
        trial.run()
        calls = tuple(call.name for call in trial.calls)
        if calls not in seen:
            seen.add(calls)
            yield number, trial
            if not ALL:
                return


def _faults(clean: Trial) -> Iterator[Fault]:
    written = False
    for at, call in enumerate(clean.calls):
        for kind in _kinds(clean, call, written=written):
            yield Fault(kind, at, call)
            if kind in {*ERRORS, *BEFORE, *AFTER, *CONFLICTS}:
                yield Fault(kind, at, call, lasting=True)
        written = written or not call.harmless


def _kinds(clean: Trial, call: Call, *, written: bool) -> Iterator[str]:
    yield from (*ERRORS, *BEFORE)
    if not call.reads:
        yield from AFTER
    if call.operation == "TransactWriteItems":
        yield from CONFLICTS
    if call.outdated:
        yield from STALE
    if clean.scenario == "fix" and clean.is_late and call is clean.calls[0]:
        yield UNSEEN
    if clean.scenario == "notify":
        yield from (POISONED,) if call is clean.calls[0] else ()
        return
    able = {"removed": clean.case.remove, "disturbed": clean.case.disturb, "remade": written}
    yield from (kind for kind in OTHERS if able[kind])


@contextmanager
def _aws() -> Iterator[tuple[Wire, Iterator[World]]]:
    """The wire, and fresh accounts without end."""
    wire, person, clients = Wire(), boto3.Session(region_name=REGION), dict[str, Any]()
    gc.disable()  # Collecting takes as long as the cases do.
    try:
        with mock_aws() as account, gaps.closed(), event_history(), wire.installed():

            def worlds() -> Iterator[World]:
                for number in count(1):
                    if not number % 500:
                        gc.collect()
                    account.reset()
                    yield World(person, clients=clients)

            yield wire, worlds()
    finally:
        gc.enable()
