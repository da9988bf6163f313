"""What AWS tells of many at once is what it tells of each alone, as far as guardrails look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.cases import GUARDRAILS, case_of
from tests.support.events import HOME, REGION
from tests.support.iam_actions import actions_of

if TYPE_CHECKING:
    from chalicelib.core.resource import Resource
    from chalicelib.core.rule import Guardrail
    from chalicelib.core.session import Session
    from tests.support.world import World
    from tests.test_every_guardrail import Make

IN_BULK = [rule for rule in GUARDRAILS if rule.resource.batch_reads]
KINDS = sorted({rule.resource.kind() for rule in IN_BULK})
CASES = [
    pytest.param(rule, make, id=f"{rule.id}-{number}")
    for rule in IN_BULK
    for number, make in enumerate((*case_of(rule.id).unsafe[:3], *case_of(rule.id).near_misses[:3]))
]


def answer(rule: Guardrail[Any], resource: Resource, reader: Session) -> object:
    try:
        return rule(resource, reader)
    except Exception as error:  # noqa: BLE001 - compared
        return repr(error)


@pytest.mark.parametrize(("rule", "make"), CASES)
def test_in_bulk_or_alone_each_guardrail_answers_the_same(rule: Guardrail[Any], make: Make, world: World) -> None:
    make(world)
    sessions = world.application("fix", rule.id).sessions
    resources = list(dict.fromkeys(rule.resource.all_in(sessions.reader(HOME, REGION))))
    alone = {each: answer(rule, each, sessions.reader(HOME, REGION)) for each in resources}
    reader = sessions.reader(HOME, REGION)
    reader.prefetch(rule.resource.batch_read(resources, reader))
    assert {each: answer(rule, each, reader) for each in resources} == alone


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_needs_what_it_declares_and_saves_calls(kind: str, world: World) -> None:
    rules = [rule for rule in IN_BULK if rule.resource.kind() == kind]
    case_of(rules[-1].id).unsafe[-1](world)
    sessions = world.application().sessions
    resources = list(dict.fromkeys(rules[0].resource.all_in(sessions.reader(HOME, REGION))))
    alone = 0
    for each in resources:
        world.calls.clear()
        reader = sessions.reader(HOME, REGION)
        for rule in rules:
            answer(rule, each, reader)
        alone += len(world.calls)
    reader = sessions.reader(HOME, REGION)
    world.calls.clear()
    reader.prefetch(rules[0].resource.batch_read(resources, reader))
    told = len(world.calls)
    assert actions_of(world.calls) <= set(rules[0].resource.batch_reads)
    assert actions_of(world.calls)
    for rule in rules:
        for each in resources:
            answer(rule, each, reader)
    assert len(world.calls) - told < alone, "nothing that the guardrails ask is answered by the batch"
