"""Fixes of one document, each pair of them: fixed and undone in every order, with a third hand in between."""

from __future__ import annotations

import json
from collections import defaultdict
from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib import catalog
from chalicelib.core.errors import CannotAct, Drifted, Unfinished
from chalicelib.core.types import Mode, Status
from tests.support.cases import GUARDRAILS
from tests.support.shared_documents import DOCUMENTS, Document, rules_of

if TYPE_CHECKING:
    from chalicelib.core.record import Record
    from tests.support.events import Envelope
    from tests.support.world import World

ALONE = {
    "dynamodb.own_ledger_weakened",
    "iam.console_password_unused",
    "iam.login_profile_without_mfa",
    "iam.mfa_removed",
    "iam.sessions_stolen",
    "kms.key_disabled",
    "kms.key_to_be_deleted",
}
"""What no other fix writes, or no other guardrail finds at the same time: an identity's passwords that are deleted for good,
and inline policies of a name of ours; the ledger, which a guardrail of its own has; a key's state, which is one of them."""


def pairs() -> list[Any]:
    return [
        pytest.param(document, pair, id=f"{number}-{'-'.join(pair)}")
        for number, document in enumerate(DOCUMENTS)
        for pair in permutations(rules_of(document), 2)
    ]


def deliver(world: World, rule: str, envelope: Envelope) -> None:
    """One delivery, as Lambda retries it; what asks is approved."""
    name = rule.partition("#")[0]
    told = json.loads(json.dumps(envelope, default=str))
    for _ in range(8):
        try:
            outcomes = world.deliver(told, name)
        except Unfinished:
            world.later(minutes=5)
            world.application(Mode.FIX, name).maintain()
            continue
        for outcome in outcomes:
            if outcome.status is Status.ASKING:
                world.application(Mode.FIX, name).engine.approve(outcome.record, "carol")
        if not any(record.status.traits.under_way for record in world.records()):
            return
        world.later(minutes=5)
        world.application(Mode.FIX, name).maintain()
    raise AssertionError(f"{rule} never ends: {[(each.guardrail, each.status) for each in world.records()]}")


def unsafe(world: World, record: Record) -> str | None:
    reader = world.application(Mode.FIX).sessions.reader(record.account, record.region)
    rule: Any = catalog.rule(record.guardrail)
    found: str | None = rule(record.pointer(), reader)
    return found


def no_record_lies(world: World) -> None:
    for record in world.records():
        if record.status is Status.FIXED:
            assert unsafe(world, record) is None, record.guardrail


def undo(world: World, record: Record, *, force: bool) -> bool:
    """Whether it is undone, as a person agrees to it; if not, another record of ours is named that has to be undone first."""
    engine = world.application(Mode.FIX).engine
    try:
        engine.undo(record.id, "bob", force=force)
    except Drifted as drifted:
        if not drifted.offer:
            raise
        engine.undo(record.id, "bob", offered=drifted.offer)
    except CannotAct as why:
        if "undo that record first" not in str(why):
            raise
        return False
    return True


@pytest.fixture(autouse=True)
def _nobody_knows_who(monkeypatch: pytest.MonkeyPatch) -> None:
    """moto has no LookupEvents."""
    monkeypatch.setattr("chalicelib.aws.change_author.who_changed", lambda *_: None)


@pytest.mark.parametrize(("backwards", "third"), [(False, False), (True, False), (True, True)])
@pytest.mark.parametrize(("document", "pair"), pairs())
def test_two_fixes_of_a_document(
    document: Document, pair: tuple[str, str], backwards: bool, third: bool, world: World
) -> None:
    envelopes = document.make(world)
    before = document.whole(world)
    for rule in pair:
        deliver(world, rule, envelopes[rule])
        world.later(seconds=5)
        no_record_lies(world)
    fixed = [each for each in world.records() if each.status is Status.FIXED]
    assert fixed
    assert not [each for each in world.records() if each.status in {Status.FAILED, Status.STILL_UNSAFE}]
    kept = {each.id: (each.before, each.after) for each in fixed}
    if third:
        document.third(world)
    left = sorted((each for each in fixed if each.reversible), key=lambda each: each.life[-1].at, reverse=backwards)
    for _ in fixed:
        for record in left[:]:
            if undo(world, record, force=third):
                left.remove(record)
                no_record_lies(world)
                world.later(seconds=5)
    assert not left
    for name, states in kept.items():
        record = world.record(name)
        assert (record.before, record.after) == states
    if not third and all(each.reversible for each in fixed):
        assert document.whole(world) == before


def test_every_shared_document_has_a_row() -> None:
    shared: dict[str, set[str]] = defaultdict(set)
    for rule in GUARDRAILS:
        if rule.fix and rule.fix.document != "tags":
            shared[rule.fix.document].add(rule.id)
    rows: dict[str, set[str]] = defaultdict(set)
    for document in DOCUMENTS:
        rows[document.name] |= {each.partition("#")[0] for each in rules_of(document)}
    for name, rules in shared.items():
        if len(rules) > 1:
            assert rules - ALONE == rows.get(name, set()), name
