from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.event import Actor
from chalicelib.core.settings import Asking, Direct, Quiet, Route, Settings
from chalicelib.core.types import ESCALATED, Status
from chalicelib.notify.held import Held
from chalicelib.notify.message import Message, message_of
from chalicelib.notify.routing import LONGEST_ASKED, LONGEST_PAUSE, addresses, backoff, batches, quiet_until, recipients
from chalicelib.notify.summary import SHOWN, summary_of
from tests.notify.test_message import NOW, record_of

if TYPE_CHECKING:
    from chalicelib.core.record import Record

ALL = ("ops", "siem")
DIRECT = Direct(via="ops", domains=("example.com", "example.org"), tags=("owner",))


def record(**values: Any) -> Record:
    return record_of(Status.ALERTED, **values)


def by_session(name: str) -> Actor:
    return Actor("AssumedRole", f"arn:aws:sts::1:assumed-role/admin/{name}", "1", session=name)


class TestRoutes:
    """The first that fits counts."""

    @pytest.mark.parametrize(
        ("route", "fits"),
        [
            ({}, True),
            ({"guardrail": "s3.*"}, True),
            ({"guardrail": "ec2.*"}, False),
            ({"accounts": frozenset({"123456789012"})}, True),
            ({"accounts": frozenset({"210987654321"})}, False),
            ({"severities": frozenset({"critical", "low"})}, True),
            ({"severities": frozenset({"low"})}, False),
            ({"tags": {"team": "we*"}}, True),
            ({"tags": {"team": "we*", "env": "prod"}}, False),
            ({"tags": {"nothing": "*"}}, False),
            ({"guardrail": "s3.*", "severities": frozenset({"low"})}, False),
        ],
    )
    def test_all_of_a_route_has_to_fit(self, route: Any, fits: bool) -> None:
        settings = Settings(routes=(Route(channels=("web",), **route),))
        found = recipients(record(tags={"team": "web", "env": "test"}), settings, ALL)
        assert found == (("web",) if fits else ALL)

    def test_the_first_one_counts_and_may_be_nowhere(self) -> None:
        routes = (Route(channels=(), severities=frozenset({"low"})), Route(channels=("a", "b", "a")))
        assert recipients(record(severity="low"), Settings(routes=routes), ALL) == ()
        assert recipients(record(), Settings(routes=routes), ALL) == ("a", "b")

    def test_those_that_a_question_is_escalated_to_are_told_from_then_on(self) -> None:
        settings = Settings(asking=Asking(escalate_to=("boss", "ops")))
        asking = record_of(Status.ASKING)
        assert recipients(asking, settings, ALL) == ALL
        escalated = asking.noted(NOW, "snapback", "", ESCALATED)
        assert recipients(escalated, settings, ALL) == ("ops", "siem", "boss")
        assert "boss" in recipients(escalated.stepped(Status.EXPIRED, NOW, "snapback"), settings, ALL)

    def test_people_are_told_through_the_app(self) -> None:
        found = recipients(record(actor=by_session("alice@example.com")), Settings(direct=DIRECT), ("siem",))
        assert found == ("siem", "ops@alice@example.com")


class TestPeople:
    """Only who is one of ours."""

    @pytest.mark.parametrize(
        ("session", "owner", "expected"),
        [
            ("alice@example.com", None, ["alice@example.com"]),
            ("Alice@Example.ORG", None, ["alice@example.org"]),
            ("alice@evil.example", None, []),
            ("alice@example.com.evil.example", None, []),
            ("alice", None, []),
            ("", "bob", ["bob@example.com"]),
            ("", "bob@example.org", ["bob@example.org"]),
            ("alice@example.com", "alice", ["alice@example.com"]),
            ("alice@example.com", "bob", ["alice@example.com", "bob@example.com"]),
            ("", "bob smith", []),
            ("", "bob,carol", []),
            ("", "bob#1", []),
            ("", "<!channel>", []),
            ("", "@example.com", []),
            ("", "a@b@example.com", []),
            ("", "", []),
        ],
    )
    def test_found_by_the_session_s_name_and_by_tags(
        self, session: str, owner: str | None, expected: list[str]
    ) -> None:
        tags = {"owner": owner} if owner is not None else {}
        assert list(addresses(record(actor=by_session(session), tags=tags), DIRECT)) == expected

    def test_the_actor_only_if_the_settings_say_so(self) -> None:
        off = Direct(via="ops", domains=("example.com",), actor=False)
        assert addresses(record(actor=by_session("alice@example.com")), off) == ()

    @given(st.text(max_size=80))
    def test_no_text_makes_an_address_of_a_foreign_domain(self, text: str) -> None:
        for address in addresses(record(actor=by_session(text), tags={"owner": text}), DIRECT):
            name, _, domain = address.rpartition("@")
            assert domain in DIRECT.domains
            assert "@" not in name
            assert "#" not in address


