from __future__ import annotations

import json
import re
import unicodedata
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.event import Event
from chalicelib.core.record import STATES
from snapback import render
from tests.support.events import cloudtrail_event

if TYPE_CHECKING:
    from chalicelib.core.record import Record
    from tests.support.world import World

HOSTILE = "[red]x[/red] \x1b[31mred\x1b]0;title\x07 \u202eevil\u2069 \x9b2J a\nb\rc\td \u2028 \ud800 \u200b \U000e0041"
UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def unseen(text: str) -> set[str]:
    return {character for character in text if unicodedata.category(character) in UNSEEN}


@given(st.text() | st.text(st.characters(categories=["Cc", "Cf", "Cs", "Zl", "Zp"])))
def test_no_text_can_steer_a_terminal(text: str) -> None:
    assert not unseen(render.plain(text))
    assert not unseen(render.as_json({text.encode("unicode_escape").decode(): text}))


@given(st.text())
def test_json_says_the_same_text_again(text: str) -> None:
    assert json.loads(render.as_json([text])) == [text]


def test_what_can_not_be_seen_is_shown_as_its_escape() -> None:
    assert render.plain("a\x1b[2Jb\u202e c\nd") == r"a\x1b[2Jb\u202e c d"


def test_ordinary_text_stays_as_it_is() -> None:
    assert render.plain("Zoë's bücket → [prod] 日本") == "Zoë's bücket → [prod] 日本"


@pytest.fixture(params=["80", "120"])
def width(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setenv("COLUMNS", request.param)
    return int(request.param)


def record(world: World, **names: str) -> Record:
    from tests.guardrails.s3 import test_bucket_acl_made_public as acl

    (outcome,) = world.deliver(acl.beside_another_grant(world), acl.ID)
    from dataclasses import replace

    return replace(world.record(outcome.record), **names)  # type: ignore[arg-type]


def test_a_hostile_record_is_shown_without_its_teeth(
    world: World, width: int, capsys: pytest.CaptureFixture[str]
) -> None:
    from dataclasses import replace

    actor = Event.parse(cloudtrail_event("s3", "PutBucketAcl", userAgent=HOSTILE, sourceIPAddress=HOSTILE)).actor
    found = replace(record(world, reason=HOSTILE, arn=f"arn:aws:s3:::{HOSTILE}", title=HOSTILE), actor=actor)
    render.show(*render.records_list([found]), *render.record_page(found, full=True))
    shown = capsys.readouterr().out
    assert not unseen(shown.replace("\n", ""))
    assert "[red]x[/red]" in shown
    assert r"\x1b[31mred" in shown
    assert max(map(len, shown.splitlines())) <= width


def test_a_terminal_gets_colours_and_a_pipe_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row = render.row("10:00:00", "fixed", ["app-logs", "more"])
    render.show(row)
    assert capsys.readouterr().out == f"10:00:00  fixed{' ' * 9}app-logs\n{' ' * 24}more\n"
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    render.show(row)
    assert "\x1b[32mfixed" in capsys.readouterr().out


def test_json_of_a_record_has_no_state_unless_it_is_asked_for(world: World) -> None:
    found = record(world)
    short, full = render.record_json(found), render.record_json(found, full=True)
    assert STATES == ("before", "after", "undone")
    assert not short.keys() & set(STATES)
    assert short["changes"] == ["- {}"] or any("AllUsers" in line for line in short["changes"])
    assert full["before"] == found.before
    json.loads(render.as_json(full))


def test_progress_says_nothing_to_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    with render.progress() as progress:
        task = progress.add_task("reading", total=3)
        progress.advance(task)
    assert capsys.readouterr() == ("", "")


def test_progress_tells_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    progress, now = render.progress(), count()
    progress.get_time = lambda: float(next(now))
    task = progress.add_task("re-enacting", total=100, unit="events")
    for _ in range(3):
        progress.advance(task, 10)
    with progress.console.capture() as captured:
        progress.console.print(progress.make_tasks_table(progress.tasks))
    assert re.search(r"re-enacting .* 30% [0-9]+ events/s 0:00:[0-9]{2} 0:00:[0-9]{2}", captured.get())
