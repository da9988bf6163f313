"""What can't be judged: one message a cause, a few a day, and one summary a day while it lasts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chalicelib.core.types import REMINDED, Status
from chalicelib.notify.message import message_of
from chalicelib.notify.outbox import DAILY
from chalicelib.notify.routing import next_summary
from tests.notify.collector import Collector, Lambda, item
from tests.notify.test_message import record_of

if TYPE_CHECKING:
    from chalicelib.core.record import Record
    from chalicelib.wiring import Application
    from tests.support.world import World

CAUSES = 80


def unjudged(number: int, cause: str = "", covered_by: str = "") -> Record:
    guardrail, cause = f"s3.guardrail_{number % 9}", cause or f"cause-{number}"
    return record_of(Status.UNJUDGED, id=f"s3.{number:03}", guardrail=guardrail, cause=cause, covered_by=covered_by)


def test_a_hundred_causes_make_twenty_messages_at_most(app: Application, world: World) -> None:
    app.channels = [ops := Collector("ops")]
    covered = [unjudged(CAUSES + number, "cause-0", "s3.000") for number in range(20)]
    records = [*(unjudged(number) for number in range(CAUSES)), *covered]
    lambda_ = Lambda(app, world, [item(number, record) for number, record in enumerate(records, 1)])
    lambda_.once()
    lambda_.minutes(60, each=5)
    assert len(ops.messages) == DAILY
    assert ops.summaries == []
    lambda_.minutes(22 * 60, each=60)
    (summary,) = ops.summaries
    assert summary.count == CAUSES - DAILY
    assert len(ops.messages) + len(ops.summaries) <= 20
    assert sorted(ops.received) == sorted(f"s3.{number:03}-1" for number in range(CAUSES))


def test_a_cause_that_two_services_meet_on_one_day_has_one_message(app: Application, world: World) -> None:
    app.channels = [ops := Collector("ops")]
    Lambda(app, world, [item(1, unjudged(1, "account-x")), item(2, unjudged(2, "account-x"))]).once()
    assert ops.received == ["s3.001-1"]


def test_what_is_so_still_is_a_line_of_one_summary_a_day(app: Application, world: World) -> None:
    app.channels = [ops := Collector("ops")]
    records = [unjudged(number) for number in range(3)]
    lambda_ = Lambda(app, world, [item(number, record) for number, record in enumerate(records, 1)])
    lambda_.once()
    assert len(ops.messages) == 3
    world.later(days=1)
    again = [record.noted(world.clock, "snapback", "for 1 days", REMINDED) for record in records]
    lambda_.items = [item(10 + n, new, old) for n, (new, old) in enumerate(zip(again, records, strict=True))]
    lambda_.once()
    assert len(ops.messages) == 3, "they wait for the summary"
    lambda_.minutes(22 * 60, each=60)
    (summary,) = ops.summaries
    unsure = "could not check: S3 bucket ACL open to everyone?"
    assert [line.split(" · ")[0].partition(": ")[2] for line in summary.lines] == [unsure] * 3
    assert f"3 x {unsure} in account" in summary.headline
    assert message_of(again[0]).headline.endswith(f": {unsure}")


def test_the_summary_is_at_eight_whatever_the_hour() -> None:
    assert next_summary(datetime(2026, 11, 23, 7, 59, tzinfo=UTC)) == datetime(2026, 11, 23, 8, tzinfo=UTC)
    assert next_summary(datetime(2026, 11, 23, 8, 0, tzinfo=UTC)) == datetime(2026, 11, 24, 8, tzinfo=UTC)
