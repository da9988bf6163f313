"""The selftest: make the examples, wait for Snapback, undo its fixes, remove all of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import catalog
from chalicelib.core.errors import SnapbackError
from chalicelib.core.partitions import global_region
from chalicelib.core.rule import Guardrail
from chalicelib.core.settings import Modes
from chalicelib.core.types import UNDER_WAY, Mode, Status, weakest
from chalicelib.engine.context import describe_error
from chalicelib.sweep.places import is_global
from snapback.selftest.examples import EXAMPLES, Example
from snapback.selftest.leftovers import FINDERS
from snapback.selftest.sandbox import KEY, VALUE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from chalicelib.core.record import Record
    from chalicelib.core.settings import Settings
    from chalicelib.wiring import Application
    from snapback.selftest.sandbox import Sandbox

TAG = f"{KEY}={VALUE}"
_BECOMES = {Mode.FIX: Status.FIXED, Mode.ASK: Status.ASKING, Mode.ALERT: Status.ALERTED}
_PAUSE = 5.0
"""Seconds between two looks at the ledger."""
_TRIES, _DELETION_PAUSE = 4, 3.0
"""How often more a thing is deleted that AWS doesn't let go yet, and the seconds between."""
_ADVICE = "see `snapback status`, `snapback dlq list`, and whether a trail records this account's management events"


@dataclass
class Proof:
    """What became of one example. `seconds` are from its event to the status, `problem` is what went wrong."""

    example: Example
    mode: Mode
    resource: str = ""
    record: str = ""
    status: str = ""
    seconds: float | None = None
    undone: bool = False
    problem: str = ""

    def to_json(self) -> dict[str, Any]:
        own = {"guardrail": self.example.guardrail, "mode": self.mode, "resource": self.resource, "record": self.record}
        return {
            **own, "status": self.status, "seconds": self.seconds, "undone": self.undone, "problem": self.problem
        }  # fmt: skip


def modes(settings: Settings, account: str, examples: Iterable[Example] = EXAMPLES) -> dict[str, Mode]:
    """What the settings let Snapback do with each example."""
    return {each.guardrail: _mode(settings, each, account) for each in examples}


def _mode(settings: Settings, example: Example, account: str) -> Mode:
    rule = _rule(example)
    return settings.allowed(rule, settings.mode_of(rule, account, {KEY: VALUE} if example.taggable else {}))


def _rule(example: Example) -> Guardrail[Any]:
    found = catalog.rule(example.guardrail)
    if not isinstance(found, Guardrail):
        raise TypeError(f"{found.id} is no guardrail")
    return found


def settings_to_prove(settings: Settings, account: str) -> dict[str, Any]:
    """What to set under `guardrails:` so that each example with a tag is fixed, and everything else is treated as now.

    An opt-in guardrail that isn't named yet only alerts: naming it must not bring the mode of the others.
    """
    found: dict[str, Any] = {}
    for example in EXAMPLES:
        rule = _rule(example)
        if not example.taggable or rule.fix is None:
            continue
        if _mode(settings, example, account) is (Mode.FIX if rule.fix.reversible else Mode.ASK):
            continue
        now = settings.guardrails.get(rule.id)
        if now is None:
            now = Modes(mode=weakest(settings.mode, Mode.ALERT)) if rule.opt_in else Modes()
        elif not isinstance(now, Modes):
            now = Modes(mode=now)
        merged = msgspec.to_builtins(msgspec.structs.replace(now, tags={**now.tags, TAG: Mode.FIX}))
        found[rule.id] = {key: value for key, value in merged.items() if value}
    return found