class TestQuietHours:
    BERLIN = Quiet(start="22:00", end="07:00", zone="Europe/Berlin")

    @pytest.mark.parametrize(
        ("local", "until"),
        [
            ("2026-11-23T21:59", None),
            ("2026-11-23T22:00", "2026-11-24T07:00"),
            ("2026-11-23T23:59", "2026-11-24T07:00"),
            ("2026-11-24T06:59", "2026-11-24T07:00"),
            ("2026-11-24T07:00", None),
            ("2026-03-28T23:00", "2026-03-29T07:00"),  # The clocks go on in that night,
            ("2026-10-24T23:00", "2026-10-25T07:00"),  # and back in that one.
        ],
    )
    def test_they_are_those_of_their_zone(self, local: str, until: str | None) -> None:
        zone = ZoneInfo("Europe/Berlin")
        now = datetime.fromisoformat(local).replace(tzinfo=zone).astimezone(UTC)
        expected = until and datetime.fromisoformat(until).replace(tzinfo=zone).astimezone(UTC)
        assert quiet_until("low", self.BERLIN, now) == expected

    def test_high_and_critical_findings_never_wait(self) -> None:
        every = Quiet(start="00:00", end="23:59", severities=frozenset({"low", "medium", "high", "critical"}))
        waits = {each: quiet_until(each, every, NOW) is not None for each in ("low", "medium", "high", "critical")}
        assert waits == {"low": True, "medium": True, "high": False, "critical": False}
        assert quiet_until("low", None, NOW) is None
        assert quiet_until("medium", Quiet(start="00:00", end="23:59", severities=frozenset({"low"})), NOW) is None

    @given(
        st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001 - it has one
        st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC"]),
        st.times().map(lambda each: f"{each:%H:%M}"),
        st.times().map(lambda each: f"{each:%H:%M}"),
    )
    def test_they_end_within_a_day_or_so_and_outside_of_them(
        self, now: datetime, zone: str, start: str, end: str
    ) -> None:
        quiet = Quiet(start=start, end=end, zone=zone)
        until = quiet_until("low", quiet, now)
        if until:
            assert now < until <= now + timedelta(hours=26)
            assert until.tzinfo is UTC
        if start == end:
            assert until is None or until > now


class TestRests:
    @given(st.text(max_size=20), st.integers(1, 99), st.floats(0, 1e9))
    def test_a_rest_is_as_long_as_asked_for_and_bounded(self, name: str, tries: int, asked: float) -> None:
        seconds = backoff(name, tries, asked)
        assert min(asked, LONGEST_ASKED) <= seconds <= max(LONGEST_PAUSE, min(asked, LONGEST_ASKED))
        assert seconds >= 15
        assert seconds == backoff(name, tries, asked)

    def test_rests_double_up_to_ten_minutes_and_differ_from_channel_to_channel(self) -> None:
        longest = [max(backoff(f"c{n}", tries, 0) for n in range(200)) for tries in range(1, 8)]
        assert [round(each, -1) for each in longest] == [30, 60, 120, 240, 480, 600, 600]
        assert len({backoff(f"c{n}", 3, 0) for n in range(50)}) == 50


MESSAGES = st.builds(
    lambda number, guardrail, account, severity, status: replace(
        message_of(record_of(status, id=f"{number:04}", guardrail=guardrail, account=account, severity=severity)),
        at=f"2026-11-23T10:{number % 60:02}:00.000+00:00",
    ),
    st.integers(0, 9999),
    st.sampled_from(["s3.a", "s3.b"]),
    st.sampled_from(["123456789012", "210987654321"]),
    st.sampled_from(["low", "medium", "high", "critical"]),
    st.sampled_from([Status.ALERTED, Status.ASKING, Status.GONE]),
)
HELD = st.lists(
    st.builds(
        Held,
        channel=st.sampled_from(["ops", "ops@alice@example.com"]),
        message=MESSAGES,
        due=st.just(""),
        batch=st.sampled_from(["", "", "quiet", "s3.a 1"]),
    ),
    max_size=30,
    unique_by=lambda each: (each.channel, each.message.id),
)


class TestGathering:
    @given(HELD, st.integers(-5, 40))
    def test_nothing_is_left_out_nothing_is_told_twice_and_no_channel_gets_anothers(
        self, held: list[Held], room: int
    ) -> None:
        found = batches(held, room)
        told = Counter((each.channel, each.message.id) for batch in found for each in batch)
        assert told == Counter((each.channel, each.message.id) for each in held)
        assert all(len({each.channel for each in batch}) == 1 for batch in found)
        together = {(each.channel, each.batch) for each in held if each.batch}
        assert len(found) <= max(room, len(together) + 1) + 1, "of two channels"

    @given(HELD, st.integers(-5, 40))
    def test_what_is_told_by_itself_is_told_in_order(self, held: list[Held], room: int) -> None:
        alone = [each for each in held if not each.batch]
        orders = [each.order for batch in batches(alone, room) for each in batch if each.channel == "ops"]
        assert orders == sorted(orders)


class TestSummaries:
    @given(st.lists(MESSAGES, min_size=1, max_size=80, unique_by=lambda each: each.id))
    def test_a_summary_counts_all_and_shows_some_with_the_questions_first(self, messages: list[Message]) -> None:
        summary = summary_of(messages)
        assert summary.count == len(messages) == len(summary.messages)
        assert set(summary.messages) == {message.id for message in messages}
        assert len(summary.lines) <= SHOWN + 1
        questions = [line for line in summary.lines if "snapback approve" in line]
        asking = sum(message.status == Status.ASKING for message in messages)
        assert len(questions) == min(asking, SHOWN)
        assert list(summary.lines[: len(questions)]) == questions
        assert ("see all questions" in summary.commands) == bool(asking)
        assert "\n" not in "".join([summary.headline, *summary.lines])
        assert summary.text.startswith(summary.headline)
        assert summary.since == min(message.at for message in messages)
        assert summary.headline.startswith(summary.severity.upper())

    @given(st.lists(MESSAGES, min_size=2, max_size=10, unique_by=lambda each: each.id))
    def test_the_same_messages_have_the_same_id_and_others_have_another(self, messages: list[Message]) -> None:
        assert summary_of(messages).id == summary_of(messages[::-1]).id
        assert summary_of(messages).id != summary_of(messages[1:]).id
