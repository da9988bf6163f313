"""Two fixes of one policy, and a third hand's edit: it stays, and what an undo would write is shown first."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib import catalog
from chalicelib.core.errors import Drifted
from chalicelib.core.event import Event
from chalicelib.core.types import Mode, Status
from tests.support import shared_documents as documents
from tests.support.shared_documents import normal

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.core.record import Record
    from tests.support.events import Envelope
    from tests.support.world import World

TLS, PUBLIC = "s3.bucket_allows_plain_http", "s3.bucket_policy_made_public"


@pytest.fixture(autouse=True)
def _nobody_knows_who(monkeypatch: pytest.MonkeyPatch) -> None:
    """moto has no LookupEvents."""
    monkeypatch.setattr("chalicelib.aws.change_author.who_changed", lambda *_: None)


@dataclass(frozen=True)
class Policy:
    """How it is made, read and put, and an unrelated statement of a third hand."""

    make: Callable[[World], dict[str, Envelope]]
    get: Callable[[World], Any]
    put: Callable[[World, Any], None]
    third: dict[str, Any]


POLICY = Policy(documents.bucket, documents.bucket_statements, documents.put_bucket, documents.THIRD_BUCKET)
TRUST = Policy(documents.role, documents.role_statements, documents.put_role, documents.THIRD_ROLE)
ORDERS = [
    (document, fixed, undone)
    for document, rules in (
        (POLICY, (TLS, PUBLIC, "s3.bucket_policy_trusts_unknown_account")),
        (TRUST, ("iam.role_trusts_unknown_account", "iam.role_trusts_any_web_identity")),
    )
    for fixed in permutations(rules, 2)
    for undone in permutations(fixed)
]


def fix(world: World, document: Policy, rules: tuple[str, ...], events: dict[str, Envelope]) -> dict[str, Record]:
    for rule in rules:
        application = world.application(Mode.FIX, rule)
        outcomes = application.engine.handle(Event.parse(events[rule]), [catalog.rule(rule)])
        assert [each.status for each in outcomes] == [Status.FIXED], rule
        world.later(seconds=5)
    return {record.guardrail: record for record in world.records()}


def is_unsafe(world: World, record: Record) -> bool:
    application = world.application(Mode.FIX)
    reader = application.sessions.reader(record.account, record.region)
    rule: Any = catalog.rule(record.guardrail)
    return rule(record.pointer(), reader) is not None


def no_record_lies(world: World) -> None:
    for record in world.records():
        assert record.status is not Status.FIXED or not is_unsafe(world, record), record.guardrail


@pytest.mark.parametrize(("document", "fixed", "undone"), ORDERS)
def test_a_third_hands_edit_stays_and_is_shown_before_it_is_merged(
    document: Policy, fixed: tuple[str, ...], undone: tuple[str, ...], world: World
) -> None:
    events = document.make(world)
    before = document.get(world)
    records = fix(world, document, fixed, events)
    document.put(world, [*document.get(world), document.third])
    for rule in undone:
        if rule == undone[0]:
            with pytest.raises(Drifted, match="keep that change"):
                world.application(Mode.FIX).engine.undo(records[rule].id, "bob")
        world.application(Mode.FIX).engine.undo(records[rule].id, "bob", force=True)
        no_record_lies(world)
        world.later(seconds=5)
    assert normal(document.get(world)) == normal([*before, document.third])


def test_where_an_edit_is_not_found_any_more_nothing_is_done_without_a_person(world: World) -> None:
    document = POLICY
    events = document.make(world)
    records = fix(world, document, (PUBLIC, TLS), events)
    document.put(world, [each for each in document.get(world) if each["Effect"] == "Allow"])
    before = document.get(world)
    with pytest.raises(Drifted, match="would overwrite that"):
        world.application(Mode.FIX).engine.undo(records[TLS].id, "bob")
    assert document.get(world) == before
    assert world.record(records[TLS].id).status is Status.FIXED
