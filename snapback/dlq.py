"""Dead letters: events that a function gave up, and messages that no channel took. Each kind has its queue.

Whoever looks at a queue hides its dead letters from others meanwhile, and loses none: `received` gives back what it did not
delete, and should it die, SQS gives it back after HELD.
"""

from __future__ import annotations

import json
import re
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.aws.ledger_items import to_item
from chalicelib.core.event import Actor, dig, parse_time, text
from chalicelib.core.metrics import Metric
from chalicelib.core.partitions import partition
from chalicelib.core.types import Status
from chalicelib.engine import second_look
from chalicelib.notify.unread import describe
from snapback.errors import CannotRedrive, NoQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from chalicelib.aws.ledger import DynamoLedger
    from chalicelib.core.record import Record

HELD = 120
"""Seconds that a dead letter stays hidden from others while it is looked at."""
WAIT = 1
"""Seconds that an empty queue is asked for: with 0, SQS asks but some of its servers, and dead letters are missed."""
PAGE = 10
"""As many messages as SQS answers and takes at once, and as many items as the notify function is given."""
SLACK = timedelta(minutes=1)
"""Stream times are approximate."""
EMPTY = 40
"""Answers without a record, one after the other, after which a shard is taken to have none left."""
ODD = "this version of Snapback doesn't know this kind of dead letter"
_TRIMMED = frozenset({"TrimmedDataAccessException", "ResourceNotFoundException"})
_NO_QUEUE = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "InvalidAddress"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One message of a queue.

    An event that was given up: `event` is what the function (`function`, an ARN) was given; where EventBridge could
    not call it at all, `rule` is the ARN of its rule; where it was to be looked at once more, there is neither. A message that no channel took: `message` is what the outbox tells
    of it, by which it is found in the ledger's table. A step of a record that the function could not read: `unread` is
    the record's key. Steps of the ledger that could not be read as messages: `batch` is
    what Lambda tells of them (`DDBStreamBatchInfo`), which is only where in the ledger's stream they are.
    """

    id: str
    queue: str
    receipt: str
    sent: datetime
    body: str
    function: str = ""
    rule: str = ""
    event: Any = None
    second_look: bool = False
    """Of the queue of events that are looked at once more: no sender can add its key to an envelope."""
    swept: str = ""
    """What the daily sweep could not list or evaluate; the next day's tries again, so that it can be dropped."""
    batch: Mapping[str, Any] | None = None
    message: Mapping[str, Any] | None = None
    unread: str | None = None
    error: str = ODD

    @property
    def what(self) -> str:
        if self.swept:
            return f"sweep of {self.swept}"
        if self.batch is not None:
            return f"{self.batch.get('batchSize', 'some')} messages"
        if self.unread is not None:
            return f"a step of {self.unread.replace('#', ' ', 1)} that could not be read"
        if self.message is not None:
            return f"{text(self.message, 'headline')} (record {self.message['record']}) to {self.message['channel']}"
        detail = dig(self.event, "detail")
        name = text(detail, "eventName") or text(self.event, "detail-type") or "something"
        name = f"second look at {name}" if self.second_look else name
        actor = Actor.of(detail, "")
        return name if actor.kind == "Unknown" else f"{name} by {actor.name}"

    @property
    def kind(self) -> str:
        kinds = {"event": self.event, "messages": self.batch, "message": self.message, "record": self.unread}
        return next((name for name, held in kinds.items() if held is not None), "odd")

    @property
    def function_name(self) -> str:
        return dict(enumerate(self.function.split(":"))).get(6, self.function)

    def to_json(self) -> dict[str, Any]:
        """Without the event itself."""
        return {
            "id": self.id,
            "kind": self.kind,
            "queue": self.queue,
            "sent": self.sent.isoformat(timespec="seconds"),
            "what": self.what,
            "function": self.function,
            "rule": self.rule,
            "batch": self.batch,
            "message": self.message,
            "unread": self.unread,
            "error": self.error,
        }


