from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.aws.ledger import to_item
from chalicelib.core.metrics import Metric
from chalicelib.core.settings import Direct, Quiet, Route, SlackSettings
from chalicelib.core.types import Status
from chalicelib.notify.channels.base import Retry, Undeliverable
from chalicelib.notify.channels.slack import Slack
from chalicelib.notify.channels.webhook import Webhook
from chalicelib.notify.drain import again, drain
from chalicelib.notify.outbox import deliver
from tests.notify.receiver import PASSWORD, Receiver, receiver
from tests.notify.test_message import record_of
from tests.support.events import HOME, REGION, cloudtrail_event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.core.record import Record
    from chalicelib.notify.message import Message
    from chalicelib.notify.routing import Summary
    from chalicelib.wiring import Application
    from tests.support.world import World

GUARDRAIL = "s3.bucket_acl_made_public"
SECRET = "correct horse battery staple"
_NUMBERS = count()
TRANSIENT = [Retry("channel x answered 503"), Retry("channel x answered 429", 3)]


@dataclass
class Collector:
    """A channel that answers from a list, then takes everything; who is told directly stands behind an `@`."""

    name: str
    answers: list[Exception | None] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    summaries: list[Summary] = field(default_factory=list)
    received: list[str] = field(default_factory=list)
    tries: int = 0

    def _answer(self) -> None:
        self.tries += 1
        if answer := self.answers.pop(0) if self.answers else None:
            raise answer

    def send(self, message: Message) -> None:
        self._answer()
        self.messages.append(message)
        self.received.append(message.id)

    def sum_up(self, summary: Summary) -> None:
        self._answer()
        self.summaries.append(summary)
        self.received += summary.messages

    def send_direct(self, message: Message, email: str) -> None:
        self._answer()
        self.received.append(f"{message.id}@{email}")


@dataclass
class Lambda:
    """The event source mapping, which delivers again from the lowest number that failed, and the clock of the drain."""

    application: Application
    world: World
    items: list[Any]
    answers: list[list[str]] = field(default_factory=list)
    letters: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.application.give_up = lambda letter: self.letters.append(json.loads(letter))

    def once(self) -> list[str]:
        self.application.metrics.clear_metrics()  # Where metrics are disabled, a flush doesn't.
        failed = deliver(self.application, {"Records": self.items}, None)["batchItemFailures"]
        numbers = [each["itemIdentifier"] for each in failed]
        self.answers.append(numbers)
        self.items = [item for item in self.items if numbers and int(_number(item)) >= min(map(int, numbers))]
        return numbers

    def minutes(self, number: int = 1, each: int = 1) -> None:
        """So many pass, with a drain at the end of each, or of several."""
        for _ in range(0, number, each):
            self.world.later(minutes=each)
            self.application.metrics.clear_metrics()
            drain(self.application)

    @property
    def held(self) -> list[str]:
        found = self.world.client("dynamodb").scan(TableName="snapback-ledger")["Items"]
        return sorted(item["pk"]["S"] for item in found if item.get("state", {}).get("S") == "held")


def _number(item: Any) -> str:
    return str(item["dynamodb"]["SequenceNumber"])


def item(number: int, new: Record | None, old: Record | None = None) -> dict[str, Any]:
    """A stream record in its true shape."""
    images = {"NewImage": new, "OldImage": old}
    return {
        "eventID": f"{number:032x}",
        "eventName": "INSERT" if old is None else "MODIFY" if new else "REMOVE",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": REGION,
        "dynamodb": {
            "ApproximateCreationDateTime": 1795514400.0,
            "Keys": {"pk": {"S": f"record#{(new or old or record_of(Status.ALERTED)).id}"}},
            **{name: to_item(record) for name, record in images.items() if record},
            "SequenceNumber": f"{number}00000000000000000000",
            "SizeBytes": 500,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        "eventSourceARN": f"arn:aws:dynamodb:{REGION}:{HOME}:table/snapback-ledger/stream/2026-11-23T00:00:00.000",
    }


def alerts(*names: str) -> list[dict[str, Any]]:
    return [item(number, record_of(Status.ALERTED, id=name)) for number, name in enumerate(names, 1)]


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def here(world: World, log: io.StringIO) -> Application:
    application = world.application()
    application.logger = Logger(service=f"test-{id(log)}", stream=log, level="DEBUG")
    return application


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as one:
        yield one


@pytest.fixture
def elsewhere() -> Iterator[Receiver]:
    with receiver() as one:
        yield one


def _stream(world: World) -> list[Any]:
    """The ledger's stream from its beginning, as Lambda delivers it."""
    # By the stream's ARN botocore goes to the account's own endpoint, which moto doesn't know.
    endpoint = f"https://streams.dynamodb.{REGION}.amazonaws.com"
    streams = world.aws.client("dynamodbstreams", endpoint_url=endpoint)
    arn = streams.list_streams()["Streams"][0]["StreamArn"]
    found = []
    for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
        start = streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")[
            "ShardIterator"
        ]
        found += streams.get_records(ShardIterator=start)["Records"]
    return json.loads(json.dumps(found, default=str))  # type: ignore[no-any-return]


