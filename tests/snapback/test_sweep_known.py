"""`snapback sweep` about what is on record: four eyes hold, the history names who swept, and nothing is told as new."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.types import Close, Status, having
from snapback.commands import options
from snapback.replay import replay
from tests.guardrails.s3 import test_bucket_acl_made_public as acl
from tests.snapback.command import complaint, objects, public, run, unwrapped

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.world import World

pytestmark = pytest.mark.usefixtures("elsewhere")
ALICE, BOB = (f"arn:aws:iam::123456789012:user/{name}" for name in ("alice", "bob"))
SWEEP = ("sweep", "--guardrail", acl.ID, "--mode")
OPEN = [(status, "") for status in sorted(having("unsafe"))] + [(Status.EXPIRED, "unanswered")]


class Person:
    """Whose credentials the commands have."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, world: World) -> None:
        self._patch = monkeypatch
        clock = partial(replay.quiet, sleep=lambda _: None, now=lambda: world.clock)
        monkeypatch.setattr(replay, "quiet", clock)
        self._real = options.deployed_application

    def become(self, arn: str) -> None:
        def as_them(*arguments: Any, **more: Any) -> Any:
            application, _, parts = self._real(*arguments, **more)
            return application, arn, parts

        for command in ("decide", "sweep"):
            self._patch.setattr(f"snapback.commands.{command}.deployed_application", as_them)


@pytest.fixture
def me(monkeypatch: pytest.MonkeyPatch, world: World) -> Person:
    return Person(monkeypatch, world)


def alices(world: World, status: Status = Status.ALERTED, why: Close = "") -> str:
    """A record of alice's change, in this status."""
    (outcome,) = world.deliver(acl.canned("public-read")(world), acl.ID, "ask" if status is Status.ASKING else "alert")
    ledger = world.application().ledger
    record = world.record(outcome.record)
    if record.status is not status:
        unseen: Any = {"before": None, "after": None, "reason": "AWS denied it"} if status is Status.UNJUDGED else {}
        ledger.move(record, status, by="snapback", why=why, **unseen)
    world.later(minutes=5)
    return record.id


@pytest.mark.parametrize(("status", "why"), OPEN)
def test_nobody_sweeps_their_own_change_away(status: Status, why: Close, world: World, me: Person) -> None:
    record = alices(world, status, why)
    me.become(ALICE)
    done = run(*SWEEP, "fix", "--yes", code=1)
    assert public(world)
    assert len(world.records()) == 1
    assert f"known, {'waits for approval' if status is Status.ASKING else 'your own change'}" in unwrapped(
        run(*SWEEP, "fix", "--plan", "plan.json", code=1)
    )
    assert f"`snapback {'approve' if status is Status.ASKING else 'fix'} {record}`" in unwrapped(done)


@pytest.mark.parametrize(("status", "why"), OPEN)
def test_others_may_but_for_what_waits_for_approval(status: Status, why: Close, world: World, me: Person) -> None:
    alices(world, status, why)
    me.become(BOB)
    waits = status is Status.ASKING
    run(*SWEEP, "fix", "--yes", code=int(waits))
    assert public(world) is waits
    if waits:
        return
    (swept,) = (each for each in world.records() if each.status is Status.FIXED)
    assert {step.by for step in swept.history} == {BOB}
    assert not any("no event" in step.note for step in swept.history)
    me.become(ALICE)
    assert "this is your own change" in complaint("undo", swept.id, code=1)
    assert not public(world)


def test_nobody_turns_their_own_alert_into_a_question_without_a_name(world: World, me: Person) -> None:
    alices(world)
    me.become(ALICE)
    run(*SWEEP, "ask", code=1)
    (asks,) = (each for each in world.records() if each.status is Status.ASKING)
    assert "this is your own change" in complaint("approve", asks.id, code=1)
    assert public(world)


def test_what_an_event_reported_is_not_missed_by_events(world: World, me: Person) -> None:
    world.application()
    world.client("s3").create_bucket(Bucket="other", ObjectOwnership="ObjectWriter")
    me.become(BOB)
    run(*SWEEP, "alert", code=0)  # The baseline.
    alices(world)
    found = objects(run(*SWEEP, "fix", "--yes", "--json"))
    assert [(each["status"], each["missed_by_events"]) for each in found] == [("fixed", False)]
    world.client("s3").put_bucket_acl(Bucket="other", ACL="public-read")
    (missed,) = objects(run(*SWEEP, "fix", "--yes", "--json"))
    assert missed["missed_by_events"] is True


def test_a_stale_plan_warns_once_for_each_resource(world: World, me: Person, tmp_path: Path) -> None:
    world.application()
    for name in ("app-one", "app-two"):
        world.client("s3").create_bucket(Bucket=name, ObjectOwnership="ObjectWriter")
        world.client("s3").put_bucket_acl(Bucket=name, ACL="public-read")
    me.become(BOB)
    run(*SWEEP, "fix", "--plan", "plan.json", code=1)
    assert len(json.loads((tmp_path / "plan.json").read_text())["findings"]) == 2
    world.client("s3").put_bucket_acl(Bucket="app-two", ACL="authenticated-read")
    said = run("sweep", "--apply", "plan.json", "--yes", code=1).stderr
    assert said.count("arn:aws:s3:::app-two") == 1