def parse_dead_letter(queue: str, message: Mapping[str, Any]) -> DeadLetter:
    """A message as SQS hands it out.

    From the outbox (`chalicelib/notify/outbox.py`), from Lambda's on-failure destinations (of functions and of the ledger's
    stream) and from the EventBridge rule:
    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html,
    https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html,
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html.
    """
    body = _parsed(message["Body"])
    told = {name: text(each, "StringValue") or "" for name, each in message.get("MessageAttributes", {}).items()}
    values: dict[str, Any] = {}
    if isinstance(batch := dig(body, "DDBStreamBatchInfo"), dict):
        values = {"batch": batch, "function": _function(body), "error": _error(body)}
    elif isinstance(body, dict) and "requestPayload" in body:
        values = {"event": body["requestPayload"], "function": _function(body), "error": _error(body)}
    elif isinstance(body, dict) and {"channel", "record", "step"} <= body.keys():
        values = {"message": body, "function": text(body, "function") or "", "error": text(body, "error") or ODD}
    elif isinstance(body, dict) and (unread := text(body, "unread")) is not None:
        values = {"unread": unread, "function": text(body, "function") or "", "error": text(body, "error") or ODD}
    elif isinstance(body, dict) and "sweep" in body:
        place = (text(body, name) or "?" for name in ("kind", "account", "region"))
        error = "failed in every attempt: see the logs of the sweep's functions; the next day's sweep tries again"
        values = {"swept": " ".join(place), "error": error}
    elif isinstance(body, dict) and second_look.KEY in body:
        error = "failed in every attempt: see the log of SweepWorker"
        values = {"event": body, "second_look": True, "error": error}
    elif isinstance(body, dict) and "detail" in body:
        error = f"{told.get('ERROR_CODE') or 'EventBridge could not deliver it'}: {told.get('ERROR_MESSAGE', '')}"
        values = {"event": body, "function": told.get("TARGET_ARN", ""), "rule": told.get("RULE_ARN", "")}
        values["error"] = error.removesuffix(": ")
    sent = int(text(message, "Attributes", "SentTimestamp") or 0)
    return DeadLetter(
        id=message["MessageId"],
        queue=queue,
        receipt=message["ReceiptHandle"],
        sent=datetime.fromtimestamp(sent / 1000, UTC),
        body=message["Body"],
        **values,
    )


def _parsed(body: str) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _function(body: Any) -> str:
    return text(body, "requestContext", "functionArn") or ""


def _error(body: Any) -> str:
    """What the function said, or, when it said nothing, why Lambda gave up: `EventAgeExceeded`, say."""
    kind, said = (text(body, "responsePayload", name) or "" for name in ("errorType", "errorMessage"))
    found = f"{kind}: {said}" if kind and said else kind or said
    return found or text(body, "requestContext", "condition") or "failed without a reason"


