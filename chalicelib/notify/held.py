"""Messages that wait for their channel, and what became of messages: their items in the ledger's table."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.aws.ledger_table import INDEX, batch_get, key_of
from chalicelib.core.errors import UnreadableRecord
from chalicelib.core.metrics import Metric
from chalicelib.notify.message import Message, message_of
from chalicelib.notify.unread import StreamApp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from aws_lambda_powertools import Metrics
    from mypy_boto3_dynamodb import DynamoDBClient

    from chalicelib.aws.ledger import DynamoLedger
    from chalicelib.core.settings import Settings
    from chalicelib.notify.channels.base import Channel

Item = dict[str, Any]

ACTIONS = (
    "dynamodb:BatchGetItem",
    "dynamodb:DeleteItem",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
)
"""On the ledger's table; on its index, `dynamodb:Query`."""
KEYS = ("message#*", "channel#*", "rate#*", "flood#*", "chat#*", "outbox")
"""What notifications write in the ledger's table, `*` for the rest of a key."""
MOST = 500
"""Messages of one channel that one drain looks at, and so that a summary has."""
_KEPT, _GIVEN_UP, _COUNTED = timedelta(days=7), timedelta(days=30), timedelta(days=2)
"""How long it is known what was sent (Lambda delivers again for a day at most), given up (SQS keeps 14 days), counted."""
_KEYS = 100
"""As many keys as BatchGetItem takes."""

TIME_NEEDED = 30.0
"""Seconds that sending may take, all of a channel's timeouts included; with less of them left, nothing is sent."""


