"""No shape of an event, and no text in it, crashes the reading of it: it is an event, or not believed.

Deterministic, so that CI finds what a laptop finds; the examples are shared out, so that more guardrails cost no more.
"""

from __future__ import annotations

import json
from contextlib import suppress
from functools import cache
from importlib import import_module
from inspect import isabstract
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from moto import mock_aws

import chalicelib.resources
from chalicelib import catalog
from chalicelib.core.errors import EventRejected
from chalicelib.core.event import Event
from chalicelib.core.pattern import matches
from chalicelib.core.resource import Account, Resource
from chalicelib.core.rule import Guardrail, Rule, Tripwire
from snapback.memory_aws import gaps
from snapback.replay.logs import as_envelope
from tests.security.mutation import HOSTILE, bent, example_of, places, replaced
from tests.support.cases import GUARDRAILS, case_of
from tests.support.events import HOME, REGION
from tests.support.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chalicelib.wiring import Application

SHARED = Path(__file__).parents[2] / ".." / "shared" / "events"
EXAMPLES = 200
"""Events that go through a guardrail's whole function, over all guardrails."""
DEEP = 6
"""Keys on the way to a field that is replaced in turn: `detail.requestParameters.ipPermissions.items.0` has five."""
KINDS = [
    found
    for module in iter_modules(chalicelib.resources.__path__)
    for found in vars(import_module(f"chalicelib.resources.{module.name}")).values()
    if isinstance(found, type) and issubclass(found, Resource) and found is not Resource and not isabstract(found)
]
RULES = catalog.all_rules()
TRIPWIRES = [rule for rule in RULES if isinstance(rule, Tripwire)]


def of(examples: int) -> settings:
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
    return settings(max_examples=examples, derandomize=True, database=None, suppress_health_check=slow)


@cache
def seeds() -> dict[Rule, Any]:
    """An event of each guardrail's first case, and of each tripwire."""
    found: dict[Rule, Any] = {rule: example_of(rule.on) for rule in TRIPWIRES}
    for rule in GUARDRAILS:
        with mock_aws(), gaps.closed():
            made = case_of(rule.id).unsafe[0](World(boto3.Session(region_name=REGION)))
        found[rule] = json.loads(json.dumps(made, default=str))
    return found


@cache
def genuine() -> tuple[Any, ...]:
    """Other people's events, where they are there."""
    lines = [json.loads(line) for name in ("cloudtrail", "native") for line in open_lines(SHARED / f"{name}.jsonl")]
    return tuple(as_envelope(line.get("record", line))[0] for line in lines)


def open_lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.is_file() else []


def with_each_field(event: Any, text: str) -> Iterator[Any]:
    """The event with one field after the other replaced by a text: all those but in lists of lists."""
    for path in places(event):
        if path != ("detail",) and len(path) < DEEP:
            yield replaced(event, path, text)


def read(envelope: Any, rules: Sequence[Rule] = RULES, kinds: Sequence[type[Resource]] = (*KINDS, Account)) -> None:
    """All that is done with an event before AWS is asked."""
    for rule in rules:
        matches(rule.on, envelope)
    with suppress(EventRejected):
        event = Event.parse(envelope)
        assert event.actor.name
        for kind in kinds:
            for resource in kind.in_event(event):
                assert resource.account == event.account
                assert resource.arn.startswith("arn:")
                assert f"{resource.id}{resource.region}".isprintable(), resource
                assert f"{resource.id}{resource.region}".isascii(), resource


def naming(rule: Guardrail[Any], envelope: Any) -> list[Any]:
    """The fields that say which resource it is."""

    def found(event: Any) -> Any:
        with suppress(EventRejected):
            return set(rule.resource.in_event(Event.parse(event)))

    whole = found(envelope)
    return [path for path in places(envelope) if found(replaced(envelope, path, "other-name")) != whole]


def guard(application: Application, rule: Rule, envelope: Any) -> None:
    application.guard(rule.service, envelope)
    application.metrics.clear_metrics()  # They pile up when nothing takes them, and the 100th warns.


def test_no_shape_of_an_event_crashes_the_reading() -> None:
    @of(400)
    @given(bent([*seeds().values()]))
    def holds(envelope: Any) -> None:
        read(envelope)

    holds()


def test_no_shape_of_a_genuine_event_crashes_the_reading() -> None:
    if not genuine():
        pytest.skip("../shared/events is not here")
    for envelope in genuine():
        read(envelope)

    @of(300)
    @given(bent(genuine()))
    def holds(envelope: Any) -> None:
        read(envelope)

    holds()


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_in_place_of_every_name_crashes_the_reading(text: str) -> None:
    """Each field by itself, without chance."""
    for rule, seed in seeds().items():
        kinds = [rule.resource] if isinstance(rule, Guardrail) else []
        for envelope in with_each_field(seed, text):
            read(envelope, [rule], kinds)


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.id) for rule in GUARDRAILS])
def test_no_shape_of_an_event_crashes_a_guardrails_function(rule: Any, world: World) -> None:
    """With AWS behind it: what AWS can't have is no resource, and what isn't there is gone."""
    envelope = json.loads(json.dumps(case_of(rule.id).unsafe[0](world), default=str))
    application = world.application("alert", rule.id)
    for path in naming(rule, envelope):
        for text in HOSTILE:
            guard(application, rule, replaced(envelope, path, text))

    @of(max(5, EXAMPLES // len(GUARDRAILS)))
    @given(bent([envelope], most=2))
    def holds(changed: Any) -> None:
        guard(application, rule, changed)

    holds()


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.id) for rule in TRIPWIRES])
def test_no_shape_of_an_event_crashes_a_tripwires_function(rule: Any, world: World) -> None:
    application = world.application("alert", rule.id)

    @of(25)
    @given(bent([example_of(rule.on)], most=2))
    def holds(changed: Any) -> None:
        guard(application, rule, changed)

    holds()


def test_the_tripwires_examples_are_let_through_unbent() -> None:
    """Else the fuzz above would prove nothing."""
    for rule in TRIPWIRES:
        assert matches(rule.on, example_of(rule.on)), rule.id
        assert Event.parse(example_of(rule.on)).account == HOME