def test_an_event_s_whole_way_ends_in_one_message(world: World) -> None:
    world.client("s3").create_bucket(Bucket="photos", ObjectOwnership="ObjectWriter")
    world.client("s3").put_bucket_acl(Bucket="photos", ACL="public-read")
    world.deliver(cloudtrail_event("s3", "PutBucketAcl", {"bucketName": "photos"}), GUARDRAIL)
    application = world.application()
    application.channels = [ops := Collector("ops")]
    items = _stream(world)
    assert deliver(application, {"Records": items}, None) == {"batchItemFailures": []}
    assert [message.status for message in ops.messages] == ["fixed"]
    application.engine.undo(ops.messages[0].record, by="bob")
    later = [each for each in _stream(world) if each not in items]
    assert any(each["dynamodb"]["Keys"]["pk"]["S"].startswith("message#ops#") for each in later)
    deliver(application, {"Records": later}, None)
    assert [message.status for message in ops.messages] == ["fixed", "undone"]


def test_a_message_costs_three_writes_and_a_batch_one_read(here: Application, world: World) -> None:
    here.channels = [Collector("ops")]
    world.calls.clear()
    deliver(here, {"Records": alerts("a", "b", "c")}, None)
    assert [call.operation for call in world.calls] == ["BatchGetItem", *["UpdateItem", "UpdateItem", "PutItem"] * 3]


def test_only_a_record_s_new_steps_are_told(here: Application, world: World) -> None:
    here.channels = [ops := Collector("ops")]
    asking, again = record_of(Status.ASKING), record_of(Status.ASKING, Status.ASKING)
    slot = item(3, record_of(Status.ALERTED))
    slot["dynamodb"]["NewImage"] = {"pk": {"S": "slot#x"}, "record": {"S": "y"}}
    world.calls.clear()
    untold = [item(1, asking, asking), item(2, None, asking), slot, item(4, record_of(Status.FIXING))]
    assert deliver(here, {"Records": untold}, None) == {"batchItemFailures": []}
    assert ops.messages == []
    assert world.calls == []
    deliver(here, {"Records": [item(5, again, asking)]}, None)
    assert ops.received == [f"{asking.id}-2"]


def test_a_limited_channel_gets_its_messages_later_once_in_order_and_nobody_waits_for_it(
    here: Application, world: World, there: Receiver, elsewhere: Receiver
) -> None:
    there.then(429, Retry_After="150")
    here.channels = [Slack("ops", there.url), Webhook("siem", elsewhere.url)]
    lambda_ = Lambda(here, world, alerts("a", "b"))
    assert lambda_.once() == []
    assert [body["record"] for body in elsewhere.bodies] == ["a", "b"]
    assert lambda_.held == ["message#ops#a#1", "message#ops#b#1"]
    assert world.pauses == []
    lambda_.minutes(2)
    assert len(there.requests) == 1, "it asked for 150 seconds"
    lambda_.items = alerts("c")
    lambda_.once()
    lambda_.minutes(1)
    assert [json.dumps(body).count("snapback show") for body in there.bodies] == [1, 1, 1]
    assert ["show c" in json.dumps(body) for body in there.bodies] == [False, False, True]
    assert lambda_.held == []
    lambda_.minutes(3)
    assert len(there.requests) == 4
    assert [body["record"] for body in elsewhere.bodies] == ["a", "b", "c"]


def test_a_channel_that_is_up_again_is_no_more_behind(here: Application, world: World) -> None:
    here.channels = [ops := Collector("ops", [TRANSIENT[0]])]
    lambda_ = Lambda(here, world, alerts("a"))
    lambda_.once()
    lambda_.minutes(1)
    assert ops.received == ["a-1"]
    lambda_.items = alerts("b")
    lambda_.once()
    assert ops.received == ["a-1", "b-1"], "at once"


def test_the_pauses_of_a_channel_that_fails_grow(here: Application, world: World) -> None:
    here.channels = [ops := Collector("ops", [TRANSIENT[0]] * 99)]
    lambda_ = Lambda(here, world, alerts("a"))
    lambda_.once()
    tries = []
    for _ in range(30):
        lambda_.minutes(1)
        tries.append(ops.tries)
    assert 5 <= tries[-1] <= 9
    assert tries[2] == 3