class NotifyApp(StreamApp, Protocol):
    """What telling needs of the application."""

    table: str
    settings: Settings
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A message that waits for its channel until `due` (ISO 8601, UTC).

    `batch` is what it is summed up with then, if with anything; `origin` the channel that it was first meant for.
    """

    channel: str
    message: Message
    due: str
    batch: str = ""
    origin: str = ""

    @property
    def order(self) -> tuple[str, str, int]:
        return self.message.at, self.message.record, self.message.step


class HeldMessages:
    """One run's view of the table's items, by key: read at its beginning and kept up by what it writes."""

    def __init__(self, app: NotifyApp) -> None:
        self._app = app
        self.items: dict[str, Item] = {}
        self.counts: Counter[str] = Counter()

    def stamp(self, at: datetime | None = None) -> str:
        return (at or self._app.now()).isoformat(timespec="milliseconds")

    def hold(self, held: Held, *, even_if_given_up: bool = False) -> str:
        """Unless it was sent or is held already; answers what its state is then."""
        channel, message = channel_name(held.channel), held.message
        if channel not in self.items.get("outbox", {}).get("channels", {}).get("SS", []):
            self.items["outbox"] = self._app.dynamodb.update_item(
                TableName=self._app.table,
                Key={"pk": {"S": "outbox"}},
                UpdateExpression="ADD channels :name",
                ExpressionAttributeValues={":name": {"SS": [channel]}},
                ReturnValues="ALL_NEW",
            )["Attributes"]
        key = message_key(held.channel, message.record, message.step)
        item = {
            **to_item(held),
            "status": {"S": f"held#{channel}"},
            "status_shard": {"S": f"held#{channel}"},
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
            self.read([key])
            return text_of(self.items.get(key, {}), "state")
        self.items[key] = item
        self.counts[Metric.MESSAGES_HELD] += 1
        return "held"

    def parse(self, item: Item, state: str = "held") -> Held | None:
        if text_of(item, "state") != state:
            return None
        values = json.loads(text_of(item, "message"))
        made: Any = {name: tuple(each) if isinstance(each, list) else each for name, each in values.items()}
        try:
            message = Message(**made)
        except TypeError:  # Another version held it: then the record is sent as it is now.
            record = self._app.ledger.get(str(values["record"]))
            if record is None:
                raise
            message = message_of(record, self._app.settings)
        names = {name: text_of(item, name) for name in ("channel", "batch", "origin")}
        held, key = Held(message=message, due=text_of(item, "updated_at"), **names), text_of(item, "pk")
        if key != message_key(held.channel, message.record, message.step):
            raise UnreadableRecord(f"item {key!r} isn't a message from Snapback: its key doesn't match its content")
        return held

    def due(self, channel: str, until: datetime) -> list[Held]:
        """What is held for a channel, and was due by then; the index may be late, so the table itself is asked again."""
        query: Any = {
            "TableName": self._app.table,
            "IndexName": INDEX,
            "KeyConditionExpression": "status_shard = :shard AND updated_at <= :until",
            "ExpressionAttributeValues": {":shard": {"S": f"held#{channel}"}, ":until": {"S": self.stamp(until)}},
        }
        pages = self._app.dynamodb.get_paginator("query").paginate(**query, PaginationConfig={"PageSize": MOST})
        in_time = takewhile(lambda _: self._app.time_left() >= TIME_NEEDED, pages)
        rows = (row for page in in_time for row in page["Items"])
        keys = list(islice(filter(None, (key_of(row, "message") for row in rows)), MOST))
        if keys:
            self.read(keys)
        found: list[Held] = []
        for key in keys:
            try:
                if held := self.parse(self.items.get(key, {})):
                    found.append(held)
            except Exception as error:  # noqa: BLE001 - the others' turn; this one stays held
                why = {"item": key, "error": type(error).__name__}
                self._app.logger.error("a held message can't be read", extra=why)  # noqa: TRY400
        return found

    def mark(self, held: Held, state: str) -> None:
        """By which it is held no more, and not sent again; of what was given up, the message is kept for `again`."""
        key = message_key(held.channel, held.message.record, held.message.step)
        item: Item = to_item(held) if state == "queued" else {"pk": {"S": key}}
        until = self._app.now() + (_GIVEN_UP if state == "queued" else _KEPT)
        item |= {"state": {"S": state}, "expires_at": {"N": str(int(until.timestamp()))}}
        was_held = key in self.items
        self.items[key] = item
        try:
            self._app.dynamodb.put_item(TableName=self._app.table, Item=item)
        except (ClientError, BotoCoreError) as error:
            why = {"mark": key, "state": state, "error": str(error)}
            self._app.logger.error("the outcome of a message could not be saved", extra=why)  # noqa: TRY400
            if was_held:
                raise  # Else the others of the drain would be sent twice as well.

    def count(self, key: str) -> int:
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

    def read(self, keys: Iterable[str]) -> None:
        """What the table has under these keys, consistently."""
        wanted_keys = list(dict.fromkeys(keys))
        for key in wanted_keys:
            self.items.pop(key, None)
        for start in range(0, len(wanted_keys), _KEYS):
            some = wanted_keys[start : start + _KEYS]
            self.items |= batch_get(self._app.dynamodb, self._app.table, some)


def channel_name(name: str) -> str:
    """The channel that direct messages go through."""
    return name.partition("@")[0]


def message_key(channel: str, record: str, step: int) -> str:
    return f"message#{channel}#{record}#{step}"


def to_item(held: Held) -> Item:
    """All of it but when it is due."""
    return {
        "pk": {"S": message_key(held.channel, held.message.record, held.message.step)},
        "channel": {"S": held.channel},
        "batch": {"S": held.batch},
        "origin": {"S": held.origin or held.channel},
        "message": {"S": json.dumps(asdict(held.message))},
    }


def text_of(item: Item, name: str) -> str:
    return str(item.get(name, {}).get("S", ""))


def number_of(item: Item, name: str) -> float:
    return float(item.get(name, {}).get("N", 0))


def waiting(client: DynamoDBClient, table: str) -> dict[str, tuple[int, str]]:
    """How many messages are held for each channel that has some or takes none just now, and why it doesn't."""
    outbox = client.get_item(TableName=table, Key={"pk": {"S": "outbox"}}).get("Item", {})
    found: dict[str, tuple[int, str]] = {}
    for name in sorted(outbox.get("channels", {}).get("SS", [])):
        state = client.get_item(TableName=table, Key={"pk": {"S": f"channel#{name}"}}).get("Item", {})
        pages = client.get_paginator("query").paginate(
            TableName=table,
            IndexName=INDEX,
            KeyConditionExpression="status_shard = :shard",
            ExpressionAttributeValues={":shard": {"S": f"held#{name}"}},
        )
        if (held := sum(bool(key_of(row, "message")) for page in pages for row in page["Items"])) or text_of(
            state, "why"
        ):
            found[name] = held, text_of(state, "why")
    return found
