"""The ledger's stream → the channels: no record without its message, and no message that gets lost.

Each message to each channel has an item in the ledger's table, `message#<channel>#<record>#<step>`. Its `state` is
`sent`; `held`, until it is due; `elsewhere`, when another channel was told instead; or `queued`, when none took it.
The stream sends at once what it can and holds the rest, and so never waits; each minute a drain sends what is due.
It is at least once, and once but for a crash, or a lost answer, between sending and marking.

Other items: `channel#<name>`, while a channel is behind: when it may be asked again; `rate#…` and `flood#…`, which
count; and `outbox`: the channels that ever had something held, and the lease of the drain. docs/notifications.md.
"""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.aws.ledger import from_item, stepped
from chalicelib.core.metrics import Metric
from chalicelib.notify.channels.base import Retry, Undeliverable
from chalicelib.notify.held import Held
from chalicelib.notify.message import Message, is_sent, message_of
from chalicelib.notify.routing import backoff, quiet_until, recipients, summary_of
from chalicelib.notify.routing import batches as in_batches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from aws_lambda_powertools import Logger, Metrics
    from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
    from mypy_boto3_dynamodb import DynamoDBClient

    from chalicelib.aws.ledger import DynamoLedger
    from chalicelib.core.record import Record
    from chalicelib.core.settings import Settings
    from chalicelib.notify.channels.base import Channel
    from chalicelib.notify.routing import Summary

ACTIONS = (
    "dynamodb:BatchGetItem",
    "dynamodb:DeleteItem",
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
)
"""On the ledger's table; on its index, `dynamodb:Query`."""
QUEUE_VARIABLE = "SNAPBACK_FAILED_MESSAGES"
PATIENCE = timedelta(minutes=30)
"""How long a message waits for a channel that fails before the next one is told."""
TIME_NEEDED = 30.0
"""Seconds that sending may take, all of a channel's timeouts included; with less of them left, nothing is sent."""
PER_MINUTE = 20
"""Of a channel that is none of the settings', the last resort."""
MOST = 500
"""Messages of one channel that one drain looks at, and so that a summary has."""
_LEASE = timedelta(seconds=90)
"""Longer than a function may run."""
_KEPT, _GIVEN_UP, _COUNTED = timedelta(days=7), timedelta(days=30), timedelta(days=2)
"""How long it is known what was sent (Lambda delivers again for a day at most), given up (SQS keeps 14 days), counted."""
_KEYS = 100
"""As many keys as BatchGetItem takes."""
_EARLIER = 6
"""As many steps back it is looked whether one of the same record is still held."""

Item = dict[str, Any]


class NotifyApp(Protocol):
    """What telling needs of the application."""

    table: str
    settings: Settings
    function: str
    logger: Logger
    metrics: Metrics

    def now(self) -> datetime: ...
    @property
    def time_left(self) -> Callable[[], float]: ...
    @property
    def dynamodb(self) -> DynamoDBClient: ...
    @property
    def ledger(self) -> DynamoLedger: ...
    @property
    def channels(self) -> Sequence[Channel]: ...
    @property
    def last_resort(self) -> Channel | None: ...
    @property
    def give_up(self) -> Callable[[str], object] | None:
        """Puts a letter into the queue of messages that no channel takes; None where there is no queue."""


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
    https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html. An item fails that is no record
    as we write them, or whose message could neither be sent nor held.
    """
    outbox = _Outbox(app)
    outbox.look_at(event["Records"])
    # A batch that failed wholly is answered like one that failed in part: it is no error of the function.
    processor = BatchProcessor(EventType.DynamoDBStreams, raise_on_entire_batch_failure=False)
    answer = process_partial_response(event, outbox.deliver_item, processor, context)
    outbox.report()
    return answer


def drain(app: NotifyApp) -> dict[str, int]:
    """Send what is due, channel by channel in turn; answers how many messages were sent, held, passed on, queued.

    Only one drain runs at a time; what there is no time for is left to the next one. Raises what AWS does, after the
    other channels had their turn.
    """
    outbox = _Outbox(app)
    try:
        outbox.drain()
    finally:
        counts = outbox.report()
    return counts


def again(app: NotifyApp, letters: Iterable[Any]) -> dict[str, int]:
    """Have messages sent that were given up, by the next drain; each is `{"channel", "record", "step"}`, as in the queue.

    Letters only name messages; what is told is in the ledger's table. What is not given up there is passed over.
    """
    outbox = _Outbox(app)
    for letter in letters:
        outbox.again(str(letter["channel"]), str(letter["record"]), int(letter["step"]))
    return outbox.report()


def waiting(client: DynamoDBClient, table: str) -> dict[str, tuple[int, str]]:
    """How many messages are held for each channel that has some or takes none just now, and why it doesn't."""
    outbox = client.get_item(TableName=table, Key={"pk": {"S": "outbox"}}).get("Item", {})
    found: dict[str, tuple[int, str]] = {}
    for name in sorted(outbox.get("channels", {}).get("SS", [])):
        state = client.get_item(TableName=table, Key={"pk": {"S": f"channel#{name}"}}).get("Item", {})
        pages = client.get_paginator("query").paginate(
            TableName=table,
            IndexName="by-status",
            Select="COUNT",
            KeyConditionExpression="#status = :status",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":status": {"S": f"held#{name}"}},
        )
        if (held := sum(page["Count"] for page in pages)) or _text(state, "why"):
            found[name] = held, _text(state, "why")
    return found


