"""A ledger that was restored from a backup: what people decided since isn't in it, so nothing is written blindly.

docs/recover.md tells how to restore it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.types import Status
from tests.engine.bucket import engine_of, public
from tests.engine.test_permit import died, undo_died
from tests.guardrails.s3.test_bucket_acl_made_public import whole

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.support.world import World


def backup(world: World) -> list[Any]:
    return [
        item
        for page in world.client("dynamodb").get_paginator("scan").paginate(**table(world))
        for item in page["Items"]
    ]


def table(world: World) -> dict[str, str]:
    return {"TableName": world.application().table}


def restore(world: World, items: Iterable[Any]) -> None:
    client = world.client("dynamodb")
    for item in backup(world):
        client.delete_item(**table(world), Key={"pk": item["pk"]})
    for item in items:
        client.put_item(**table(world), Item=item)


@pytest.mark.parametrize("effect", [True, False])
def test_a_fix_that_was_under_way_is_not_written_again_over_what_a_person_undid(effect: bool, world: World) -> None:
    record = died(world, effect=effect)
    kept = backup(world)
    world.application("fix").maintain()
    assert world.record(record).status is Status.FIXED
    engine_of(world).undo(record, "bob")
    undone = whole(world)
    world.later(days=3)
    restore(world, kept)
    world.application("fix").maintain()
    assert whole(world) == undone, "a person's undo was overwritten"
    again = world.record(record)
    assert again.status is Status.ASKING
    assert "under way since 2026-11-23T10:00" in again.history[-1].note
    assert engine_of(world).approve(record, "carol").status is Status.FIXED


def test_a_fix_that_was_under_way_and_is_safe_by_now_is_closed(world: World) -> None:
    record = died(world, effect=True)
    kept = backup(world)
    world.later(days=3)
    restore(world, kept)
    world.application("fix").maintain()
    assert world.record(record).status is Status.FIXED


def test_an_undo_that_was_under_way_writes_nothing(world: World) -> None:
    record = undo_died(world)
    kept, before = backup(world), whole(world)
    world.later(days=3)
    restore(world, kept)
    world.application("fix").maintain()
    assert whole(world) == before
    again = world.record(record)
    assert again.status is Status.FAILED
    assert "under way since 2026-11-23T10:00" in again.error


def test_what_happens_after_the_restore_is_fixed_as_ever(world: World) -> None:
    from tests.engine.bucket import deliver

    kept = backup(world)
    assert deliver(world, public(world)).status is Status.FIXED
    restore(world, kept)
    world.client("s3").put_bucket_acl(Bucket="app-logs", ACL="public-read")
    assert deliver(world, public_again()).status is Status.FIXED


def public_again() -> Any:
    from tests.engine.bucket import public_event

    return public_event("alice")
