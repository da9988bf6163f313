from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import wiring
from chalicelib.core.event import Actor
from chalicelib.core.settings import Exports
from chalicelib.core.types import Status
from chalicelib.exports import bus, ocsf
from chalicelib.exports.security_hub import SecurityHub
from tests.exports.stream import Lambda, item, life, step_of
from tests.notify.collector import POISONS, poisoned
from tests.notify.test_message import record_of
from tests.support.events import HOME, REGION
from tests.support.moto_gaps import default_bus

if TYPE_CHECKING:
    from tests.support.world import World

CONTEXT = SimpleNamespace(
    invoked_function_arn=f"arn:aws:lambda:{REGION}:{HOME}:function:snapback-Exports-1A2B3C",
    get_remaining_time_in_millis=lambda: 60_000,
)


def test_nothing_is_read_and_sent_while_the_settings_name_no_tool(world: World) -> None:
    application = world.application()
    broken: Any = item(1, record_of(Status.ALERTED))
    del broken["dynamodb"]["NewImage"]["actor"]
    world.calls.clear()
    assert Lambda(application, [broken]).once() == []
    assert world.calls == []


@pytest.mark.parametrize(("how", "why"), POISONS.items())
def test_an_item_that_cannot_be_read_is_in_the_queue_at_once_and_the_others_are_sent(
    how: str, why: str, world: World
) -> None:
    application, queue = world.application(exports=Exports(bus="default")), list[str]()
    application.give_up = queue.append
    bad, good = item(1, record_of(Status.ALERTED, id="a" * 16)), item(2, record_of(Status.ALERTED, id="b" * 16))
    with default_bus() as events:
        assert Lambda(application, [poisoned(bad, how, application, world), good]).once() == []
    assert [event["detail"]["record"] for event in events] == ["b" * 16]
    (dead_letter,) = map(json.loads, queue)
    assert dead_letter["unread"] == f"record#{'a' * 16}"
    assert dead_letter["error"].endswith(why)


def test_without_a_queue_an_item_that_cannot_be_read_fails_alone(world: World) -> None:
    application = world.application(exports=Exports(bus="default"))
    bad, good = item(1, record_of(Status.ALERTED, id="a" * 16)), item(2, record_of(Status.ALERTED, id="b" * 16))
    poisoned(bad, "actor", application, world)
    with default_bus() as events:
        assert Lambda(application, [bad, good]).once() == [bad["dynamodb"]["SequenceNumber"]]
    assert [event["detail"]["record"] for event in events] == ["b" * 16]


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for key, inner in value.items() for text in (key, *_texts(inner))]
    if isinstance(value, list):
        return [text for each in value for text in _texts(each)]
    return [value] if isinstance(value, str) else []


@given(st.text(max_size=40).map(lambda text: f"{text}\u202e\x1b]0;x\x07\r\n"))
def test_no_text_of_somebody_else_s_hides_reorders_or_breaks_a_line(text: str) -> None:
    actor = Actor(kind="IAMUser", principal=text, account=HOME, source_ip=text, tool=text)
    facts: Any = {
        "title": text,
        "reason": text,
        "arn": text,
        "event_name": text,
        "event_id": text,
        "tags": {text: text},
    }
    step = step_of(record_of(Status.ALERTED, actor=actor, before={text: text}, after={}, error=text, **facts))
    for sent in (bus.detail(step), ocsf.finding(step), SecurityHub(None, HOME, REGION).finding(step)):
        assert all(each.isprintable() for each in _texts(sent))


def test_slots_and_marks_are_no_findings(world: World) -> None:
    slot: Any = item(1, record_of(Status.ALERTED))
    slot["dynamodb"]["NewImage"] = {"pk": {"S": "slot#x"}, "record": {"S": "y"}}
    with default_bus() as events:
        assert Lambda(world.application(exports=Exports(bus="default")), [slot]).once() == []
    assert events == []


def test_the_function_sends_what_the_settings_of_its_container_say(world: World) -> None:
    application = world.application(exports=Exports(bus="default"))
    wiring.use(application)
    try:
        with default_bus() as events:
            answer = wiring.exports({"Records": life(record_of(Status.ALERTED))}, CONTEXT)
    finally:
        wiring.forget(application)
    assert answer == {"batchItemFailures": []}
    assert len(events) == 1
