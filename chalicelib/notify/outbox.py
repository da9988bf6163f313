"""The ledger's stream → the channels: no record without its message, and no message that gets lost.

Each message to each channel has an item in the ledger's table, `message#<channel>#<record>#<step>`. Its `state` is
`sent`; `held`, until it is due; `elsewhere`, when another channel got it instead; or `queued`, when none took it.
The stream sends at once what it can and holds the rest, and so never waits; each minute a drain sends what is due.
It is at least once, and once but for a crash, or a lost answer, between sending and marking.

Other items: `channel#<name>`, while a channel is behind: when it may be asked again; `rate#…` and `flood#…`, which
count; and `outbox`: the channels that ever had something held, and the lease of the drain. docs/notifications.md.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from chalicelib.aws.ledger_items import from_item, stepped
from chalicelib.core.metrics import Metric
from chalicelib.core.types import REMINDED
from chalicelib.notify.delivery import Delivery, is_hopeless
from chalicelib.notify.drain import again, drain
from chalicelib.notify.held import TIME_NEEDED, Held, NotifyApp, channel_name, message_key, text_of
from chalicelib.notify.message import Message, is_sent, message_of
from chalicelib.notify.routing import next_summary, quiet_until, recipients
from chalicelib.notify.unread import set_aside

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

    from chalicelib.core.record import Record

QUEUE_VARIABLE = "SNAPBACK_FAILED_MESSAGES"
DAILY = 18
"""Messages of a day about what can't be judged that a channel gets at once; the others are lines of its daily summary."""
_EARLIER = 6
"""As many steps back it is looked whether one of the same record is still held."""


def notify(app: NotifyApp, event: Any, context: Any) -> Any:
    """The ledger's stream; `{"drain": true}` from the clock; `{"again": [...]}` from `snapback dlq redrive`."""
    if "drain" in event:
        return drain(app)
    if "again" in event:
        return again(app, event["again"])
    return deliver(app, event, context)


def deliver(app: NotifyApp, event: Any, context: Any) -> Any:
    """Tell what a batch of the ledger's stream holds, or hold it; answers which items failed.

    `{"batchItemFailures": [{"itemIdentifier": sequence number}, ...]}`, as Lambda's ReportBatchItemFailures wants it:
    https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html. An item fails whose message
    could neither be sent nor held.
    """
    outbox = _Outbox(app)
    outbox.prefetch(event["Records"])
    # A batch that failed wholly is answered like one that failed in part: it is no error of the function.
    processor = BatchProcessor(EventType.DynamoDBStreams, raise_on_entire_batch_failure=False)
    answer = process_partial_response(event, outbox.deliver_item, processor, context)
    outbox.delivery.report()
    return answer


class _Outbox:
    """One batch of the stream: what is sent at once, and what is held."""

    def __init__(self, app: NotifyApp) -> None:
        self._app, self.delivery = app, Delivery(app)
        self._held = self.delivery.held
        self._all = tuple(channel.name for channel in app.channels)

    def prefetch(self, items: list[Any]) -> None:
        """One consistent read for the batch: what was sent or is held, and which channels are behind."""
        keys: dict[str, None] = {"outbox": None}
        for item in items:
            with suppress(Exception):  # `deliver_item` meets it too, and fails that item only.
                if record := notifiable_record(item, from_item):
                    step = len(record.history)
                    for name in recipients(record, self._app.settings, self._all):
                        steps = range(max(1, step - _EARLIER), step + 1)
                        keys |= dict.fromkeys(message_key(name, record.id, each) for each in steps)
                        keys[f"channel#{channel_name(name)}"] = None
        if len(keys) > 1:
            self._held.read(keys)

    def deliver_item(self, record: DynamoDBRecord) -> None:
        """Raises what DynamoDB does, and S3. What is no record that this version can read goes to the queue."""
        try:
            news = notifiable_record(record.raw_event, self._app.ledger.load)
            message = message_of(news, self._app.settings) if news else None
        except Exception as error:
            if not set_aside(self._app, record.raw_event, error):
                raise
            self._held.counts[Metric.MESSAGES_QUEUED] += 1
            return
        if news and message:
            for name in recipients(news, self._app.settings, self._all):
                self._deliver(message, name, news.cause)

    def _deliver(self, message: Message, name: str, cause: str) -> None:
        if message_key(name, message.record, message.step) in self._held.items:
            return
        due, batch = (self._daily(message, name, cause) if cause else None) or self._admit(message, name)
        held = Held(channel=name, message=message, due=self._held.stamp(due), batch=batch, origin=name)
        if due:
            self._held.hold(held)
            return
        error = self.delivery.send((held,))
        if error is None:
            return
        if is_hopeless(error):
            self.delivery.pass_on(held, error)
        else:
            self.delivery.back_off(channel_name(name), error)
            self._held.hold(held)

    def _admit(self, message: Message, name: str) -> tuple[datetime | None, str]:
        """Count a message; answers until when it is held (None: it is sent now), and what it is summed up with then."""
        if hold_until := self._hold_until(message, name):
            return hold_until
        now, channel = self._app.now(), channel_name(name)
        flood = self._app.settings.flood
        seconds = flood.minutes * 60
        start = now.timestamp() // seconds * seconds
        about = f"{message.guardrail} {message.account}"
        if self._held.count(f"flood#{name}#{about}#{start:.0f}") > flood.messages:
            return datetime.fromtimestamp(start + seconds, now.tzinfo), about
        if self._is_behind(channel) or self._app.time_left() < TIME_NEEDED:
            return now, ""
        if self._held.count(self.delivery.rate(channel)) > self.delivery.per_minute(channel):
            self.delivery.fall_behind(channel, {"backoff_until": {"N": "0"}, "tries": {"N": "0"}})
            return now, ""
        return None, ""

    def _daily(self, message: Message, name: str, cause: str) -> tuple[datetime, str] | None:
        """Until when it waits for the daily summary: what can't be judged still, a cause told of today, and above a few all."""
        due = next_summary(self._app.now())

        def times(what: str) -> int:
            return self._held.count(f"flood#{name}#{what}#{due:%Y-%m-%d}")

        if message.news == REMINDED or times(cause) > 1 or times("unjudged") > DAILY:
            return due, "unjudged"
        return None

    def _hold_until(self, message: Message, name: str) -> tuple[datetime, str] | None:
        """Whether it waits for an earlier step of its record, which are sent in their order, or for quiet hours' end."""
        now = self._app.now()
        for step in range(message.step - 1, max(0, message.step - 1 - _EARLIER), -1):
            earlier = self._held.items.get(message_key(name, message.record, step), {})
            if text_of(earlier, "state") == "held":
                return max(now, datetime.fromisoformat(text_of(earlier, "updated_at"))), text_of(earlier, "batch")
        until = quiet_until(message.severity, self._app.settings.quiet, now)
        return (until, "quiet") if until else None

    def _is_behind(self, channel: str) -> bool:
        return f"channel#{channel}" in self._held.items or channel not in self.delivery.channels


def notifiable_record(item: Mapping[str, Any], load: Callable[[Mapping[str, Any]], Record]) -> Record | None:
    """The record in a stream item, if it is there with a new step that is to be sent."""
    record = stepped(item, load)
    return record if record and is_sent(record) else None