@pytest.mark.parametrize("status", [400, 302])
def test_what_a_channel_never_takes_is_passed_on_at_once(
    status: int, here: Application, world: World, there: Receiver, elsewhere: Receiver, log: io.StringIO
) -> None:
    for _ in range(3):
        there.then(status)
    here.last_resort = topic = Collector("alarm-topic")
    here.channels = [Slack("ops", there.url), Webhook("siem", elsewhere.url)]
    lambda_ = Lambda(here, world, alerts("a", "b", "c"))
    assert lambda_.once() == []
    assert [body["record"] for body in elsewhere.bodies] == ["a", "b", "c"]
    lambda_.minutes(1)
    assert topic.received == ["a-1", "b-1", "c-1"]
    assert there.bodies == []
    assert f"answered {status}" in log.getvalue()
    lambda_.minutes(2)
    assert len(topic.received) == 3


def test_a_channel_that_hangs_or_is_not_there_is_tried_once_a_batch(
    here: Application, world: World, there: Receiver
) -> None:
    with receiver() as gone:
        pass
    there.delay = 0.5
    here.channels = [Slack("ops", there.url, timeout=0.1), Webhook("siem", gone.url)]
    lambda_ = Lambda(here, world, alerts("a", "b", "c"))
    assert lambda_.once() == []
    assert len(there.requests) == 1
    assert len(lambda_.held) == 6


def test_without_time_left_a_message_is_held_and_no_drain_begins_another(here: Application, world: World) -> None:
    here.channels = [ops := Collector("ops")]
    left = [100.0]
    here.time_left = lambda: left[0]
    lambda_ = Lambda(here, world, alerts("a", "b"))
    left[0] = 10
    lambda_.once()
    lambda_.minutes(1)
    assert ops.received == []
    left[0] = 100
    lambda_.minutes(1)
    assert ops.received == ["a-1", "b-1"]


def test_an_unforeseen_error_of_a_channel_holds_the_message_and_keeps_its_text_to_itself(
    here: Application, world: World, log: io.StringIO
) -> None:
    bad = RuntimeError(f"no way to https://hooks.example/{PASSWORD}")
    here.channels = [ops := Collector("ops", [bad]), siem := Collector("siem")]
    lambda_ = Lambda(here, world, alerts("a"))
    assert lambda_.once() == []
    assert "RuntimeError" in log.getvalue()
    assert PASSWORD not in log.getvalue()
    lambda_.minutes(1)
    assert (ops.received, siem.received) == (["a-1"], ["a-1"])


def test_an_item_that_is_no_record_fails_alone_and_loudly(here: Application, world: World, log: io.StringIO) -> None:
    here.channels = [ops := Collector("ops")]
    bad, good = alerts("a", "b")
    del bad["dynamodb"]["NewImage"]["actor"]
    assert Lambda(here, world, [bad, good]).once() == [_number(bad)]
    assert ops.received == ["b-1"]
    assert "record#a" in log.getvalue()


def chain(here: Application) -> list[Collector]:
    """ops → mail → the alarm topic."""
    here.settings = replace(
        here.settings,
        channels=(
            SlackSettings(name="ops", url="ssm:/x", fallback="mail"),
            SlackSettings(name="mail", url="ssm:/x"),
        ),
        routes=(Route(channels=("ops",)),),
    )
    ops, mail, topic = Collector("ops"), Collector("mail"), Collector("alarm-topic")
    here.channels, here.last_resort = [ops, mail], topic
    return [ops, mail, topic]


def test_after_half_an_hour_the_fallback_is_told_then_the_last_resort_then_the_queue(
    here: Application, world: World
) -> None:
    ops, mail, topic = chain(here)
    for channel in (ops, mail, topic):
        channel.answers = [Retry(f"channel {channel.name} answered 503")] * 99
    lambda_ = Lambda(here, world, alerts("a"))
    lambda_.once()
    lambda_.minutes(28, each=4)
    assert lambda_.held == ["message#ops#a#1"]
    lambda_.minutes(12, each=4)
    assert lambda_.held == ["message#mail#a#1"]
    lambda_.minutes(36, each=4)
    assert lambda_.held == ["message#alarm-topic#a#1"]
    assert lambda_.letters == []
    lambda_.minutes(36, each=4)
    assert lambda_.held == []
    (letter,) = lambda_.letters
    assert (letter["channel"], letter["record"], letter["step"]) == ("alarm-topic", "a", 1)
    assert letter["error"] == "channel alarm-topic answered 503"
    lambda_.minutes(60, each=30)
    assert len(lambda_.letters) == 1
    assert ops.received == mail.received == topic.received == []