@dataclass(frozen=True, slots=True)
class _Person:
    """Somebody told directly, as if they were a channel: `security@alice@example.com`."""

    channel: Any
    email: str

    @property
    def name(self) -> str:
        return f"{self.channel.name}@{self.email}"

    def send(self, message: Message) -> None:
        self.channel.send_direct(message, self.email)

    def sum_up(self, summary: Summary) -> None:
        self.channel.send_direct(summary, self.email)


class _Outbox:
    """One run. What it knows of the table's items, by key, is read at its beginning and kept up by what it writes."""

    def __init__(self, app: NotifyApp) -> None:
        self._app = app
        self._channels = {channel.name: channel for channel in app.channels}
        if app.last_resort:
            self._channels.setdefault(app.last_resort.name, app.last_resort)
        self._all = tuple(channel.name for channel in app.channels)
        self._chosen = {each.name: each for each in app.settings.channels}
        self._items: dict[str, Item] = {}
        self._counts: Counter[str] = Counter()

    def stamp(self, at: datetime | None = None) -> str:
        return (at or self._app.now()).isoformat(timespec="milliseconds")

    def report(self) -> dict[str, int]:
        for name, count in self._counts.items():
            self._app.metrics.add_metric(name, MetricUnit.Count, count)
        if self._counts:
            self._app.metrics.flush_metrics()
        return dict(self._counts)

    # The stream

    def look_at(self, items: list[Any]) -> None:
        """One consistent read for the batch: what was sent or is held, and which channels are behind."""
        keys: dict[str, None] = {"outbox": None}
        for item in items:
            with suppress(Exception):  # `tell` meets it too, and fails that item only.
                if record := _news(item, from_item):
                    step = len(record.history)
                    for name in recipients(record, self._app.settings, self._all):
                        steps = range(max(1, step - _EARLIER), step + 1)
                        keys |= dict.fromkeys(_key(name, record.id, each) for each in steps)
                        keys[f"channel#{_base(name)}"] = None
        if len(keys) > 1:
            self._read(keys)

    def deliver_item(self, record: DynamoDBRecord) -> None:
        """Raises what an item raises that is no record as we write them, and what DynamoDB does."""
        try:
            news = _news(record.raw_event, self._app.ledger.load)
            message = message_of(news) if news else None
        except Exception as error:
            why = {"item": record.raw_event["dynamodb"].get("Keys"), "error": type(error).__name__}
            self._app.logger.error("an item of the stream is no record that this version can tell", extra=why)  # noqa: TRY400
            raise
        if news and message:
            for name in recipients(news, self._app.settings, self._all):
                self._deliver(message, name)

    def _deliver(self, message: Message, name: str) -> None:
        if _key(name, message.record, message.step) in self._items:
            return
        due, batch = self._waits(message, name)
        held = Held(channel=name, message=message, due=self.stamp(due), batch=batch, origin=name)
        if due:
            self.hold(held)
            return
        error = self._send((held,))
        if error is None:
            return
        if _hopeless(error):
            self._pass_on(held, error)
        else:
            self._rest(_base(name), error)
            self.hold(held)

    def _waits(self, message: Message, name: str) -> tuple[datetime | None, str]:
        """Until when a message is held (None: it is sent now), and what it is summed up with then."""
        now, settings, base = self._app.now(), self._app.settings, _base(name)
        for step in range(message.step - 1, max(0, message.step - 1 - _EARLIER), -1):
            earlier = self._items.get(_key(name, message.record, step), {})
            if _text(earlier, "state") == "held":  # A record's steps are told in their order.
                return max(now, datetime.fromisoformat(_text(earlier, "updated_at"))), _text(earlier, "batch")
        if until := quiet_until(message.severity, settings.quiet, now):
            return until, "quiet"
        seconds = settings.flood.minutes * 60
        start = now.timestamp() // seconds * seconds
        about = f"{message.guardrail} {message.account}"
        if self._count(f"flood#{name}#{about}#{start:.0f}") > settings.flood.messages:
            return datetime.fromtimestamp(start + seconds, now.tzinfo), about
        if f"channel#{base}" in self._items or base not in self._channels or self._app.time_left() < TIME_NEEDED:
            return now, ""
        if self._count(self._rate(base)) > self._per_minute(base):
            self._fall_behind(base, {"rest_until": {"N": "0"}, "tries": {"N": "0"}})
            return now, ""
        return None, ""

    # The drain

    def drain(self) -> None:
        lease = str((self._app.now() + _LEASE).timestamp())
        try:
            item = self._app.dynamodb.update_item(
                TableName=self._app.table,
                Key={"pk": {"S": "outbox"}},
                UpdateExpression="SET lease_until = :until",
                ConditionExpression="attribute_not_exists(lease_until) OR lease_until < :now",
                ExpressionAttributeValues={":until": {"N": lease}, ":now": {"N": str(self._app.now().timestamp())}},
                ReturnValues="ALL_NEW",
            )["Attributes"]
        except self._app.dynamodb.exceptions.ConditionalCheckFailedException:
            self._app.logger.info("another drain is still at it")
            return
        names = item.get("channels", {}).get("SS", [])
        try:
            self._items["outbox"] = item
            if names:
                self._read(key for name in names for key in (f"channel#{name}", self._rate(name)))
            self._in_turn([self._drain(name) for name in names])
        finally:
            self._app.dynamodb.update_item(
                TableName=self._app.table,
                Key={"pk": {"S": "outbox"}},
                UpdateExpression="REMOVE lease_until",
            )

    def _in_turn(self, flows: list[Iterator[bool]]) -> None:
        """One message of each channel after the other: one that is slow or in trouble doesn't keep the others waiting."""
        errors: list[Exception] = []
        while flows:
            for flow in list(flows):
                if self._app.time_left() < TIME_NEEDED:
                    flows.clear()
                    break
                try:
                    if next(flow, None) is None:
                        flows.remove(flow)
                except Exception as error:  # noqa: BLE001 - raised below; what could not be done is still held
                    errors.append(error)
                    flows.remove(flow)
        if errors:
            raise errors[0]

    def _drain(self, base: str) -> Iterator[bool]:
        """What is due to a channel; stops after each message, for the others' turn."""
        now = self._app.now()
        state = self._items.get(f"channel#{base}", {})
        failing = _number(state, "failing_since")
        patience = now if 0 < failing <= (now - PATIENCE).timestamp() else now - PATIENCE
        if base not in self._channels:
            yield from self._pass_all_on(self._due(base, now), Undeliverable(f"channel {base} is not in the settings"))
            return
        if _number(state, "rest_until") > now.timestamp():
            yield from self._pass_all_on(self._due(base, patience), Undeliverable(_text(state, "why")))
            return
        due = self._due(base, now)
        room = self._per_minute(base) - int(_number(self._items.get(self._rate(base), {}), "times"))
        batches = in_batches(due, room)
        failed: Exception | None = None
        blocked: set[tuple[str, str]] = set()
        for number, batch in enumerate(batches):
            if not blocked.isdisjoint(_about(batch)):
                continue  # A record's steps are told in their order.
            self._count(self._rate(base))
            error = self._send(batch)
            yield True
            if error is None:
                failed, patience = None, now - PATIENCE
                self._items.pop(f"channel#{base}", None)
                continue
            late = [each for each in batch if _hopeless(error) or each.due <= self.stamp(patience)]
            yield from self._pass_all_on(late, error)
            if _hopeless(error):
                continue
            blocked |= _about(batch)
            if failed is None and not (isinstance(error, Retry) and error.after):
                failed = error  # It may be that message alone which isn't taken: another one is tried.
                continue
            self._rest(base, error)
            left = (each for later in batches[number + 1 :] for each in later)
            yield from self._pass_all_on((each for each in left if each.due <= self.stamp(patience)), error)
            return
        if failed:
            self._rest(base, failed)
        elif state and (batches or not _number(state, "tries")) and len(due) < MOST:
            self._app.dynamodb.delete_item(TableName=self._app.table, Key={"pk": {"S": f"channel#{base}"}})

    def _pass_all_on(self, given_up: Iterable[Held], error: Exception) -> Iterator[bool]:
        for held in given_up:
            self._pass_on(held, error)
            yield True

    def _due(self, base: str, until: datetime) -> list[Held]:
        """What is held for a channel, and was due by then; the index may be late, so the table itself is asked again."""
        query: Any = {
            "TableName": self._app.table,
            "IndexName": "by-status",
            "KeyConditionExpression": "#status = :status AND updated_at <= :until",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": {":status": {"S": f"held#{base}"}, ":until": {"S": self.stamp(until)}},
        }
        keys: list[str] = []
        for page in self._app.dynamodb.get_paginator("query").paginate(
            **query, PaginationConfig={"MaxItems": MOST, "PageSize": _KEYS}
        ):
            keys += [row["pk"]["S"] for row in page["Items"]]
        if keys:
            self._read(keys)
        found: list[Held] = []
        for key in keys:
            try:
                if held := self._held(self._items.get(key, {})):
                    found.append(held)
            except Exception as error:  # noqa: BLE001 - the others' turn; this one stays held
                why = {"item": key, "error": type(error).__name__}
                self._app.logger.error("a held message can't be read", extra=why)  # noqa: TRY400
        return found

    def _held(self, item: Item, state: str = "held") -> Held | None:
        if _text(item, "state") != state:
            return None
        values = json.loads(_text(item, "message"))
        made: Any = {name: tuple(each) if isinstance(each, list) else each for name, each in values.items()}
        try:
            message = Message(**made)
        except TypeError:  # Another version held it: then the record is told as it is now.
            record = self._app.ledger.get(str(values["record"]))
            if record is None:
                raise
            message = message_of(record)
        names = {name: _text(item, name) for name in ("channel", "batch", "origin")}
        return Held(message=message, due=_text(item, "updated_at"), **names)

    def again(self, channel: str, record: str, step: int) -> None:
        self._read([_key(channel, record, step)])
        if held := self._held(self._items.get(_key(channel, record, step), {}), "queued"):
            self.hold(replace(held, channel=held.origin, due=self.stamp(), batch=""), even_if_given_up=True)
            if channel != held.origin:
                self._mark(held, "elsewhere")

    # Both

    def _send(self, batch: Sequence[Held]) -> Exception | None:
        """Tell one message, or the summary of many, and mark them as sent; answers what went wrong."""
        base, _, email = batch[0].channel.partition("@")
        channel = _Person(self._channels[base], email) if email else self._channels[base]
        try:
            if len(batch) == 1:
                channel.send(batch[0].message)
            else:
                channel.sum_up(summary_of([each.message for each in batch]))
        except Exception as error:  # noqa: BLE001 - one channel's trouble is never another's
            return error
        for each in batch:
            self._mark(each, "sent")
        self._counts[Metric.MESSAGES_SENT] += len(batch)
        if len(batch) > 1:
            self._counts[Metric.SUMMARIES] += 1
        return None

    def hold(self, held: Held, *, even_if_given_up: bool = False) -> str:
        """Unless it was sent or is held already; answers what its state is then."""
        base, message = _base(held.channel), held.message
        if base not in self._items.get("outbox", {}).get("channels", {}).get("SS", []):
            self._items["outbox"] = self._app.dynamodb.update_item(
                TableName=self._app.table,
                Key={"pk": {"S": "outbox"}},
                UpdateExpression="ADD channels :name",
                ExpressionAttributeValues={":name": {"SS": [base]}},
                ReturnValues="ALL_NEW",
            )["Attributes"]
        key = _key(held.channel, message.record, message.step)
        item = {
            **_whole(held),
            "status": {"S": f"held#{base}"},
            "updated_at": {"S": held.due},
            "state": {"S": "held"},
        }
        put: Any = {"TableName": self._app.table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)"}
        if even_if_given_up:
            put["ConditionExpression"] += " OR #state IN (:elsewhere, :queued)"
            put["ExpressionAttributeNames"] = {"#state": "state"}
            put["ExpressionAttributeValues"] = {":elsewhere": {"S": "elsewhere"}, ":queued": {"S": "queued"}}
        try:
            self._app.dynamodb.put_item(**put)
        except self._app.dynamodb.exceptions.ConditionalCheckFailedException:
            self._read([key])
            return _text(self._items.get(key, {}), "state")
        self._items[key] = item
        self._counts[Metric.MESSAGES_HELD] += 1
        return "held"

    def _pass_on(self, held: Held, error: Exception) -> None:
        """To the next channel that has not given it up itself, or, after the last, to the queue."""
        why = {"channel": held.channel, "record": held.message.record, "step": held.message.step, "error": _said(error)}
        for name in self._after(held.channel):
            there = Held(channel=name, message=held.message, due=self.stamp(), origin=held.origin)
            if self.hold(there) in {"held", "sent", "queued"}:
                self._app.logger.error("not told, and passed on", extra={**why, "to": name})
                self._counts[Metric.MESSAGES_ELSEWHERE] += 1
                self._mark(held, "elsewhere")
                return
        if self._app.give_up is None:
            self._app.logger.error("not told, and there is no queue for it: it stays held", extra=why)
            if self._items.get(_key(held.channel, held.message.record, held.message.step)) is None:
                self.hold(held)
            return
        letter = {"headline": held.message.headline, "at": held.message.at, "function": self._app.function}
        self._app.give_up(json.dumps({**why, **letter}))
        self._app.logger.error("not told by any channel: it is in the queue of failed messages", extra=why)
        self._counts[Metric.MESSAGES_QUEUED] += 1
        self._mark(held, "queued")

    def _after(self, name: str) -> Iterator[str]:
        """Those that are told instead, in their order; for a person, it begins with the channel they are told through."""
        seen = [name, _base(name)] if "@" in name else [name]
        while (chosen := self._chosen.get(seen[-1])) and chosen.fallback and chosen.fallback not in seen:
            seen.append(chosen.fallback)
        if (last := self._app.last_resort) and last.name not in seen:
            seen.append(last.name)
        return iter(seen[1:])

    def _rest(self, base: str, error: Exception) -> None:
        """Leave a channel alone for a while, which grows with each failure in a row."""
        state = self._items.get(f"channel#{base}", {})
        tries = int(_number(state, "tries")) + 1
        now = self._app.now().timestamp()
        asked = error.after if isinstance(error, Retry) else 0
        until = now + backoff(base, tries, asked)
        item = {
            "rest_until": {"N": str(until)},
            "tries": {"N": str(tries)},
            "failing_since": {"N": str(_number(state, "failing_since") or now)},
            "why": {"S": _said(error)},
        }
        self._fall_behind(base, item)
        why = {"channel": base, "error": _said(error), "again_in": round(until - now)}
        self._app.logger.warning("a channel takes nothing just now", extra=why)

    def _fall_behind(self, base: str, state: Item) -> None:
        item = {"pk": {"S": f"channel#{base}"}, **state}
        self._app.dynamodb.put_item(TableName=self._app.table, Item=item)
        self._items[f"channel#{base}"] = item

    def _mark(self, held: Held, state: str) -> None:
        """By which it is held no more, and not sent again; of what was given up, the message is kept for `again`."""
        key = _key(held.channel, held.message.record, held.message.step)
        item: Item = _whole(held) if state == "queued" else {"pk": {"S": key}}
        until = self._app.now() + (_GIVEN_UP if state == "queued" else _KEPT)
        item |= {"state": {"S": state}, "expires_at": {"N": str(int(until.timestamp()))}}
        was_held = key in self._items
        self._items[key] = item
        try:
            self._app.dynamodb.put_item(TableName=self._app.table, Item=item)
        except (ClientError, BotoCoreError) as error:
            why = {"mark": key, "state": state, "error": str(error)}
            self._app.logger.error("a message is not marked as what became of it", extra=why)  # noqa: TRY400
            if was_held:
                raise  # Else the rest of the drain would be told twice as well.

    def _count(self, key: str) -> int:
        """One more; answers how many there are now."""
        expires_at = int((self._app.now() + _COUNTED).timestamp())
        answer = self._app.dynamodb.update_item(
            TableName=self._app.table,
            Key={"pk": {"S": key}},
            UpdateExpression="ADD times :one SET expires_at = :expires_at",
            ExpressionAttributeValues={":one": {"N": "1"}, ":expires_at": {"N": str(expires_at)}},
            ReturnValues="UPDATED_NEW",
        )
        return int(answer["Attributes"]["times"]["N"])

    def _rate(self, base: str) -> str:
        return f"rate#{base}#{self._app.now():%Y-%m-%dT%H:%M}"

    def _per_minute(self, base: str) -> int:
        chosen = self._chosen.get(base)
        return chosen.per_minute if chosen else PER_MINUTE

    def _read(self, keys: Iterable[str]) -> None:
        """What the table has under these keys, consistently."""
        wanted_keys = list(dict.fromkeys(keys))
        for key in wanted_keys:
            self._items.pop(key, None)
        for start in range(0, len(wanted_keys), _KEYS):
            some = [{"pk": {"S": key}} for key in wanted_keys[start : start + _KEYS]]
            wanted: Any = {self._app.table: {"Keys": some, "ConsistentRead": True}}
            while wanted:
                answer = self._app.dynamodb.batch_get_item(RequestItems=wanted)
                self._items |= {row["pk"]["S"]: row for rows in answer["Responses"].values() for row in rows}
                wanted = answer.get("UnprocessedKeys")


