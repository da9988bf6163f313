"""Reads that tell the old state for minutes after a write: the record stays under way, and nothing is done twice."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

from chalicelib.core.types import Status
from chalicelib.fixes.ec2.block_public_sharing import BlockPublicImages
from chalicelib.fixes.s3.close_bucket_acl import CloseBucketAcl
from tests.engine.bucket import again
from tests.guardrails.ec2.test_image_public_access_block_off import IMAGES
from tests.support.cases import GUARDRAILS, case_of
from tools.delays import delays

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.core.record import Record
    from chalicelib.core.types import State
    from tests.support.events import Envelope
    from tests.support.world import World

ID = "ec2.image_public_access_block_off"


@contextmanager
def stale(world: World, minutes: float, *, idle: bool = False) -> Iterator[list[State]]:
    """Each write shows after so many minutes; `idle`: never, as AWS forgets it. Gives the states that were written."""
    read, write = BlockPublicImages.read, BlockPublicImages.write
    written: list[State] = []
    old: State = {}
    until = world.clock

    def reading(self: Any, resource: Any, aws: Any) -> State:
        nonlocal old
        old = read(self, resource, aws) if world.clock >= until else old
        return old

    def writing(self: Any, resource: Any, state: State, aws: Any) -> None:
        nonlocal until
        until = world.clock + timedelta(minutes=minutes)
        written.append(state)
        if not idle:
            write(self, resource, state, aws)

    with patch.object(BlockPublicImages, "read", reading), patch.object(BlockPublicImages, "write", writing):
        yield written


@pytest.fixture
def opened(world: World) -> Envelope:
    return IMAGES.opened(world)


def one(world: World) -> Record:
    (record,) = world.records()
    return record


def test_the_fix_is_under_way_until_the_write_shows(world: World, opened: Envelope) -> None:
    with stale(world, 7) as written:
        (outcome,) = world.deliver(opened, ID)
        assert outcome.status == Status.FIXING
        world.later(minutes=5)
        world.application("fix", ID).maintain()
        assert (one(world).status, one(world).attempts, len(written)) == (Status.FIXING, 1, 1)
        world.later(minutes=5)
        world.application("fix", ID).maintain()
    assert (one(world).status, len(written)) == (Status.FIXED, 1)


@pytest.mark.parametrize("passed", [1, 5])
def test_no_second_record_is_started_meanwhile(passed: float, world: World, opened: Envelope) -> None:
    with stale(world, 9) as written:
        (first,) = world.deliver(opened, ID)
        (second,) = world.deliver(again(opened, world, minutes=passed), ID)
    assert (second.status, second.record, len(written)) == ("duplicate", first.record, 1)
    assert one(world).status is Status.FIXING


def test_a_write_that_never_shows_is_written_again_after_that_time(world: World, opened: Envelope) -> None:
    with stale(world, 0, idle=True) as written:
        world.deliver(opened, ID)
        world.later(minutes=11)
        world.application("fix", ID).maintain()
        assert (one(world).status, one(world).attempts, len(written)) == (Status.FIXING, 2, 2)


def test_an_undo_is_under_way_until_it_shows(world: World, opened: Envelope) -> None:
    (outcome,) = world.deliver(opened, ID)
    assert outcome.status == Status.FIXED
    with stale(world, 7) as written:
        assert world.application("fix", ID).engine.undo(outcome.record, "bob").status is Status.UNDOING
        world.later(minutes=5)
        world.application("fix", ID).maintain()
        assert (one(world).status, one(world).attempts, len(written)) == (Status.UNDOING, 1, 1)
        world.later(minutes=5)
        world.application("fix", ID).maintain()
    assert (one(world).status, len(written)) == (Status.UNDONE, 1)
    assert IMAGES.whole(world) == "unblocked"


def test_each_fix_has_what_aws_documents_of_its_time() -> None:
    """A number is the engine's too; of AWS's pages for these fixes, one has a number with stale reads."""
    fixes = {type(rule.fix).__name__: rule.fix for rule in GUARDRAILS if rule.fix}
    assert delays().keys() == fixes.keys()
    documented = {name: timedelta(minutes=delay.minutes) for name, delay in delays().items()}
    assert {name: fix.settles_within for name, fix in fixes.items()} == documented
    for name, delay in delays().items():
        assert delay.page.startswith("https://docs.aws.amazon.com/"), name
        assert delay.says, name
        assert [bool(delay.minutes), bool(delay.state), "none documented" in delay.says].count(True) <= 1, name


@pytest.mark.parametrize(("guardrail", "waits"), [("s3.bucket_acl_made_public", True), ("ecr.scan_on_push_off", False)])
def test_what_has_no_number_waits_as_its_service_does(guardrail: str, waits: bool, world: World) -> None:
    """Where AWS calls the service eventually consistent, until the lock on the document is out."""
    (fix,) = (type(rule.fix) for rule in GUARDRAILS if rule.id == guardrail)
    envelope = case_of(guardrail).unsafe[0](world)
    with patch.object(fix, "write", lambda *_: None):
        (outcome,) = world.deliver(envelope, guardrail)
        assert outcome.status == (Status.FIXING if waits else Status.STILL_UNSAFE)
    world.later(minutes=3)
    world.application("fix", guardrail).maintain()
    assert one(world).status is (Status.FIXED if waits else Status.STILL_UNSAFE)


def test_a_state_that_is_read_as_written_is_unsafe_at_once(world: World) -> None:
    """Nothing is late then: the fix was not enough, or somebody else opened another way."""
    guardrail = "s3.bucket_acl_made_public"
    envelope = case_of(guardrail).unsafe[0](world)
    with patch.object(CloseBucketAcl, "still_unsafe", lambda *_: "another way is open"):
        (outcome,) = world.deliver(envelope, guardrail)
    assert (outcome.status, one(world).life[-1].note) == (Status.STILL_UNSAFE, "another way is open")
