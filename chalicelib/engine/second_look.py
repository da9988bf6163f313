"""A read right after a change may show the state before it, so a safe or missing resource is evaluated once more.

The event comes again, by a queue, after a minute, with the guardrails that are to look under KEY; then not again.
"""

from __future__ import annotations

import json
import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.core.event import rows, text
from chalicelib.core.eventual import EVENTUAL
from chalicelib.core.types import Status, Unrecorded
from chalicelib.engine.context import is_scheduled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from chalicelib.core.event import Event
    from chalicelib.core.outcome import Outcome
    from chalicelib.engine.context import Context

KEY = "second_look"
LATE = timedelta(seconds=10)
"""How long after a change its service's reads are not believed to show it."""
LONGEST_DELAY = timedelta(minutes=15)
"""https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-timers.html"""
_MAY_BE_STALE = frozenset({Unrecorded.COMPLIANT, Status.GONE})


def only(event: Event) -> frozenset[str] | None:
    """The guardrails that an event came again for; None for all. No sender can add to an envelope."""
    waited = text(event.raw, "evaluate")
    if KEY in event.raw:
        return frozenset(map(str, rows(event.raw, KEY)))
    return None if waited is None else frozenset({waited})


def ask(context: Context, event: Event, outcomes: Iterable[Outcome], looked_at: datetime) -> None:
    """Queue an event again if any resource in it needs a second evaluation. Raises what the queue does."""
    again = wanted(event, outcomes, looked_at)
    if again and context.look_again:
        context.look_again({**event.raw, KEY: again})


def wanted(event: Event, outcomes: Iterable[Outcome], looked_at: datetime) -> list[str]:
    """The guardrails that have to look again at what an event is about."""
    if KEY in event.raw or is_scheduled(event) or looked_at - event.time >= LATE:
        return []
    found = {each.guardrail for each in outcomes if each.status in _MAY_BE_STALE}
    return sorted(each for each in found if each.partition(".")[0] in EVENTUAL)


def body(envelope: Mapping[str, Any]) -> str:
    """A message of the queue, in ASCII."""
    return json.dumps(envelope, separators=(",", ":"), default=str)


class Delayed:
    """A second look that meets a grace goes back into its queue; where that is longer than SQS holds a message, several times."""

    def __init__(self, sqs: Any, queue: str, now: Callable[[], datetime]) -> None:
        self._sqs, self._queue, self._now = sqs, queue, now

    def __call__(self, envelope: Mapping[str, Any], due: datetime) -> None:
        """Raises what boto3 does, so that SQS delivers the message again."""
        delay = max(timedelta(), min(due - self._now(), LONGEST_DELAY))
        again = {**envelope, KEY: [envelope["evaluate"]]}
        seconds = math.ceil(delay.total_seconds())
        self._sqs.send_message(QueueUrl=self._queue, MessageBody=body(again), DelaySeconds=seconds)
