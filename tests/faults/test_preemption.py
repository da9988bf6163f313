"""Fixes of one document on moto, two deliveries at once: each gives way to the other once, at any of its calls."""

from __future__ import annotations

import json
import os
from itertools import combinations
from typing import TYPE_CHECKING, Any

import pytest
from moto import mock_aws

from chalicelib import catalog
from chalicelib.core.errors import Unfinished
from chalicelib.core.types import Mode, Status
from tests.delivery.turns import Plan, Turns
from tests.engine.test_shared_documents import deliver, no_record_lies
from tests.support.cases import about
from tests.support.events import HOME, REGION
from tests.support.shared_documents import DOCUMENTS, Document, rules_of
from tests.support.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

ALL = os.environ.get("SNAPBACK_FAULTS") == "all"
LOUD = {Status.FAILED, Status.STILL_UNSAFE, Status.ASKING, Status.FIGHTING, Status.ALERTED}


def pairs() -> Iterator[Any]:
    """All of `make faults`; the first of each document in `make test`. Whole documents are test_interleavings'."""
    for number, document in enumerate(DOCUMENTS):
        found = list(combinations(rules_of(document), 2))
        for pair in found if ALL else found[:1]:
            yield pytest.param(document, pair, id=f"{number}-{'-'.join(pair)}")


def plans(run: Any) -> None:
    """Undisturbed, and then with one preemption at each call; in `make test` at every fifth."""
    first = Plan()
    run(first)
    children = list(first.children(1))
    for plan in children if ALL else children[::5]:
        run(plan)


@pytest.mark.parametrize(("document", "pair"), [*pairs()])
def test_one_gives_way_to_the_other(document: Document, pair: tuple[str, str], world: World) -> None:
    def run(plan: Plan) -> None:
        with mock_aws() as account:
            account.reset()
            fresh, turns = World(world.aws), Turns(plan.choose)
            envelopes = document.make(fresh)
            fresh.application(Mode.FIX)
            counted = fresh._count_call

            def stepping(**given: Any) -> None:
                turns.step()
                counted(**given)

            fresh._count_call = stepping  # type: ignore[assignment,method-assign]
            results = turns.run([lambda rule=rule: once(fresh, rule, envelopes[rule]) for rule in pair])  # type: ignore[misc]
            assert not [each for each in results if isinstance(each, BaseException)], (results, turns.steps)
            fresh._count_call = counted  # type: ignore[method-assign]
            for rule in pair:
                fresh.later(minutes=3)
                deliver(fresh, rule, envelopes[rule])
            no_record_lies(fresh)
            for rule in pair:
                assert not finds(fresh, rule, envelopes[rule]) or {each.status for each in fresh.records()} & LOUD

    plans(run)


def once(world: World, rule: str, envelope: Any) -> None:
    try:
        world.deliver(json.loads(json.dumps(envelope, default=str)), rule.partition("#")[0])
    except Unfinished:  # Lambda delivers it again.
        return


def finds(world: World, rule: str, envelope: Any) -> bool:
    guardrail: Any = catalog.rule(rule.partition("#")[0])
    sessions = world.application(Mode.FIX).sessions
    told = json.loads(json.dumps(envelope, default=str))
    return any(
        guardrail(each, sessions.reader(each.account, each.region)) is not None
        for each in about(guardrail, told, sessions.reader(HOME, REGION))
    )