def test_what_was_given_up_is_sent_to_the_channel_that_it_was_meant_for_once_it_is_named(
    here: Application, world: World
) -> None:
    ops, mail, topic = chain(here)
    for channel in (ops, mail, topic):
        channel.answers = [Undeliverable(f"channel {channel.name} answered 400")] * 2
    lambda_ = Lambda(here, world, alerts("a"))
    lambda_.once()
    lambda_.minutes(3)
    assert len(lambda_.letters) == 1
    for channel in (ops, mail, topic):
        channel.answers = []
    assert again(here, lambda_.letters * 2) == {Metric.MESSAGES_HELD: 1}
    lambda_.minutes(1)
    assert (ops.received, mail.received, topic.received) == (["a-1"], [], [])
    assert again(here, lambda_.letters) == {}, "it is sent by now"
    assert again(here, [{"channel": "ops", "record": "nothing", "step": 1}]) == {}


def test_a_fallback_that_was_told_already_is_not_told_twice(here: Application, world: World) -> None:
    ops, mail, topic = chain(here)
    here.settings = replace(here.settings, routes=())
    ops.answers = [Undeliverable("channel ops answered 400")]
    lambda_ = Lambda(here, world, alerts("a"))
    lambda_.once()
    lambda_.minutes(2)
    assert (ops.received, mail.received, topic.received) == ([], ["a-1"], [])
    assert lambda_.held == []


def test_fallbacks_in_a_circle_end_at_the_last_resort(here: Application, world: World) -> None:
    ops, mail, topic = chain(here)
    first, second = here.settings.channels
    here.settings = replace(here.settings, channels=(first, replace(second, fallback="ops")), routes=())
    ops.answers = [Undeliverable("channel ops answered 400")]
    mail.answers = [Undeliverable("channel mail answered 400")]
    lambda_ = Lambda(here, world, alerts("a"))
    lambda_.once()
    lambda_.minutes(2)
    assert (ops.received, mail.received, topic.received) == ([], [], ["a-1"])


def test_a_channel_that_has_failed_for_long_passes_new_messages_on_within_a_minute(
    here: Application, world: World
) -> None:
    ops, mail, _ = chain(here)
    ops.answers = [TRANSIENT[0]] * 99
    lambda_ = Lambda(here, world, alerts("a"))
    lambda_.once()
    lambda_.minutes(40, each=4)
    assert mail.received == ["a-1"]
    lambda_.items = alerts("b")
    lambda_.once()
    lambda_.minutes(2)
    assert mail.received == ["a-1", "b-1"]
    ops.answers = []
    lambda_.items = alerts("c")
    lambda_.once()
    lambda_.minutes(12, each=4)
    lambda_.items = alerts("d")
    lambda_.once()
    lambda_.minutes(1)
    lambda_.items = alerts("e")
    lambda_.once()
    assert (mail.received[2:], ops.received) == (["c-1"], ["d-1", "e-1"]), "it has been asked again, and is up"


def test_one_message_that_a_channel_chokes_on_takes_no_other_elsewhere(here: Application, world: World) -> None:
    ops, mail, _ = chain(here)
    send = ops.send

    def choking(message: Message) -> None:
        if message.record == "a":
            ops.tries += 1
            raise Retry("channel ops answered 500")
        send(message)

    ops.send = choking  # type: ignore[method-assign]
    lambda_ = Lambda(here, world, alerts("a", "b", "c"))
    lambda_.once()
    lambda_.minutes(45, each=3)
    assert mail.received == ["a-1"]
    assert ops.received == ["b-1", "c-1"]


def test_a_channel_that_is_in_the_settings_no_more_passes_on_what_it_held(here: Application, world: World) -> None:
    ops, mail, topic = chain(here)
    ops.answers = [TRANSIENT[0]]
    lambda_ = Lambda(here, world, alerts("a"))
    lambda_.once()
    here.settings, here.channels = replace(here.settings, channels=(), routes=()), [mail]
    lambda_.minutes(2)
    assert topic.received == ["a-1"]


def test_when_there_is_no_queue_a_message_stays_held(here: Application, world: World) -> None:
    here.channels = [ops := Collector("ops", [Undeliverable("channel ops answered 400")] * 3)]
    lambda_ = Lambda(here, world, alerts("a"))
    here.give_up = None
    lambda_.once()
    lambda_.minutes(2)
    assert lambda_.held == ["message#ops#a#1"]
    lambda_.minutes(1)
    assert ops.received == ["a-1"]


