"""What the settings say holds at every write: by a fix, an approval, an undo, recovery and a retry."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

from chalicelib.core.errors import CannotAct, Unfinished
from chalicelib.core.settings import Exemption, Modes
from chalicelib.core.types import Mode, Status
from chalicelib.fixes.s3.close_bucket_acl import CloseBucketAcl
from tests.engine.bucket import Broken, again, deliver, engine_of, guardrail, public, refused
from tests.guardrails.s3.test_bucket_acl_made_public import ID, whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.world import World

ARN = "arn:aws:s3:::app-logs"
EXEMPT: Any = {"exemptions": (Exemption("s3.*", "a demo", "carol", date(2026, 12, 31), ARN),)}
OFF: Any = {"mode": "off"}
ALERT: Any = {"mode": "alert"}
ASK: Any = {"mode": "ask"}
NEVER: Any = {"never_touch": ("arn:aws:s3:::app-*",)}
TROUBLE: Any = {"trouble": "line 3 is no YAML"}
BY_TAG: Any = {"guardrails": {ID: Modes(mode=Mode.FIX, tags={"env=dev": Mode.OFF})}, "trusted_tags": frozenset({"env"})}


def tag(world: World) -> None:
    world.client("s3").put_bucket_tagging(Bucket="app-logs", Tagging={"TagSet": [{"Key": "env", "Value": "dev"}]})


def died(world: World, *, mode: str = "fix", **effect: bool) -> str:
    """A record whose function died while it wrote."""
    with pytest.raises(KeyboardInterrupt):
        deliver(world, public(world), guardrail(fix=Broken(KeyboardInterrupt(), **effect)), mode=mode)
    world.later(minutes=3)
    (record,) = world.records()
    return record.id


def undo_died(world: World) -> str:
    record = deliver(world, public(world)).record
    with patch.object(CloseBucketAcl, "write", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        engine_of(world).undo(record, "bob")
    world.later(minutes=3)
    return record


def doubting() -> Any:
    return patch.object(CloseBucketAcl, "needs_approval", lambda *_: "alice would lose it")


@pytest.fixture
def unsure() -> Iterator[None]:
    with doubting():
        yield


class TestRecovery:
    @pytest.mark.parametrize(
        ("since", "becomes", "says"),
        [
            (EXEMPT, Status.EXPIRED, "exempt until 2026-12-31 by carol: a demo"),
            (NEVER, Status.FAILED, f"{ARN} is under `never_touch`"),
            (OFF, Status.FAILED, "is off in the settings"),
            (ALERT, Status.FAILED, "may now only alert"),
            (ASK, Status.ASKING, "the settings now require approval"),
            (TROUBLE, Status.FAILED, "line 3 is no YAML"),
        ],
    )
    def test_asks_what_a_fresh_fix_asks(self, since: Any, becomes: Status, says: str, world: World) -> None:
        record = died(world)
        before = whole(world)
        world.application(**since).maintain()
        found = world.record(record)
        assert found.status == becomes
        assert says in found.history[-1].note + found.error
        assert whole(world) == before

    def test_asks_for_the_approval_that_the_fix_needs_by_now(self, world: World) -> None:
        record = died(world)
        before = whole(world)
        with doubting():
            world.application().maintain()
        assert world.record(record).status == Status.ASKING
        assert world.record(record).history[-1].note == "alice would lose it"
        assert whole(world) == before
        assert engine_of(world).approve(record, "carol").status == Status.FIXED

    def test_asks_the_tags_as_they_are(self, world: World) -> None:
        record = died(world)
        tag(world)
        world.application(**BY_TAG).maintain()
        assert world.record(record).status == Status.FAILED

    @pytest.mark.parametrize("since", [EXEMPT, NEVER, OFF, ALERT, ASK, TROUBLE])
    def test_of_a_fix_that_was_written_says_that_it_is_safe(self, since: Any, world: World) -> None:
        record = died(world, effect=True)
        world.application(**since).maintain()
        assert world.record(record).status == Status.FIXED

    @pytest.mark.usefixtures("unsure")
    @pytest.mark.parametrize(
        ("since", "becomes"), [(ASK, "fixed"), (ALERT, "fixed"), (OFF, "failed"), (NEVER, "failed")]
    )
    def test_goes_by_the_approval_that_a_person_gave(self, since: Any, becomes: str, world: World) -> None:
        record = deliver(world, public(world), mode="ask").record
        with patch.object(CloseBucketAcl, "write", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
            engine_of(world, mode="ask").approve(record, "carol")
        world.later(minutes=3)
        world.application(**since).maintain()
        assert world.record(record).status == becomes

    @pytest.mark.parametrize(
        ("since", "becomes"),
        [
            (NEVER, "failed"),
            (TROUBLE, "failed"),
            (EXEMPT, "undone"),
            (OFF, "undone"),
            (ALERT, "undone"),
            (ASK, "undone"),
        ],
    )
    def test_of_an_undo_asks_what_an_undo_asks(self, since: Any, becomes: str, world: World) -> None:
        record = undo_died(world)
        before = whole(world)
        world.application(**since).maintain()
        assert world.record(record).status == becomes
        assert (whole(world) == before) is (becomes == "failed")

    def test_of_an_undo_when_all_writes_are_paused_writes_nothing(self, world: World) -> None:
        record = undo_died(world)
        world.application().ledger.pause("bob", "a bad day")
        world.application().maintain()
        assert world.record(record).status == Status.FAILED
        assert "paused by bob" in world.record(record).error


class TestRetry:
    @pytest.mark.parametrize("since", [EXEMPT, NEVER, OFF, ALERT, ASK, TROUBLE])
    @pytest.mark.parametrize("failed", [True, False], ids=["failed", "died"])
    def test_a_second_delivery_asks_it_too(self, failed: bool, since: Any, world: World) -> None:
        envelope = public(world)
        wrong = refused("Throttling") if failed else KeyboardInterrupt()
        with pytest.raises((Unfinished, KeyboardInterrupt)):
            deliver(world, envelope, guardrail(fix=Broken(wrong)))
        before = whole(world)
        world.later(minutes=3)
        assert deliver(world, envelope, **since).status in {"exempt", "off", "duplicate"}
        assert whole(world) == before


class TestApproval:
    @pytest.mark.parametrize(
        ("since", "says"),
        [
            (EXEMPT, "exempt until 2026-12-31 by carol: a demo"),
            (NEVER, f"{ARN} is under `never_touch` in the settings"),
            (OFF, f"{ID} is off in the settings"),
            (TROUBLE, "line 3 is no YAML"),
        ],
    )
    def test_is_refused_in_one_clear_line(self, since: Any, says: str, world: World) -> None:
        record = deliver(world, public(world), mode="ask").record
        before = whole(world)
        with pytest.raises(CannotAct) as why:
            engine_of(world, **since).approve(record, "carol")
        assert str(why.value) == f"record {record}: {says}"
        assert world.record(record).status == Status.ASKING
        assert whole(world) == before

    def test_is_refused_for_what_an_undo_exempted_since(self, world: World) -> None:
        fixed = deliver(world, public(world)).record
        world.client("s3").put_bucket_acl(Bucket="app-logs", ACL="public-read-write")
        asking = deliver(world, again(public_again(), world, minutes=5), mode="ask").record
        engine_of(world).undo(fixed, "bob", force=True)
        world.later(minutes=1)
        before = whole(world)
        with pytest.raises(CannotAct, match="is exempt for now"):
            engine_of(world).approve(asking, "carol")
        assert whole(world) == before

    @pytest.mark.usefixtures("unsure")
    @pytest.mark.parametrize("mode", ["alert", "ask", "fix"])
    def test_is_the_approval_whatever_mode_is_left(self, mode: str, world: World) -> None:
        record = deliver(world, public(world), mode="ask").record
        assert engine_of(world, mode=mode).approve(record, "carol").status == Status.FIXED


class TestUndo:
    @pytest.mark.parametrize("since", [EXEMPT, OFF, ALERT, ASK, TROUBLE])
    def test_takes_our_own_work_away_whatever_mode_and_exemptions_say(self, since: Any, world: World) -> None:
        record = deliver(world, public(world)).record
        assert engine_of(world, **since).undo(record, "bob").status == Status.UNDONE

    @pytest.mark.parametrize("force", [True, False])
    def test_never_touches_what_must_not_be(self, force: bool, world: World) -> None:
        record = deliver(world, public(world)).record
        with pytest.raises(CannotAct, match=f"{ARN} is under `never_touch`"):
            engine_of(world, **NEVER).undo(record, "bob", force=force)


def test_an_exemption_ends_with_its_day(world: World) -> None:
    record = died(world)
    world.later(hours=15)
    today: Any = {"exemptions": (Exemption("s3.*", "a demo", "carol", date(2026, 11, 23), ARN),)}
    world.application(**today).maintain()
    assert world.record(record).status == Status.FIXED


def public_again() -> Any:
    from tests.engine.bucket import public_event

    return public_event("alice")