class Queue:
    """A queue, by its URL. Raises NoQueue where there is none, and what boto3 does."""

    def __init__(self, url: str) -> None:
        import boto3

        region = re.match(r"https://sqs\.([a-z0-9-]+)\.", url)
        self.url = url
        self._client: Any = boto3.client("sqs", region_name=region[1] if region else None)

    def receive(self) -> list[DeadLetter]:
        """All that nobody else is looking at, the oldest first; they stay hidden until they are given back."""
        found: dict[str, DeadLetter] = {}
        while True:
            page = self._call(
                "receive_message",
                MaxNumberOfMessages=PAGE,
                VisibilityTimeout=HELD,
                WaitTimeSeconds=WAIT,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["SentTimestamp"],
            ).get("Messages", [])
            news = {message["MessageId"] for message in page} - found.keys()
            found |= {message["MessageId"]: parse_dead_letter(self.url, message) for message in page}
            if not news:
                return sorted(found.values(), key=lambda each: each.sent)

    def send(self, body: str) -> None:
        self._call("send_message", MessageBody=body)

    def release(self, dead_letters: Sequence[DeadLetter]) -> None:
        for start in range(0, len(dead_letters), PAGE):
            entries = [
                {"Id": str(number), "ReceiptHandle": each.receipt, "VisibilityTimeout": 0}
                for number, each in enumerate(dead_letters[start : start + PAGE])
            ]
            self._call("change_message_visibility_batch", Entries=entries)

    def delete(self, gone: DeadLetter) -> None:
        self._call("delete_message", ReceiptHandle=gone.receipt)

    def counts(self) -> tuple[int, int]:
        """About how many dead letters are there, and how many of them someone is looking at."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        there, hidden = (int(self._call("get_queue_attributes", AttributeNames=names)["Attributes"][n]) for n in names)
        return there + hidden, hidden

    def _call(self, operation: str, **parameters: Any) -> Any:
        from botocore.exceptions import ClientError

        try:
            return getattr(self._client, operation)(QueueUrl=self.url, **parameters)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _NO_QUEUE:
                raise
            raise NoQueue(f"{self.url}: no such queue") from error


class Received:
    """The dead letters of some queues; `delete` deletes one for good."""

    def __init__(self, queues: Iterable[Queue]) -> None:
        self._queues = {queue.url: queue for queue in queues}
        self.elsewhere = sum(queue.counts()[1] for queue in self._queues.values())
        """About how many others are looking at."""
        self.dead_letters = [each for queue in self._queues.values() for each in queue.receive()]
        self._left = {each.id: each for each in self.dead_letters}

    def delete(self, gone: DeadLetter) -> None:
        self._queues[gone.queue].delete(gone)
        del self._left[gone.id]

    def release(self) -> None:
        for url, queue in self._queues.items():
            queue.release([each for each in self._left.values() if each.queue == url])


@contextmanager
def received(queues: Iterable[Queue]) -> Iterator[Received]:
    from botocore.exceptions import BotoCoreError, ClientError

    held = Received(queues)
    try:
        yield held
    finally:
        with suppress(ClientError, BotoCoreError):  # SQS shows the messages again when their visibility timeout ends.
            held.release()


def function_arn(each: DeadLetter, home: str, stack: str, kinds: str) -> str:
    """The ARN of the function that a dead letter names, if it is one of this stack's; `kinds` is a pattern of their names.

    Raises CannotRedrive for any other: who can write to a queue must not choose what the operator's rights invoke, or with what.
    """
    name = rf"{re.escape(stack)}-(?:{kinds})-[A-Za-z0-9]+"
    found = re.fullmatch(rf"(arn:(aws[a-z-]*):lambda:([a-z0-9-]+):{home}:function:{name})(?::.*)?", each.function)
    if not found or partition(found[3]) != found[2]:
        raise CannotRedrive(
            f"{each.function_name or 'nothing'} isn't a function of the stack {stack!r} in account {home} that can "
            "process it; pass --stack NAME, or process it here with --local"
        )
    return found[1]


def invoke(arn: str, payload: Any, *, wait: bool) -> Any:
    """Raises CannotRedrive when the function is gone or, with `wait`, when it fails; what boto3 raises else."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import ClientError

    config = Config(read_timeout=90, retries={"total_max_attempts": 1} if wait else None)
    client: Any = boto3.client("lambda", region_name=arn.split(":")[3], config=config)
    kind = "RequestResponse" if wait else "Event"
    try:
        answer = client.invoke(FunctionName=arn, InvocationType=kind, Payload=json.dumps(payload).encode())
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        raise CannotRedrive(f"{arn} no longer exists; process it here with --local") from error
    said = _parsed(answer["Payload"].read() or "null") if wait else None
    if answer.get("FunctionError"):
        raise CannotRedrive(f"{arn.rsplit(':', 1)[-1]} failed: {_error({'responsePayload': said})}")
    return said


def message_again(each: DeadLetter, ask: Callable[[Any], Any]) -> str:
    """Have a message sent that no channel took; `ask` is what the notify function answers. Answers what is done."""
    pointer = {name: (each.message or {}).get(name) for name in ("channel", "record", "step")}
    if not (text(pointer, "channel") and text(pointer, "record") and isinstance(pointer["step"], int)):
        raise CannotRedrive("it names no message; read it with `snapback dlq show`, then drop it")
    held = dig(ask({"again": [pointer]}), Metric.MESSAGES_HELD)
    return "sent within a minute" if held else "already sent or held, or expired"


def record_again(each: DeadLetter, ledger: DynamoLedger, deliver: Callable[[Any], Any]) -> str:
    """Have a record sent, as it now is, of which a step could not be read. Answers what is done."""
    kind, _, record_id = (each.unread or "").partition("#")
    try:
        record = ledger.get(record_id) if kind == "record" else None
    except Exception as error:
        raise CannotRedrive(
            f"record {record_id} can't be read here either ({describe(error)}); use the Snapback version that wrote it, or drop the dead letter"
        ) from error
    if record is None:
        raise CannotRedrive(f"the ledger has no {each.unread!r}; drop the dead letter")
    if dig(deliver({"Records": [_as_stepped(record, 1, "", "")]}), "batchItemFailures"):
        raise CannotRedrive("a channel still refuses it; see the function's log")
    return f"processed record {record_id} in its present state; unsent messages are sent or held"


