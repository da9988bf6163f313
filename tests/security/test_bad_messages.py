"""What comes by a queue, the clock or another function, and isn't as Snapback sends it: nothing is written, and somebody hears of it.

Either it is raised, and so a dead letter with an alarm after some tries, or it is logged, and counted where it is an event.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib import wiring
from chalicelib.core.types import Mode
from chalicelib.engine.second_look import KEY
from tests.guardrails.s3.test_bucket_acl_made_public import CASE, ID
from tests.support.events import HOME, REGION
from tests.test_app import Context

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.world import World

STRANGER = "999999999999"
LOOKS = f"arn:aws:sqs:{REGION}:{HOME}:looks"
PLACE = {"sweep": "2026-11-23T10:00", "account": HOME, "region": REGION, "kind": "s3.Bucket"}
ASKED = {**PLACE, "ids": ["app-logs"], "expected_from_events": []}


def queued(body: str, arn: str = "arn:aws:sqs:us-east-1:1:x") -> dict[str, Any]:
    return {"Records": [{"messageId": "1", "body": body, "eventSourceARN": arn}]}


def parsed(body: str) -> Any:
    """As Lambda hands it over; what is no JSON, it refuses itself."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return {}


READERS: dict[str, tuple[Any, Callable[[str], Any]]] = {
    "sweep": (PLACE, lambda body: wiring.sweep(queued(body), Context())),
    "sweep_worker": (ASKED, lambda body: wiring.sweep_worker(queued(body), Context())),
    "second look": (None, lambda body: wiring.sweep_worker(queued(body, LOOKS), Context())),
    "guard": (None, lambda body: wiring.guard("s3", parsed(body), Context())),
    "act": (
        {"action": "undo", "record": "s3.0123456789abcdef", "by": "bob"},
        lambda body: wiring.act(parsed(body), Context()),
    ),
    "canary_echo": ({"detail": {"nonce": "x"}}, lambda body: wiring.canary_echo(parsed(body), Context())),
}
"""By whom it is read: what they are sent, but for guards' events, and how they are called."""


def everywhere(value: Any, put: Any) -> Any:
    return {name: everywhere(each, put) for name, each in value.items()} if isinstance(value, dict) else put


HOW: dict[str, Callable[[Any], str]] = {
    "a stranger's account": lambda good: json.dumps(good).replace(HOME, STRANGER),
    "cut off": lambda good: json.dumps(good)[:-9],
    "a later version": lambda good: json.dumps(
        {"version": 9, "kind": "s3.Vault", "action": "rewind", KEY: ["vault.x"]}
    ),
    "numbers": lambda good: json.dumps(everywhere(good, 1)),
    "lists": lambda good: json.dumps(everywhere(good, [[]])),
    "nothing": lambda good: json.dumps(everywhere(good, None)),
    "a text": lambda _: '"drop table"',
    "empty": lambda _: "{}",
    "deep": lambda _: "[" * 100_000 + "]" * 100_000,
    "no text": lambda _: '{"\\ud800": "\\ud800"}',
}


class Heard:
    """A logger that only counts what is more than information."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def warning(self, line: str, **_: Any) -> None:
        self.lines.append(line)

    error = warning

    def info(self, line: str, **_: Any) -> None:
        """Nobody is woken by it."""


def tried(
    world: World, reader: str, how: Callable[[Any], str], monkeypatch: pytest.MonkeyPatch
) -> tuple[bool, list[str]]:
    """Whether somebody hears of it, and what was written."""
    good, call = READERS[reader]
    envelope: Any = {**CASE.unsafe[0](world), **({KEY: [ID]} if reader == "second look" else {})}
    application = world.application(Mode.FIX, ID)
    application.logger = heard = Heard()  # type: ignore[assignment]
    monkeypatch.setattr(wiring, "_APPLICATION", {HOME: application})
    monkeypatch.setenv(wiring.SECOND_LOOKS_VARIABLE, f"https://sqs.{REGION}.amazonaws.com/{HOME}/looks")
    answer: Any = None
    try:
        answer = call(how(json.loads(json.dumps(good or envelope, default=str))))
    except Exception:  # noqa: BLE001 - SQS, or Lambda, delivers it again, and then it is a dead letter
        heard.lines.append("raised")
    failed = bool(answer and "batchItemFailures" in answer and answer["batchItemFailures"])
    written = [
        each.operation for each in world.calls if each.operation.startswith(("Put", "Update", "Delete", "Transact"))
    ]
    return bool(heard.lines) or failed, written


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("reader", READERS)
def test_a_bad_message_writes_nothing_and_is_heard_of(
    reader: str, how: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard, written = tried(world, reader, HOW[how], monkeypatch)
    assert heard
    assert not written


@pytest.mark.parametrize("reader", ["second look", "guard"])
def test_a_good_one_would_have_been_acted_on(reader: str, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the test above proves nothing."""
    heard, written = tried(world, reader, json.dumps, monkeypatch)
    assert not heard
    assert "PutBucketAcl" in written


@pytest.mark.parametrize("how", HOW)
def test_a_bad_second_look_keeps_the_good_one_beside_it_from_nothing(
    how: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    envelope: Any = {**CASE.unsafe[0](world), KEY: [ID]}
    monkeypatch.setattr(wiring, "_APPLICATION", {HOME: world.application(Mode.FIX, ID)})
    monkeypatch.setenv(wiring.SECOND_LOOKS_VARIABLE, f"https://sqs.{REGION}.amazonaws.com/{HOME}/looks")
    bodies = [HOW[how](json.loads(json.dumps(envelope, default=str))), json.dumps(envelope, default=str)]
    both = [{"messageId": f"{n}", "body": body, "eventSourceARN": LOOKS} for n, body in enumerate(bodies)]
    answer = wiring.sweep_worker({"Records": both}, Context())
    assert {"itemIdentifier": "1"} not in (answer or {})["batchItemFailures"]
    assert [record.status for record in world.records()] == ["fixed"]