class Selftest:
    """One run. `on_step` hears what is being done, a line each."""

    def __init__(
        self,
        application: Application,
        sandbox: Sandbox,
        *,
        by: str,
        on_step: Callable[[str], None],
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app, self._aws, self._by, self._on_step = application, sandbox, by, on_step
        self._sleep, self._clock = sleep, clock
        self.left: list[str] = []
        """What the run could not remove, and why."""

    def run(self, wanted: dict[str, Mode], patience: float) -> list[Proof]:
        """All examples whose mode is not off. Everything is removed at the end, whatever happens."""
        proofs = [Proof(each, wanted[each.guardrail]) for each in EXAMPLES if wanted[each.guardrail] is not Mode.OFF]
        try:
            for proof in proofs:
                self._try(proof, self._make)
            self._wait(proofs, patience)
            for proof in proofs:
                if proof.status == Status.FIXED and not proof.problem:
                    self._try(proof, self._undo)
        finally:
            self.left = self.clean()
        return proofs

    def clean(self) -> list[str]:
        """Removes what this and earlier runs left; answers what could not be removed, and why."""
        problems = self._remove()
        for _ in range(_TRIES):
            if problems:
                self._sleep(_DELETION_PAUSE)
                problems = self._remove()
        return [f"{what}: {why}" for what, why in problems.items()]

    def _remove(self) -> dict[str, str]:
        problems = {}
        for finder in FINDERS:
            try:
                found = list(finder(self._aws))
            except ClientError as error:
                problems[f"listing {finder.__name__}"] = describe_error(error)
                continue
            for what, delete in found:
                try:
                    delete()
                except ClientError as error:
                    problems[what] = describe_error(error)
                else:
                    self._on_step(f"removed {what}")
        return problems

    def _try(self, proof: Proof, step: Callable[[Proof], None]) -> None:
        try:
            step(proof)
        except (ClientError, BotoCoreError, SnapbackError) as error:
            proof.problem = describe_error(error)

    def _make(self, proof: Proof) -> None:
        proof.resource = proof.example.make(self._aws)
        self._on_step(f"made {proof.resource} for {proof.example.guardrail}")
        if not proof.example.is_unsafe(self._aws, proof.resource):
            proof.problem = "AWS has not made it as asked: an organization policy or another tool may be in the way"

    def _wait(self, proofs: Iterable[Proof], patience: float) -> None:
        """Until each has a status or a problem."""
        end = self._clock() + patience
        while waiting := [proof for proof in proofs if not (proof.status or proof.problem)]:
            for proof in waiting:
                self._try(proof, self._find)
            if self._clock() > end:
                for proof in waiting:
                    if not proof.status:
                        proof.problem = proof.problem or f"no record of it after {patience / 60:.0f} minutes; {_ADVICE}"
            elif not all(proof.status or proof.problem for proof in waiting):
                self._sleep(_PAUSE)

    def _find(self, proof: Proof) -> None:
        record = self._record(proof)
        if record is None or record.status in UNDER_WAY:
            return
        proof.record, proof.status = record.id, record.status
        proof.seconds = round((datetime.fromisoformat(record.history[-1].at) - record.event_time).total_seconds(), 1)
        self._on_step(f"{proof.example.guardrail}: {record.status}")
        wanted = _BECOMES[proof.mode]
        if record.status is not wanted:
            proof.problem = f"it is {record.status}, not {wanted}; `snapback show {record.id}` says why"
        elif proof.example.is_unsafe(self._aws, proof.resource) is (record.status is Status.FIXED):
            proof.problem = f"the record says {record.status}, and AWS says otherwise"

    def _record(self, proof: Proof) -> Record | None:
        rule, aws = _rule(proof.example), self._aws
        region = global_region(aws.region, rule.service) if is_global(rule) else aws.region
        arn = rule.resource(proof.resource, aws.account, region).arn
        return self._app.ledger.last_of(f"{rule.id}#{arn}#{region}")

    def _undo(self, proof: Proof) -> None:
        undone = self._app.engine.undo(proof.record, self._by)
        self._on_step(f"{proof.example.guardrail}: {undone.status}")
        proof.undone = undone.status is Status.UNDONE and proof.example.is_unsafe(self._aws, proof.resource)
        if not proof.undone:
            proof.problem = f"after the undo, it is {undone.status}; `snapback show {proof.record}` says why"