def test_without_channels_the_alarm_topic_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sns = world.client("sns")
    monkeypatch.setenv("SNAPBACK_ALARM_TOPIC", sns.create_topic(Name="alarms")["TopicArn"])
    application = world.application(trouble="the settings can't be read")
    world.calls.clear()
    assert deliver(application, {"Records": alerts("a", "b")}, None) == {"batchItemFailures": []}
    once = ["UpdateItem", "UpdateItem", "Publish", "PutItem"]
    assert [call.operation for call in world.calls] == ["BatchGetItem", *once, *once]


def test_without_channels_and_topic_the_ledger_is_the_message(
    here: Application, world: World, log: io.StringIO
) -> None:
    world.calls.clear()
    for _ in range(2):
        assert deliver(here, {"Records": alerts("a", "b")}, None) == {"batchItemFailures": []}
    assert world.calls == []
    assert log.getvalue().count("no channels in the settings") == 1


def test_what_is_sent_but_cannot_be_marked_is_not_sent_again_by_that(
    here: Application, world: World, log: io.StringIO
) -> None:
    here.channels = [ops := Collector("ops")]
    with world.denied("PutItem"):
        assert Lambda(here, world, alerts("a")).once() == []
    assert ops.received == ["a-1"]
    assert "not marked" in log.getvalue()


def test_what_can_be_neither_sent_nor_held_is_delivered_again(here: Application, world: World) -> None:
    here.channels = [ops := Collector("ops", [TRANSIENT[0]])]
    lambda_ = Lambda(here, world, alerts("a"))
    with world.denied("PutItem"):
        assert len(lambda_.once()) == 1
    lambda_.once()
    assert ops.received == ["a-1"]


def test_a_drain_that_cannot_mark_stops_rather_than_tell_everything_twice(here: Application, world: World) -> None:
    here.channels = [ops := Collector("ops", [TRANSIENT[0]])]
    lambda_ = Lambda(here, world, alerts("a", "b", "c"))
    lambda_.once()
    with world.denied("PutItem"), pytest.raises(ClientError):
        lambda_.minutes(1)
    assert ops.received == ["a-1"]
    lambda_.minutes(1)
    assert ops.received == ["a-1", "a-1", "b-1", "c-1"], (
        "the one between sending and marking comes twice, by the same id"
    )


def test_a_message_that_cannot_even_be_queued_stays_held_and_stops_no_other_channel(
    here: Application, world: World
) -> None:
    here.channels = [
        ops := Collector("ops", [TRANSIENT[0], Undeliverable("channel ops answered 400")]),
        siem := Collector("siem", [TRANSIENT[0]]),
    ]
    lambda_ = Lambda(here, world, alerts("a", "b"))
    lambda_.once()

    def full(_: str) -> None:
        raise RuntimeError("no queue")

    here.give_up = full
    with pytest.raises(RuntimeError, match="no queue"):
        lambda_.minutes(1)
    assert siem.received == ["a-1", "b-1"]
    lambda_.minutes(1)
    assert ops.received == ["a-1", "b-1"]


def test_only_one_drain_runs_at_a_time_and_a_dead_one_s_lease_ends(here: Application, world: World) -> None:
    here.channels = [ops := Collector("ops", [TRANSIENT[0]])]
    lambda_ = Lambda(here, world, alerts("a"))
    lambda_.once()
    send, inner = ops.send, []

    def slow(message: Message) -> None:
        inner.append(drain(here))
        send(message)

    ops.send = slow  # type: ignore[method-assign]
    lambda_.minutes(1)
    assert ops.received == ["a-1"]
    assert inner == [{}]
    until = str(world.clock.timestamp() + 90)
    world.client("dynamodb").update_item(
        TableName="snapback-ledger",
        Key={"pk": {"S": "outbox"}},
        UpdateExpression="SET lease_until = :until",
        ExpressionAttributeValues={":until": {"N": until}},
    )
    here.time_left = lambda: 0.0
    lambda_.items = alerts("b")
    lambda_.once()
    here.time_left = lambda: 100.0
    lambda_.minutes(1)
    assert ops.received == ["a-1"], "another one's lease"
    lambda_.minutes(1)
    assert ops.received == ["a-1", "b-1"]


