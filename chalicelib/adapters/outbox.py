"""The ledger's stream → the channels: no record without its message, and no message that gets lost.

A message is sent, then marked as sent (`sent#<record>#<status>#<step>#<channel>` in the ledger's table): at least once,
and once but for a crash between the two. What isn't taken now fails its stream item, and Lambda delivers everything
from the first failed item again: what is marked is then passed over. What is never taken, or not for `PATIENCE`, goes
to the last resort, so that one channel that is down does not hold up the others; where there is none, it stays failed.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.adapters.channels import Retry, Undeliverable
from chalicelib.adapters.ledger import from_item
from chalicelib.core.message import Message, message_of, told

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aws_lambda_powertools import Logger, Metrics
    from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
    from mypy_boto3_dynamodb import DynamoDBClient

    from chalicelib.adapters.channels import Channel
    from chalicelib.adapters.ledger import DynamoLedger
    from chalicelib.core.record import Record

ACTIONS = ("dynamodb:BatchGetItem", "dynamodb:PutItem")
"""On the ledger's table."""
PATIENCE = timedelta(minutes=30)
"""How long a message waits for a channel before it goes to the last resort."""
LONGEST_PAUSE = 10.0
"""Seconds at most that a channel's Retry-After holds up the next delivery."""
_KEPT = timedelta(days=7)
"""How long it is known what was sent; Lambda delivers again for a day at most."""
_KEYS = 100
"""As many keys as BatchGetItem takes."""


class Home(Protocol):
    """What telling needs of the application."""

    table: str
    logger: Logger
    metrics: Metrics

    def now(self) -> datetime: ...
    def pause(self, seconds: float, /) -> None: ...
    @property
    def dynamodb(self) -> DynamoDBClient: ...
    @property
    def ledger(self) -> DynamoLedger: ...
    @property
    def channels(self) -> Sequence[Channel]: ...
    @property
    def last_resort(self) -> Channel | None: ...


class NotTold(Exception):
    """Some channel has not taken a message yet; Lambda has to deliver its stream item again."""


def deliver(home: Home, event: Any, context: Any) -> Any:
    """Tell what a batch of the ledger's stream holds; answers which items failed.

    `{"batchItemFailures": [{"itemIdentifier": sequence number}, ...]}`, as Lambda's ReportBatchItemFailures wants it:
    https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html.
    """
    delivery = _Delivery(home, event["Records"])
    # A batch that failed wholly is answered like one that failed in part: it is no error of the function.
    processor = BatchProcessor(EventType.DynamoDBStreams, raise_on_entire_batch_failure=False)
    answer = process_partial_response(event, delivery.tell, processor, context)
    delivery.end()
    return answer