def messages_again(each: DeadLetter, ledger: DynamoLedger, table: str, deliver: Callable[[Any], Any]) -> int:
    """Have sent what a dead letter's batch held; answers how many items of the ledger were gone through.

    `deliver` takes an event of the ledger's stream and answers what failed, as the notify function does; what it
    has sent earlier it passes over. Raises CannotRedrive when something was still not taken.
    """
    batch = each.batch or {}
    arn = text(batch, "streamArn") or ""
    named = re.fullmatch(r"arn:aws[a-z-]*:dynamodb:([a-z0-9-]+):[0-9]{12}:table/([\w.-]+)/stream/.*", arn)
    if not named or named[2] != table:
        raise CannotRedrive(
            f"it belongs to another table than the ledger {table!r}: {arn or 'none'}; set SNAPBACK_LEDGER, or drop it"
        )
    items = _in_stream(batch, arn, named[1])
    if items is None:
        items = _in_ledger(batch, arn, named[1], ledger)
    failed = 0
    for start in range(0, len(items), PAGE):
        answer = deliver({"Records": items[start : start + PAGE]})
        failed += len(dig(answer, "batchItemFailures") or [])
    if failed:
        raise CannotRedrive(
            f"channels still refuse {failed} of {len(items)}; the log of the function notify says which"
        )
    return len(items)


def _in_stream(batch: Mapping[str, Any], arn: str, region: str) -> list[Any] | None:
    """The batch as Lambda read it, or None when the stream (which keeps a day) has lost any of it."""
    import time

    import boto3
    from botocore.exceptions import ClientError, ParamValidationError

    shard, start, end = (text(batch, name) or "" for name in ("shardId", "startSequenceNumber", "endSequenceNumber"))
    if not end.isdecimal():
        return None
    streams: Any = boto3.client("dynamodbstreams", region_name=region)
    found: list[Any] = []
    empty = 0
    try:
        at: Any = {"ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": start}
        iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, **at)["ShardIterator"]
        while iterator and empty < EMPTY:
            page = streams.get_records(ShardIterator=iterator)
            for record in page["Records"]:
                if _is_record(record):
                    found.append(_as_lambda_sees(record, arn, region))
                if int(record["dynamodb"]["SequenceNumber"]) >= int(end):
                    return found
            iterator = page.get("NextShardIterator")
            if not page["Records"]:
                empty += 1
                time.sleep(0.25)  # A shard may be read five times a second.
    except ClientError as error:
        if error.response["Error"]["Code"] not in _TRIMMED:
            raise
    except ParamValidationError:
        pass  # The letter has an impossible shard or sequence number.
    return None


def _is_record(record: Any) -> bool:
    return (text(record, "dynamodb", "Keys", "pk", "S") or "").startswith("record#")


def _as_lambda_sees(record: Any, arn: str, region: str) -> dict[str, Any]:
    """https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html"""
    change = {**record["dynamodb"]}
    if isinstance(made := change.get("ApproximateCreationDateTime"), datetime):
        change["ApproximateCreationDateTime"] = made.timestamp()
    return {**record, "dynamodb": change, "eventSource": "aws:dynamodb", "awsRegion": region, "eventSourceARN": arn}


def _in_ledger(batch: Mapping[str, Any], arn: str, region: str, ledger: DynamoLedger) -> list[Any]:
    """The records that took a step in the batch's time, each as it now is: what it is tells more than what it was."""
    first, last = (parse_time(batch.get(f"approximateArrivalOf{which}Record")) for which in ("First", "Last"))
    if first is None:
        raise CannotRedrive("it has neither a position in the stream nor a time; see `snapback records`, then drop it")
    since, until = first - SLACK, (last or first) + SLACK
    found: list[Record] = []
    for status in Status:
        for record in ledger.records(status):
            times = [datetime.fromisoformat(step.at) for step in record.history]
            if not times or max(times) < since:
                break  # The latest come first.
            if any(since <= moment <= until for moment in times):
                found.append(record)
    found.sort(key=lambda record: record.history[-1].at)
    return [_as_stepped(record, number, arn, region) for number, record in enumerate(found, 1)]


def _as_stepped(record: Record, number: int, arn: str, region: str) -> dict[str, Any]:
    """A record as if it were new in the stream."""
    return {
        "eventID": f"{number:032x}",
        "eventName": "INSERT",
        "eventSource": "aws:dynamodb",
        "awsRegion": region,
        "eventSourceARN": arn,
        "dynamodb": {
            "Keys": {"pk": {"S": f"record#{record.id}"}},
            "NewImage": to_item(record),
            "SequenceNumber": str(number),
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    }