def test_an_index_that_is_late_brings_nothing_twice(
    here: Application, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.channels = [ops := Collector("ops", [TRANSIENT[0]])]
    lambda_ = Lambda(here, world, alerts("a"))
    lambda_.once()
    query: Any = {
        "TableName": "snapback-ledger",
        "IndexName": "by-status",
        "KeyConditionExpression": "#status = :status",
        "ExpressionAttributeNames": {"#status": "status"},
        "ExpressionAttributeValues": {":status": {"S": "held#ops"}},
    }
    pages = list(here.dynamodb.get_paginator("query").paginate(**query))
    assert pages[0]["Count"] == 1
    lambda_.minutes(1)
    monkeypatch.setattr(here.dynamodb, "get_paginator", lambda _: SimpleNamespace(paginate=lambda **_: pages))
    lambda_.minutes(2)
    assert ops.received == ["a-1"]


def test_a_message_held_by_another_version_is_told_as_its_record_now_is(here: Application, world: World) -> None:
    here.channels = [ops := Collector("ops", [TRANSIENT[0]])]
    record = here.ledger.open(record_of(Status.ALERTED, id="a"), world.clock, here.settings.limits)
    lambda_ = Lambda(here, world, [item(1, record)])
    lambda_.once()
    world.client("dynamodb").update_item(
        TableName="snapback-ledger",
        Key={"pk": {"S": "message#ops#a#1"}},
        UpdateExpression="SET message = :old",
        ExpressionAttributeValues={":old": {"S": json.dumps({"record": "a", "step": 1, "who": "knows"})}},
    )
    lambda_.minutes(1)
    assert ops.received == ["a-1"]


def test_a_held_message_that_cannot_be_read_stops_no_other(here: Application, world: World, log: io.StringIO) -> None:
    here.channels = [ops := Collector("ops", [TRANSIENT[0]])]
    lambda_ = Lambda(here, world, alerts("a", "b"))
    lambda_.once()
    world.client("dynamodb").update_item(
        TableName="snapback-ledger",
        Key={"pk": {"S": "message#ops#a#1"}},
        UpdateExpression="SET message = :odd",
        ExpressionAttributeValues={":odd": {"S": "{}"}},
    )
    lambda_.minutes(1)
    assert ops.received == ["b-1"]
    assert "message#ops#a#1" in log.getvalue()
    assert lambda_.held == ["message#ops#a#1"]


def test_marks_expire_and_held_messages_never_do(here: Application, world: World) -> None:
    here.channels = [Collector("ops"), Collector("siem", [TRANSIENT[0]])]
    deliver(here, {"Records": alerts("a")}, None)
    found = {each["pk"]["S"]: each for each in world.client("dynamodb").scan(TableName="snapback-ledger")["Items"]}
    mark = found["message#ops#a#1"]
    assert int(mark["expires_at"]["N"]) > world.clock.timestamp() + 24 * 3600
    assert mark.keys() == {"pk", "state", "expires_at"}
    assert "expires_at" not in found["message#siem#a#1"]
    assert all("expires_at" in each for key, each in found.items() if key.startswith(("rate#", "flood#")))


def test_no_secret_and_no_whole_state_leaves(
    here: Application,
    world: World,
    there: Receiver,
    elsewhere: Receiver,
    log: io.StringIO,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = {"Environment": {"DB_PASSWORD": SECRET, "rest": [f"line {number}" for number in range(99)]}}
    record = record_of(Status.FIXING, Status.FAILED, before=before, after={}, error=f"password='{SECRET}'")
    there.then(404)
    elsewhere.then(500)
    here.channels = [Slack("ops", there.url), Webhook("siem", elsewhere.url)]
    lambda_ = Lambda(here, world, [item(1, record)])
    lambda_.once()
    lambda_.minutes(1)
    assert there.bodies
    assert elsewhere.bodies
    sent = json.dumps([there.bodies, elsewhere.bodies])
    said = log.getvalue() + "".join(capsys.readouterr())
    held = json.dumps(world.client("dynamodb").scan(TableName="snapback-ledger")["Items"])
    assert sent.count("line ") <= 24
    assert "lines more" in sent
    for text in (sent, said, held):
        assert "horse" not in text
        assert PASSWORD not in text


class TestFlood:
    """Many messages become one, and none is dropped."""

    def test_above_the_limit_the_rest_of_a_guardrail_s_messages_come_in_one(
        self, here: Application, world: World
    ) -> None:
        here.channels = [ops := Collector("ops")]
        lambda_ = Lambda(here, world, alerts(*(f"r{number:02}" for number in range(40))))
        lambda_.once()
        assert len(ops.messages) == 5
        lambda_.minutes(9)
        assert ops.summaries == [], "the window is ten minutes"
        lambda_.minutes(1)
        (summary,) = ops.summaries
        assert summary.count == 35
        assert summary.headline.startswith("CRITICAL · 35 messages: 35 x S3 bucket ACL open to everyone in account")
        assert len(summary.lines) == 31
        assert summary.lines[-1] == "… and 5 more"
        assert "snapback records" in summary.text
        assert sorted(ops.received) == sorted(f"r{number:02}-1" for number in range(40))

    def test_two_guardrails_and_two_accounts_are_counted_by_themselves(self, here: Application, world: World) -> None:
        here.channels = [ops := Collector("ops")]
        items = [
            item(number, record_of(Status.ALERTED, id=f"r{number}", guardrail=guardrail, account=account))
            for number, (guardrail, account) in enumerate(
                [*[("s3.a", "1"), ("s3.b", "1"), ("s3.a", "2")] * 5, *[("s3.a", "1"), ("s3.b", "1")] * 2], 1
            )
        ]
        lambda_ = Lambda(here, world, items)
        lambda_.once()
        assert len(ops.messages) == 15
        lambda_.minutes(10)
        assert [summary.count for summary in ops.summaries] == [2, 2]

    def test_one_that_is_alone_in_its_window_is_told_by_itself(self, here: Application, world: World) -> None:
        here.channels = [ops := Collector("ops")]
        lambda_ = Lambda(here, world, alerts("a", "b", "c", "d", "e", "f"))
        lambda_.once()
        lambda_.minutes(10)
        assert ops.received == ["a-1", "b-1", "c-1", "d-1", "e-1", "f-1"]
        assert ops.summaries == []

    def test_a_record_s_later_steps_wait_for_its_earlier_ones(self, here: Application, world: World) -> None:
        here.channels = [ops := Collector("ops")]
        asking = record_of(Status.ASKING, id="x")
        done = record_of(Status.ASKING, Status.FIXING, Status.FIXED, id="x")
        lambda_ = Lambda(here, world, [*alerts("a", "b", "c", "d", "e"), item(6, asking)])
        lambda_.once()
        lambda_.minutes(9)
        lambda_.items = [item(7, done, asking)]
        world.later(minutes=1)  # The next window, before its first drain.
        lambda_.once()
        lambda_.minutes(1)
        assert ops.received[5:] == ["x-1", "x-3"]

    def test_a_question_in_a_summary_can_still_be_answered(self, here: Application, world: World) -> None:
        here.channels = [ops := Collector("ops")]
        items = [item(n, record_of(Status.ASKING if n == 50 else Status.ALERTED, id=f"r{n}")) for n in range(1, 51)]
        lambda_ = Lambda(here, world, items)
        lambda_.once()
        lambda_.minutes(10)
        (summary,) = ops.summaries
        assert "snapback approve r50" in summary.lines[0]
        assert "To see all questions: snapback records --status asking" in summary.text

    def test_above_its_rate_a_channel_gets_the_rest_as_one_in_the_next_minute(
        self, here: Application, world: World
    ) -> None:
        here.settings = replace(
            here.settings,
            channels=(SlackSettings(name="ops", url="ssm:/x", per_minute=3),),
            flood=replace(here.settings.flood, messages=1000),
        )
        here.channels = [ops := Collector("ops")]
        lambda_ = Lambda(here, world, alerts(*(f"r{number:02}" for number in range(12))))
        lambda_.once()
        assert len(ops.messages) == 3
        lambda_.minutes(1)
        assert len(ops.messages) == 5
        (summary,) = ops.summaries
        assert summary.count == 7
        assert ops.received == [f"r{number:02}-1" for number in range(12)], "in order"
        assert lambda_.held == []

    def test_a_summary_that_is_not_taken_is_told_later_with_all_of_its_messages(
        self, here: Application, world: World
    ) -> None:
        here.channels = [ops := Collector("ops", [None] * 5 + [TRANSIENT[0]])]
        lambda_ = Lambda(here, world, alerts(*"abcdefgh"))
        lambda_.once()
        lambda_.minutes(10)
        assert ops.summaries == []
        lambda_.minutes(1)
        assert [summary.count for summary in ops.summaries] == [3]
        assert sorted(ops.received) == [f"{name}-1" for name in "abcdefgh"]


def test_in_quiet_hours_low_findings_wait_for_one_digest_and_high_ones_do_not(here: Application, world: World) -> None:
    here.settings = replace(here.settings, quiet=Quiet(start="22:00", end="07:00", zone="Europe/Berlin"))
    here.channels = [ops := Collector("ops")]
    world.clock = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
    severities = ["low", "critical", "medium", "high", "low"]
    items = [item(n, record_of(Status.ALERTED, id=f"r{n}", severity=each)) for n, each in enumerate(severities)]
    lambda_ = Lambda(here, world, items)
    lambda_.once()
    assert ops.received == ["r1-1", "r3-1"]
    world.clock = datetime(2026, 11, 24, 5, 58, tzinfo=UTC)
    lambda_.minutes(1)
    assert ops.summaries == []
    lambda_.minutes(1)
    (summary,) = ops.summaries
    assert summary.records == ("r0", "r2", "r4")


class TestPeople:
    """Those who are told directly."""

    @pytest.fixture
    def slack(self, here: Application) -> Collector:
        here.settings = replace(here.settings, direct=Direct(via="security", domains=("example.com",), tags=("owner",)))
        here.channels = [Collector("security"), Collector("siem")]
        one: Any = here.channels[0]
        return one  # type: ignore[no-any-return]

    def item(self) -> Any:
        return item(1, record_of(Status.ALERTED, id="a", tags={"owner": "Bob"}))

    def test_they_are_told_besides_the_channel(self, here: Application, world: World, slack: Collector) -> None:
        Lambda(here, world, [self.item()]).once()
        assert slack.received == ["a-1", "a-1@bob@example.com"]

    def test_they_are_told_later_when_slack_is_down(self, here: Application, world: World, slack: Collector) -> None:
        slack.answers = [None, TRANSIENT[0]]
        lambda_ = Lambda(here, world, [self.item()])
        lambda_.once()
        assert lambda_.held == ["message#security@bob@example.com#a#1"]
        lambda_.minutes(1)
        assert slack.received == ["a-1", "a-1@bob@example.com"]

    def test_what_they_cannot_be_told_is_in_the_channel(
        self, here: Application, world: World, slack: Collector
    ) -> None:
        here.settings = replace(here.settings, routes=(Route(channels=("siem",)),))
        slack.answers = [Undeliverable("channel security: missing_scope")]
        lambda_ = Lambda(here, world, [self.item()])
        lambda_.once()
        lambda_.minutes(1)
        assert slack.received == ["a-1"]
        assert lambda_.held == []
        assert lambda_.letters == []


def test_a_route_s_channels_are_told_and_no_others(here: Application, world: World) -> None:
    here.settings = replace(
        here.settings,
        routes=(Route(channels=("pager",), severities=frozenset({"critical"})), Route(channels=(), guardrail="ec2.*")),
    )
    here.channels = [ops := Collector("ops"), pager := Collector("pager")]
    values = [{"severity": "critical"}, {"severity": "low"}, {"severity": "low", "guardrail": "ec2.x"}]
    items = [item(n, record_of(Status.ALERTED, id=f"r{n}", **each)) for n, each in enumerate(values)]
    Lambda(here, world, items).once()
    assert (pager.received, ops.received) == (["r0-1", "r1-1"], ["r1-1"])


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from([None, *TRANSIENT, Undeliverable("channel x answered 400")]), max_size=12),
    st.lists(st.sampled_from([None, *TRANSIENT, RuntimeError("boom")]), max_size=12),
    st.lists(st.integers(min_value=1, max_value=6), min_size=1, max_size=3),
)
def test_whatever_channels_answer_each_message_arrives_once_somewhere_or_is_in_the_queue(
    here: Application,
    world: World,
    ops_answers: list[Exception | None],
    mail_answers: list[Exception | None],
    batches: list[int],
) -> None:
    ops, mail, topic = chain(here)
    ops.answers, mail.answers, topic.answers = list(ops_answers), list(mail_answers), list(ops_answers)
    lambda_ = Lambda(here, world, [])
    world.later(days=1)
    names = []
    for number in batches:
        some = [f"record{next(_NUMBERS)}" for _ in range(number)]
        names += some
        lambda_.items = alerts(*some)
        assert lambda_.once() == []
        lambda_.items = alerts(*some)
        assert lambda_.once() == [], "Lambda delivers a batch again"
        lambda_.minutes(1)
    arrived: list[str] = []
    for _ in range(30):
        lambda_.minutes(10, each=10)
        letters = (f"{each['record']}-{each['step']}" for each in lambda_.letters)
        arrived = [*ops.received, *mail.received, *topic.received, *letters]
        if len(arrived) >= len(names):
            break
    assert sorted(arrived) == sorted(f"{name}-1" for name in names)


def test_messages_of_one_record_stay_in_order_in_a_limited_channel(here: Application, world: World) -> None:
    here.channels = [ops := Collector("ops", [Retry("channel ops answered 429", 1)])]
    first, second = record_of(Status.ASKING), record_of(Status.ASKING, Status.EXPIRED)
    lambda_ = Lambda(here, world, [item(1, first), item(2, second, first)])
    lambda_.once()
    lambda_.minutes(1)
    assert [message.status for message in ops.messages] == ["asking", "expired"]
