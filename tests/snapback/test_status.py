"""`snapback status`, `stop` and `start`."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib import wiring
from chalicelib.core.errors import ChannelBusy
from chalicelib.core.types import Status
from chalicelib.notify.drain import drain
from chalicelib.notify.outbox import deliver
from snapback.render import age
from tests.guardrails.s3 import test_bucket_acl_made_public as acl
from tests.notify.collector import Collector, alerts
from tests.snapback.command import complaint, objects, public, run, unwrapped
from tests.snapback.dead_letters import Queues, given_up
from tests.support.events import HOME
from tests.support.moto_gaps import default_bus
from tests.test_app import Context

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.world import World


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def now(world: World) -> World:
    """The command line's clock is the real one."""
    world.clock = datetime.now(UTC)
    return world


def answered(world: World, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> None:
    """A canary goes over the bus."""
    import app

    application = world.application(**settings)
    monkeypatch.setattr(wiring, "_APPLICATION", {HOME: application})
    with default_bus(({"source": ["snapback.canary"]}, lambda event: app.canary_echo(event, Context()))):
        app.canary({}, Context())


def test_a_channel_that_takes_nothing_is_told_with_what_waits_for_it(now: World) -> None:
    application = now.application()
    ops = Collector("ops", [ChannelBusy("channel ops answered 503")])
    application.channels, application.give_up = [ops, Collector("siem")], None
    deliver(application, {"Records": alerts("a", "b")}, None)
    assert "2 for ops: channel ops answered 503" in unwrapped(run("status", code=1))
    (told,) = objects(run("status", "--json", code=1))
    assert told["held"] == {"ops": {"messages": 2, "why": "channel ops answered 503"}}
    now.later(minutes=1)
    drain(application)
    (told,) = objects(run("status", "--json", code=2))
    assert told["held"] == {}


class TestStop:
    def test_what_would_be_fixed_asks_until_the_start(self, world: World) -> None:
        world.application()
        shown = unwrapped(run("pause", "--why", "the deploy goes wrong", "--by", "carol"))
        assert "All writes are paused by arn:aws:sts::123456789012:user/moto (carol) at " in shown
        assert ": the deploy goes wrong" in shown
        event = acl.canned("public-read")(world)
        (outcome,) = world.deliver(event, acl.ID)
        assert outcome.status == "asking"
        assert public(world)
        assert "all writes are paused by arn:aws:sts::123456789012:user/moto (carol)" in complaint(
            "approve", outcome.record, code=1
        )
        assert "They were paused by arn:aws:sts::123456789012:user/moto (carol) at " in unwrapped(run("resume"))
        run("approve", outcome.record)
        assert not public(world)

    def test_who_it_was_is_the_caller_unless_named(self, world: World) -> None:
        world.application()
        run("pause", "--why", "drill")
        assert "paused by arn:aws:sts::123456789012:user/moto at" in unwrapped(run("status", code=1))

    def test_a_reason_is_asked_for(self, world: World) -> None:
        assert complaint("pause") == "Missing option '--why'; see `snapback pause --help`"
        assert complaint("pause", "--why", " ").startswith("--why is empty; ")

    def test_settings_that_no_canary_read_are_unknown(self, world: World) -> None:
        world.application()
        assert "settings unknown: no canary read them yet" in unwrapped(run("status", code=2))

    def test_what_is_not_stopped_can_t_be_started(self, world: World) -> None:
        world.application()
        assert run("resume").stdout == "Writes were not paused.\n"

    def test_no_text_has_teeth(self, world: World) -> None:
        world.application()
        run("pause", "--why", "\x1b[31mred\nWrites go on", "--by", "\u202eeve")
        shown = run("status", code=1).stdout
        assert r"\x1b[31mred Writes go on" in " ".join(shown.split())
        assert "\u202e" not in shown

    def test_without_a_ledger_nothing_is_claimed(self, world: World) -> None:
        for arguments in (("pause", "--why", "x"), ("resume",), ("status",)):
            assert "there is no ledger: table 'snapback-ledger' does not exist" in complaint(*arguments)

    def test_the_stack_tells_the_ledger(self, world: World) -> None:
        body = {
            "Resources": {"Jobs": {"Type": "AWS::SQS::Queue"}},
            "Outputs": {"LedgerTable": {"Value": "snapback-Ledger-1A2B"}},
        }
        world.client("cloudformation").create_stack(StackName="guard", TemplateBody=json.dumps(body))
        assert "table 'snapback-Ledger-1A2B' does not exist" in complaint("pause", "--why", "x", "--stack", "guard")

    def test_a_denied_call_is_one_line(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        world.application()
        with world.denied("PutItem"):
            assert complaint("pause", "--why", "x").startswith("PutItem: AccessDenied")
        monkeypatch.setenv("SNAPBACK_LEDGER", "snapback-ledger")
        with world.denied("DescribeStacks"):  # Who may stop need not be able to see the stack.
            run("pause", "--why", "x")


class TestStatus:
    def test_all_is_well(self, now: World, queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
        answered(now, monkeypatch)
        shown = unwrapped(run("status"))
        for line in (
            "writes on",
            "asking 0",
            "failed 0",
            "fighting 0",
            "under way 0, 0 of them overdue",
            "dead letters 0",
            "failed messages 0",
            "canary answered ",
            "settings as the canary read them: fine",
        ):
            assert line in shown

    def test_what_waits_for_a_person_is_counted_with_what_to_do(self, now: World, queues: Queues) -> None:
        (outcome,) = now.deliver(acl.canned("public-read")(now), acl.ID, "ask")
        queues.put(given_up())
        queues.put(given_up())
        queues.sqs.receive_message(QueueUrl=queues.events)
        shown = unwrapped(run("status", code=1))
        assert outcome.status == "asking"
        assert "asking 1 `snapback records --status asking`" in shown
        assert "dead letters 2 `snapback dlq list`" in shown
        assert "canary unknown: none answered yet" in shown

    def test_what_a_dead_function_left_is_overdue(self, now: World) -> None:
        application = now.application()
        (outcome,) = now.deliver(acl.canned("public-read")(now), acl.ID, "ask")
        now.clock -= timedelta(minutes=10)
        record = application.ledger.get(outcome.record)
        assert record
        application.ledger.move(record, Status.FIXING, by="snapback")
        assert "under way 1, 1 of them overdue" in unwrapped(run("status", code=1))

    def test_as_json(self, now: World, queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
        answered(now, monkeypatch)
        (one,) = objects(run("status", "--json"))
        assert one["well"] is True
        assert one["paused"] == ""
        assert (one["asking"], one["dead_letters"], one["overdue"]) == (0, 0, 0)
        assert one["canary"]["silent"] is False
        assert one["canary"]["answered_at"]

    def test_without_a_stack_the_queues_are_not_known(self, now: World) -> None:
        now.application()
        shown = unwrapped(run("status", code=2))
        assert "dead letters unknown: no stack 'snapback' in this region; pass --stack NAME" in shown
        (told,) = objects(run("status", "--json", code=2))
        assert told["dead_letters"] is None
        assert told["unknown"] == ["dead_letters", "failed_messages", "canary"]

    def test_a_canary_that_fell_silent(self, now: World, monkeypatch: pytest.MonkeyPatch) -> None:
        now.later(hours=-3)
        answered(now, monkeypatch)
        now.later(hours=2, minutes=59)
        with default_bus():
            import app

            app.canary({}, Context())  # Sent, and never answered.
        shown = unwrapped(run("status", code=1))
        assert (
            "canary silent: answered 3h ago, sent 1m ago" in shown or "canary silent: answered 3h ago, sent 6" in shown
        )
        assert "see the logs of the functions canary and canary_echo" in shown

    def test_settings_that_the_functions_can_t_read(self, now: World, monkeypatch: pytest.MonkeyPatch) -> None:
        answered(now, monkeypatch, trouble="the settings can't be read, so nothing is fixed")
        assert "settings the settings can't be read, so nothing is fixed" in unwrapped(run("status", code=1))

    def test_a_queue_that_is_gone_is_one_line(self, now: World, monkeypatch: pytest.MonkeyPatch) -> None:
        now.application()
        url = "https://sqs.us-east-1.amazonaws.com/123456789012/none"
        monkeypatch.setenv("SNAPBACK_DEAD_LETTERS", url)
        monkeypatch.setenv("SNAPBACK_FAILED_MESSAGES", url)
        assert complaint("status") == f"{url}: no such queue"


def test_a_moment_ago_is_seconds() -> None:
    assert age(timedelta(seconds=3)) == "3s"
