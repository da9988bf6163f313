"""Sends messages to their channels; what a channel does not take goes to the next one, or waits until it does."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import MetricUnit

from chalicelib.core.errors import ChannelBusy, Undeliverable
from chalicelib.core.metrics import Metric
from chalicelib.notify.held import Held, HeldMessages, Item, NotifyApp, channel_name, message_key, number_of
from chalicelib.notify.routing import backoff
from chalicelib.notify.summary import summary_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chalicelib.notify.message import Message
    from chalicelib.notify.summary import Summary

PER_MINUTE = 20
"""Of a channel outside the settings: the last resort."""


@dataclass(frozen=True, slots=True)
class _Person:
    """Somebody who gets direct messages, as if they were a channel: `security@alice@example.com`."""

    channel: Any
    email: str

    @property
    def name(self) -> str:
        return f"{self.channel.name}@{self.email}"

    def send(self, message: Message) -> None:
        self.channel.send_direct(message, self.email)

    def sum_up(self, summary: Summary) -> None:
        self.channel.send_direct(summary, self.email)


class Delivery:
    """One run's sending."""

    def __init__(self, app: NotifyApp) -> None:
        self._app, self.held = app, HeldMessages(app)
        self.channels = {channel.name: channel for channel in app.channels}
        if app.last_resort:
            self.channels.setdefault(app.last_resort.name, app.last_resort)
        self._chosen = {each.name: each for each in app.settings.channels}

    def report(self) -> dict[str, int]:
        for name, count in self.held.counts.items():
            self._app.metrics.add_metric(name, MetricUnit.Count, count)
        if self.held.counts:
            self._app.metrics.flush_metrics()
        return dict(self.held.counts)

    def send(self, batch: Sequence[Held]) -> Exception | None:
        """Tell one message, or the summary of many, and mark them as sent; answers what went wrong."""
        name, _, email = batch[0].channel.partition("@")
        channel = _Person(self.channels[name], email) if email else self.channels[name]
        try:
            if len(batch) == 1:
                channel.send(batch[0].message)
            else:
                channel.sum_up(summary_of([each.message for each in batch]))
        except Exception as error:  # noqa: BLE001 - one channel's trouble is never another's
            return error
        for each in batch:
            self.held.mark(each, "sent")
        self.held.counts[Metric.MESSAGES_SENT] += len(batch)
        if len(batch) > 1:
            self.held.counts[Metric.SUMMARIES] += 1
        return None

    def pass_on(self, held: Held, error: Exception) -> None:
        """To the next channel that has not given it up itself, or, after the last, to the queue."""
        why = {
            "channel": held.channel,
            "record": held.message.record,
            "step": held.message.step,
            "error": describe(error),
        }
        for name in self._after(held.channel):
            there = Held(channel=name, message=held.message, due=self.held.stamp(), origin=held.origin)
            if self.held.hold(there) in {"held", "sent", "queued"}:
                self._app.logger.error("not sent; passed to the next channel", extra={**why, "to": name})
                self.held.counts[Metric.MESSAGES_ELSEWHERE] += 1
                self.held.mark(held, "elsewhere")
                return
        if self._app.give_up is None:
            self._app.logger.error(
                "not sent, and there is no queue for failed messages: the message stays held", extra=why
            )
            if self.held.items.get(message_key(held.channel, held.message.record, held.message.step)) is None:
                self.held.hold(held)
            return
        dead_letter = {"headline": held.message.headline, "at": held.message.at, "function": self._app.function}
        self._app.give_up(json.dumps({**why, **dead_letter}))
        self._app.logger.error("every channel failed: the message is in the queue of failed messages", extra=why)
        self.held.counts[Metric.MESSAGES_QUEUED] += 1
        self.held.mark(held, "queued")

    def _after(self, name: str) -> Iterator[str]:
        """The channels that get it instead, in their order; for a person, the first is the channel of their direct messages."""
        seen = [name, channel_name(name)] if "@" in name else [name]
        while (chosen := self._chosen.get(seen[-1])) and chosen.fallback and chosen.fallback not in seen:
            seen.append(chosen.fallback)
        if (last := self._app.last_resort) and last.name not in seen:
            seen.append(last.name)
        return iter(seen[1:])

    def back_off(self, name: str, error: Exception) -> None:
        """Leave a channel alone for a while, which grows with each failure in a row."""
        state = self.held.items.get(f"channel#{name}", {})
        tries = int(number_of(state, "tries")) + 1
        now = self._app.now().timestamp()
        asked = error.after if isinstance(error, ChannelBusy) else 0
        until = now + backoff(name, tries, asked)
        item = {
            "backoff_until": {"N": str(until)},
            "tries": {"N": str(tries)},
            "failing_since": {"N": str(number_of(state, "failing_since") or now)},
            "why": {"S": describe(error)},
        }
        self.fall_behind(name, item)
        why = {"channel": name, "error": describe(error), "again_in": round(until - now)}
        self._app.logger.warning("a channel accepts no messages for now", extra=why)

    def fall_behind(self, name: str, state: Item) -> None:
        item = {"pk": {"S": f"channel#{name}"}, **state}
        self._app.dynamodb.put_item(TableName=self._app.table, Item=item)
        self.held.items[f"channel#{name}"] = item

    def rate(self, name: str) -> str:
        return f"rate#{name}#{self._app.now():%Y-%m-%dT%H:%M}"

    def per_minute(self, name: str) -> int:
        chosen = self._chosen.get(name)
        return chosen.per_minute if chosen else PER_MINUTE

    def again(self, channel: str, record: str, step: int) -> None:
        self.held.read([message_key(channel, record, step)])
        if held := self.held.parse(self.held.items.get(message_key(channel, record, step), {}), "queued"):
            self.held.hold(replace(held, channel=held.origin, due=self.held.stamp(), batch=""), even_if_given_up=True)
            if channel != held.origin:
                self.held.mark(held, "elsewhere")


def is_hopeless(error: Exception) -> bool:
    """Whether the message would never be taken; a secret that was refused may be rotated yet."""
    return isinstance(error, Undeliverable) and not error.renew


def describe(error: Exception) -> str:
    """What the channels raise is without secrets; what others raise may hold the channel's address."""
    return str(error) if isinstance(error, ChannelBusy | Undeliverable) else type(error).__name__
