"""Many messages become one: in a flood, above a rate, in quiet hours."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from chalicelib.core.settings import Quiet, SlackSettings
from chalicelib.core.types import Status
from tests.notify.collector import TRANSIENT, Collector, Lambda, alerts, item
from tests.notify.test_message import record_of

if TYPE_CHECKING:
    from chalicelib.wiring import Application
    from tests.support.world import World


class TestFlood:
    """Many messages become one, and none is dropped."""

    def test_above_the_limit_the_rest_of_a_guardrail_s_messages_come_in_one(
        self, app: Application, world: World
    ) -> None:
        app.channels = [ops := Collector("ops")]
        lambda_ = Lambda(app, world, alerts(*(f"r{number:02}" for number in range(40))))
        lambda_.once()
        assert len(ops.messages) == 5
        lambda_.minutes(9)
        assert ops.summaries == [], "the window is ten minutes"
        lambda_.minutes(1)
        (summary,) = ops.summaries
        assert summary.count == 35
        assert summary.headline.startswith("CRITICAL · 35 messages: 35 x S3 bucket ACL open to everyone in account")
        assert len(summary.lines) == 31
        assert summary.lines[-1] == "… and 5 more"
        assert "snapback records" in summary.text
        assert sorted(ops.received) == sorted(f"r{number:02}-1" for number in range(40))

    def test_two_guardrails_and_two_accounts_are_counted_by_themselves(self, app: Application, world: World) -> None:
        app.channels = [ops := Collector("ops")]
        items = [
            item(number, record_of(Status.ALERTED, id=f"r{number}", guardrail=guardrail, account=account))
            for number, (guardrail, account) in enumerate(
                [*[("s3.a", "1"), ("s3.b", "1"), ("s3.a", "2")] * 5, *[("s3.a", "1"), ("s3.b", "1")] * 2], 1
            )
        ]
        lambda_ = Lambda(app, world, items)
        lambda_.once()
        assert len(ops.messages) == 15
        lambda_.minutes(10)
        assert [summary.count for summary in ops.summaries] == [2, 2]

    def test_one_that_is_alone_in_its_window_is_told_by_itself(self, app: Application, world: World) -> None:
        app.channels = [ops := Collector("ops")]
        lambda_ = Lambda(app, world, alerts("a", "b", "c", "d", "e", "f"))
        lambda_.once()
        lambda_.minutes(10)
        assert ops.received == ["a-1", "b-1", "c-1", "d-1", "e-1", "f-1"]
        assert ops.summaries == []

    def test_a_record_s_later_steps_wait_for_its_earlier_ones(self, app: Application, world: World) -> None:
        app.channels = [ops := Collector("ops")]
        asking = record_of(Status.ASKING, id="x")
        done = record_of(Status.ASKING, Status.FIXING, Status.FIXED, id="x")
        lambda_ = Lambda(app, world, [*alerts("a", "b", "c", "d", "e"), item(6, asking)])
        lambda_.once()
        lambda_.minutes(9)
        lambda_.items = [item(7, done, asking)]
        world.later(minutes=1)  # The next window, before its first drain.
        lambda_.once()
        lambda_.minutes(1)
        assert ops.received[5:] == ["x-1", "x-3"]

    def test_a_question_in_a_summary_can_still_be_answered(self, app: Application, world: World) -> None:
        app.channels = [ops := Collector("ops")]
        items = [item(n, record_of(Status.ASKING if n == 50 else Status.ALERTED, id=f"r{n}")) for n in range(1, 51)]
        lambda_ = Lambda(app, world, items)
        lambda_.once()
        lambda_.minutes(10)
        (summary,) = ops.summaries
        assert "snapback approve r50" in summary.lines[0]
        assert "To see all questions: snapback records --status asking" in summary.text

    def test_above_its_rate_a_channel_gets_the_rest_as_one_in_the_next_minute(
        self, app: Application, world: World
    ) -> None:
        app.settings = replace(
            app.settings,
            channels=(SlackSettings(name="ops", url="ssm:/x", per_minute=3),),
            flood=replace(app.settings.flood, messages=1000),
        )
        app.channels = [ops := Collector("ops")]
        lambda_ = Lambda(app, world, alerts(*(f"r{number:02}" for number in range(12))))
        lambda_.once()
        assert len(ops.messages) == 3
        lambda_.minutes(1)
        assert len(ops.messages) == 5
        (summary,) = ops.summaries
        assert summary.count == 7
        assert ops.received == [f"r{number:02}-1" for number in range(12)], "in order"
        assert lambda_.held == []

    def test_a_summary_that_is_not_taken_is_told_later_with_all_of_its_messages(
        self, app: Application, world: World
    ) -> None:
        app.channels = [ops := Collector("ops", [None] * 5 + [TRANSIENT[0]])]
        lambda_ = Lambda(app, world, alerts(*"abcdefgh"))
        lambda_.once()
        lambda_.minutes(10)
        assert ops.summaries == []
        lambda_.minutes(1)
        assert [summary.count for summary in ops.summaries] == [3]
        assert sorted(ops.received) == [f"{name}-1" for name in "abcdefgh"]


def test_in_quiet_hours_low_findings_wait_for_one_digest_and_high_ones_do_not(app: Application, world: World) -> None:
    app.settings = replace(app.settings, quiet=Quiet(start="22:00", end="07:00", zone="Europe/Berlin"))
    app.channels = [ops := Collector("ops")]
    world.clock = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
    severities = ["low", "critical", "medium", "high", "low"]
    items = [item(n, record_of(Status.ALERTED, id=f"r{n}", severity=each)) for n, each in enumerate(severities)]
    lambda_ = Lambda(app, world, items)
    lambda_.once()
    assert ops.received == ["r1-1", "r3-1"]
    world.clock = datetime(2026, 11, 24, 5, 58, tzinfo=UTC)
    lambda_.minutes(1)
    assert ops.summaries == []
    lambda_.minutes(1)
    (summary,) = ops.summaries
    assert summary.records == ("r0", "r2", "r4")