class _Delivery:
    """One batch. A channel that asks for a pause is left alone for the rest of it, so its messages stay in order."""

    def __init__(self, home: Home, items: list[Any]) -> None:
        self._home = home
        self._resting: dict[str, Retry] = {}
        self._counts: Counter[str] = Counter()
        self._sent = self._sent_earlier(items)

    def tell(self, record: DynamoDBRecord) -> None:
        """Raises NotTold, and what an item raises that is no record as we write them."""
        try:
            news = _news(record.raw_event, self._home.ledger.load)
            message = message_of(news) if news else None
        except Exception as error:
            why = {"item": record.raw_event["dynamodb"].get("Keys"), "error": type(error).__name__}
            self._home.logger.error("an item of the stream is no record that this version can tell", extra=why)  # noqa: TRY400
            raise
        if message is None:
            return
        waiting = [each.name for each in self._home.channels if not self._told(each, message)]
        if waiting:
            raise NotTold(f"record {message.record}, step {message.step}: not told to {', '.join(waiting)}")

    def end(self) -> None:
        """Wait as long as the channels ask for, since Lambda may come back at once; report."""
        for name, count in self._counts.items():
            self._home.metrics.add_metric(name, MetricUnit.Count, count)
        if self._counts:
            self._home.metrics.flush_metrics()
        after = max((resting.after for resting in self._resting.values()), default=0)
        if after:
            self._home.pause(min(after, LONGEST_PAUSE))

    def _told(self, channel: Channel, message: Message) -> bool:
        key = _key(message.record, message.status, message.step, channel.name)
        if key in self._sent:
            return True
        if resting := self._resting.get(channel.name):
            return self._told_elsewhere(channel, message, resting)
        try:
            channel.send(message)
        except Exception as error:  # noqa: BLE001 - one channel's trouble is never another's
            if isinstance(error, Retry):
                self._resting[channel.name] = error
            return self._told_elsewhere(channel, message, error)
        self._mark(key)
        self._counts["MessagesSent"] += 1
        return True

    def _told_elsewhere(self, channel: Channel, message: Message, error: Exception) -> bool:
        ours = isinstance(error, Retry | Undeliverable)  # What others raise may hold the channel's address.
        why = {"channel": channel.name, "record": message.record, "step": message.step}
        why["error"] = str(error) if ours else type(error).__name__
        age = self._home.now() - datetime.fromisoformat(message.at)
        resort = self._home.last_resort
        waits = isinstance(error, Retry) and age < PATIENCE
        if waits or resort is None or resort.name == channel.name or not self._told(resort, message):
            self._counts["MessagesDelayed"] += 1
            log = self._home.logger.warning if isinstance(error, Retry) else self._home.logger.error
            log("not told yet", extra=why)
            return False
        self._mark(_key(message.record, message.status, message.step, channel.name))
        self._counts["MessagesElsewhere"] += 1
        self._home.logger.error("told by the last resort instead", extra=why)
        return True

    def _sent_earlier(self, items: list[Any]) -> set[str]:
        """The marks there are, with one consistent read for the batch."""
        resort = self._home.last_resort
        names = {channel.name for channel in (*self._home.channels, *([resort] if resort else []))}
        keys: list[str] = []
        for item in items:
            with suppress(Exception):  # `tell` meets it too, and fails that item only.
                if record := _news(item, from_item):
                    keys += [_key(record.id, record.status, len(record.history), name) for name in names]
        found: set[str] = set()
        for start in range(0, len(keys), _KEYS):
            wanted: Any = {
                self._home.table: {
                    "Keys": [{"pk": {"S": key}} for key in dict.fromkeys(keys[start : start + _KEYS])],
                    "ProjectionExpression": "pk",
                    "ConsistentRead": True,
                }
            }
            while wanted:
                answer = self._home.dynamodb.batch_get_item(RequestItems=wanted)
                found |= {row["pk"]["S"] for rows in answer["Responses"].values() for row in rows}
                wanted = answer.get("UnprocessedKeys")
        return found

    def _mark(self, key: str) -> None:
        self._sent.add(key)
        expires_at = int((self._home.now() + _KEPT).timestamp())
        try:
            self._home.dynamodb.put_item(
                TableName=self._home.table, Item={"pk": {"S": key}, "expires_at": {"N": str(expires_at)}}
            )
        except (ClientError, BotoCoreError) as error:  # It has arrived: failing now would only tell it twice.
            why = {"mark": key, "error": str(error)}
            self._home.logger.error("sent, but not marked as sent", extra=why)  # noqa: TRY400


def _key(record: str, status: str, step: int, channel: str) -> str:
    return f"sent#{record}#{status}#{step}#{channel}"


def _news(item: Mapping[str, Any], load: Callable[[Mapping[str, Any]], Record]) -> Record | None:
    """The record in a stream item, if it is there with a new step that is to be told.

    A new step, and not a new status: a question that is asked anew, with another preview, stays `asking`.
    """
    change = item["dynamodb"]
    new, old = change.get("NewImage"), change.get("OldImage") or {}
    if not new or not new["pk"]["S"].startswith("record#"):
        return None
    if len(new["history"]["L"]) <= len(old.get("history", {}).get("L", [])):
        return None
    record = load(new)
    return record if told(record) else None
