"""No text in what AWS answers makes a guardrail raise, or hides what is unsafe beside it. For every guardrail there is.

Deterministic; `tests/security/test_fuzz.py` does the same with events. Of a guardrail's N ways of being unsafe,
each takes another N-th of what is put beside, which `make faults` has each take all of.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.core.errors import CannotJudge
from chalicelib.core.event import Event
from chalicelib.core.rule import FixContext
from tests.support.cases import GUARDRAILS, about, case_of
from tests.support.hostile import answers_to, bent, with_siblings, without_policies

if TYPE_CHECKING:
    from chalicelib.aws.sessions import AwsSessions
    from chalicelib.core.rule import Guardrail
    from chalicelib.core.session import Session
    from tests.support.events import Envelope
    from tests.support.world import World

ALL = os.environ.get("SNAPBACK_FAULTS") == "all"
EXAMPLES = 30
"""For each guardrail, over its cases."""
LONGEST = 1.0
"""Seconds of this process's own time for one evaluation, on a slow machine: 0.2 is what it takes at most on a quiet one.

The first of a service isn't counted, in which botocore loads its model.
"""
NEAR_MISSES = 3
Make = Callable[["World"], "Envelope"]
CASES = [
    pytest.param(rule, make, number, id=f"{rule.id}-{number}")
    for rule in GUARDRAILS
    for number, make in enumerate((*case_of(rule.id).unsafe, *case_of(rule.id).near_misses[:NEAR_MISSES]))
]


def evaluate(rule: Guardrail[Any], resource: Any, envelope: Envelope, reader: Session) -> str | None:
    """As the engine does it, to the state that a fix would write. Raises CannotJudge."""
    found = rule(resource, reader)
    (found or "").encode()  # It can be stored.
    if found and rule.fix:
        event = Event.parse(json.loads(json.dumps(envelope, default=str)))
        rule.fix.safe(rule.fix.read(resource, reader), FixContext(reader.baseline, event.actor, event.time))
    return found


class Reading:
    """A resource, the event about it, and what AWS answers to a guardrail that is asked about it."""

    def __init__(self, rule: Guardrail[Any], resource: Any, envelope: Envelope, sessions: AwsSessions) -> None:
        self.rule, self.resource, self.envelope = rule, resource, envelope
        self.answers = answers_to(sessions, resource, self._evaluated)

    def found(self, changed: dict[Any, Any]) -> str | None:
        """What the guardrail finds when some answers are changed, in time."""
        began = time.process_time()
        found = self._evaluated(self.answers.reader(self.resource.region, changed))
        assert time.process_time() - began < LONGEST
        return found

    def _evaluated(self, reader: Session) -> str | None:
        return evaluate(self.rule, self.resource, self.envelope, reader)


def readings(rule: Guardrail[Any], make: Make, world: World) -> list[Reading]:
    envelope = make(world)
    sessions = world.application("fix", rule.id).sessions
    resources = about(rule, envelope, sessions.reader("123456789012", "us-east-1"))
    return [Reading(rule, resource, envelope, sessions) for resource in resources]


@pytest.mark.parametrize(("rule", "make", "number"), CASES)
def test_no_text_makes_a_guardrail_raise_or_hides_what_is_unsafe(
    rule: Guardrail[Any], make: Make, number: int, world: World
) -> None:
    found = [reading for reading in readings(rule, make, world) if reading.answers.texts]
    if not found:
        pytest.skip("AWS answers no text that anybody could choose")

    ways = len(case_of(rule.id).unsafe)
    part = slice(None) if ALL else slice(number % ways, None, ways)

    @settings(
        max_examples=EXAMPLES if ALL else max(3, EXAMPLES // ways),
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def holds(data: st.DataObject) -> None:
        reading = data.draw(st.sampled_from(found))
        with suppress(CannotJudge):
            reading.found(data.draw(bent(reading.answers)))

    holds()
    for reading in found:
        if not reading.found({}):
            continue
        for changed in [*with_siblings(reading.answers)][part]:
            assert reading.found(changed), changed
        for changed in [*without_policies(reading.answers)][part]:
            with suppress(CannotJudge):
                assert reading.found(changed), changed