def _about(batch: Iterable[Held]) -> set[tuple[str, str]]:
    return {(each.channel, each.message.record) for each in batch}


def _hopeless(error: Exception) -> bool:
    """Whether the message would never be taken; a secret that was refused may be rotated yet."""
    return isinstance(error, Undeliverable) and not error.renew


def _said(error: Exception) -> str:
    """What the channels raise is without secrets; what others raise may hold the channel's address."""
    return str(error) if isinstance(error, Retry | Undeliverable) else type(error).__name__


def _base(name: str) -> str:
    """The channel that people are told through."""
    return name.partition("@")[0]


def _key(channel: str, record: str, step: int) -> str:
    return f"message#{channel}#{record}#{step}"


def _whole(held: Held) -> Item:
    """All of it but when it is due."""
    return {
        "pk": {"S": _key(held.channel, held.message.record, held.message.step)},
        "channel": {"S": held.channel},
        "batch": {"S": held.batch},
        "origin": {"S": held.origin or held.channel},
        "message": {"S": json.dumps(asdict(held.message))},
    }


def _text(item: Item, name: str) -> str:
    return str(item.get(name, {}).get("S", ""))


def _number(item: Item, name: str) -> float:
    return float(item.get(name, {}).get("N", 0))


def _news(item: Mapping[str, Any], load: Callable[[Mapping[str, Any]], Record]) -> Record | None:
    """The record in a stream item, if it is there with a new step that is to be told."""
    record = stepped(item, load)
    return record if record and is_sent(record) else None
