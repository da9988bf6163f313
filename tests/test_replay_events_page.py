"""docs/replay-events.md says of each event that rules hear what a replay does with it, and what it says is so."""

from __future__ import annotations

from functools import cache

from chalicelib.core.event import DATED
from snapback.replay.direct import INSTEAD
from tests.snapback.replay.test_holes import HOLES
from tools.replay_events_page import Heard, heard, page


@cache
def by_event() -> dict[tuple[str, str], Heard]:
    return {(each.source, each.name): each for each in heard()}


def test_what_is_re_enacted_in_tests_is_never_called_impossible() -> None:
    played = {
        (each["detail"]["eventSource"].removesuffix(".amazonaws.com"), DATED.sub("", each["detail"]["eventName"]))
        for each in HOLES
    }
    told = {event: by_event()[event].kind for event in played & by_event().keys()}
    assert len(told) > 30
    assert {event: kind for event, kind in told.items() if kind not in {"re-enacted", "approximated"}} == {}


def test_each_kind_has_its_reason() -> None:
    events = by_event()
    assert events["iam", "CreateLoginProfile"].taken == ("`Password` is made up",)
    assert events["sso-directory", "AddMemberToGroup"].why == "boto3 knows no such call"
    assert events["sts", "AssumeRoot"].kind == "not possible"
    assert events["ecr", "ECR Image Scan"].kind == "nothing"
    assert {events[each].kind for each in INSTEAD} <= {"re-enacted", "approximated"}
    assert all(each.why for each in heard() if each.kind in {"not possible", "nothing"})


def test_each_event_stands_on_the_page() -> None:
    text = page("")
    assert [each for each in heard() if f"`{each.name}`" not in text] == []
