"""Undo under bad luck: two at once, records of an earlier version, documents that AWS doesn't take."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.errors import CannotAct, FixFailed, StepRefused
from chalicelib.core.types import Mode, Status
from tests.support.cases import GUARDRAILS, case_of
from tests.support.shared_documents import bucket, bucket_statements, put_bucket

if TYPE_CHECKING:
    from chalicelib.core.rule import Guardrail
    from tests.support.world import World

PUBLIC = "s3.bucket_policy_made_public"
GROWN = [pytest.param(rule, id=rule.id) for rule in GUARDRAILS if rule.fix and rule.fix.added]


@pytest.mark.parametrize("rule", GROWN)
def test_records_of_a_version_whose_states_held_less_are_undone(rule: Guardrail[Any], world: World) -> None:
    case = case_of(rule.id)
    envelope = case.unsafe[0](world)
    before = json.dumps(case.whole(world), sort_keys=True, default=str)
    (outcome,) = world.deliver(envelope, rule.id)
    assert rule.fix is not None
    key = {"pk": {"S": f"record#{outcome.record}"}}
    item = world.client("dynamodb").get_item(TableName="snapback-ledger", Key=key)["Item"]
    for name in ("before", "after"):
        state = json.loads(item[name]["S"])
        assert set(rule.fix.added) <= state.keys()
        item[name] = {"S": json.dumps({part: state[part] for part in state if part not in rule.fix.added})}
    world.client("dynamodb").put_item(TableName="snapback-ledger", Item=item)
    world.later(seconds=5)
    assert world.application(Mode.FIX, rule.id).engine.undo(outcome.record, "bob").status is Status.UNDONE
    assert json.dumps(case.whole(world), sort_keys=True, default=str) == before


def test_of_two_who_undo_at_once_one_does(world: World) -> None:
    (outcome,) = world.deliver(bucket(world)[PUBLIC], PUBLIC)
    world.later(seconds=5)
    first, second = (world.application(Mode.FIX) for _ in range(2))
    seen = second.ledger.get(outcome.record)
    assert seen is not None
    assert first.engine.undo(outcome.record, "bob").status is Status.UNDONE
    with pytest.raises(StepRefused, match="moved"):
        second.ledger.move(seen, Status.UNDOING, by="carol")
    with pytest.raises(CannotAct, match="it has no fix to undo"):
        second.engine.undo(outcome.record, "carol")


def test_a_document_that_aws_does_not_take_back_leaves_a_loud_record(world: World) -> None:
    (outcome,) = world.deliver(bucket(world)[PUBLIC], PUBLIC)
    world.later(seconds=5)
    after = bucket_statements(world)
    application = world.application(Mode.FIX)
    with world.denied("PutBucketPolicy"), pytest.raises(FixFailed):
        application.engine.undo(outcome.record, "bob")
    record = world.record(outcome.record)
    assert record.status is Status.FAILED
    assert "AccessDenied" in record.error
    assert record.after
    assert bucket_statements(world) == after


def test_an_undo_that_failed_exempts_nothing(world: World) -> None:
    event = bucket(world)[PUBLIC]
    opened = bucket_statements(world)
    (outcome,) = world.deliver(event, PUBLIC)
    world.later(seconds=5)
    with world.denied("PutBucketPolicy"), pytest.raises(FixFailed):
        world.application(Mode.FIX).engine.undo(outcome.record, "bob")
    put_bucket(world, opened)
    world.later(minutes=10)
    again = {**event, "id": "another", "time": "2026-11-23T10:09:00Z"}
    assert [each.status for each in world.deliver(again, PUBLIC)] == [Status.FIXED]
