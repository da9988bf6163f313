from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools import Logger
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.adapters.channels import Retry, Undeliverable
from chalicelib.adapters.channels.slack import Slack
from chalicelib.adapters.channels.webhook import Webhook
from chalicelib.adapters.ledger import to_item
from chalicelib.adapters.outbox import LONGEST_PAUSE, PATIENCE, deliver
from chalicelib.core.record import Record, Status
from tests.adapters.receiver import PASSWORD, Receiver, receiver
from tests.core.test_message import record_of
from tests.support import HOME, REGION, cloudtrail_event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.core.message import Message
    from chalicelib.wiring import Application
    from tests.support import World

GUARDRAIL = "s3.bucket_acl_made_public"
SECRET = "correct horse battery staple"
_NUMBERS = count()
TRANSIENT = [Retry("channel x answered 503"), Retry("channel x answered 429", 3)]


@dataclass
class Collector:
    """A channel that answers from a list, then takes everything."""

    name: str
    answers: list[Exception | None] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    tries: int = 0

    def send(self, message: Message) -> None:
        self.tries += 1
        answer = self.answers.pop(0) if self.answers else None
        if answer:
            raise answer
        self.messages.append(message)

    @property
    def told(self) -> list[str]:
        return [message.id for message in self.messages]


@dataclass
class Lambda:
    """The event source mapping: it delivers again from the lowest sequence number that failed."""

    application: Application
    items: list[Any]
    answers: list[list[str]] = field(default_factory=list)

    def once(self) -> list[str]:
        self.application.metrics.clear_metrics()  # Where metrics are disabled, a flush doesn't.
        failed = deliver(self.application, {"Records": self.items}, None)["batchItemFailures"]
        numbers = [each["itemIdentifier"] for each in failed]
        self.answers.append(numbers)
        self.items = [item for item in self.items if numbers and int(_number(item)) >= min(map(int, numbers))]
        return numbers

    def until_done(self, most: int = 30) -> None:
        while self.items:
            self.once()
            assert len(self.answers) < most


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
    again = [each for each in _stream(world) if each not in items]
    assert any(each["dynamodb"]["Keys"]["pk"]["S"].startswith("sent#") for each in again)
    deliver(application, {"Records": again}, None)
    assert [message.status for message in ops.messages] == ["fixed", "undone"]


def test_a_message_costs_one_write_and_a_batch_one_read(here: Application, world: World) -> None:
    here.channels = [Collector("ops")]
    world.calls.clear()
    deliver(here, {"Records": alerts("a", "b", "c")}, None)
    assert [call.operation for call in world.calls] == ["BatchGetItem", *["PutItem"] * 3]


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
    assert ops.told == [f"{asking.id}-2"]


def test_a_limited_channel_gets_its_message_later_and_once(
    here: Application, world: World, there: Receiver, elsewhere: Receiver
) -> None:
    there.then(429, Retry_After="7")
    here.channels = [Slack("ops", there.url), Webhook("siem", elsewhere.url)]
    lambda_ = Lambda(here, alerts("a", "b"))
    assert len(lambda_.once()) == 2
    assert len(there.requests) == 1  # It asked for a pause: the second message waits as well.
    assert world.pauses[-1:] == [7]
    lambda_.until_done()
    assert [body["record"] for body in elsewhere.bodies] == ["a", "b"]
    assert len(there.bodies) == 2


def test_a_pause_is_never_longer_than_a_function_may_run(here: Application, world: World) -> None:
    here.channels = [Collector("ops", [Retry("channel ops answered 429", 3600)])]
    Lambda(here, alerts("a")).once()
    assert world.pauses[-1] == LONGEST_PAUSE


@pytest.mark.parametrize("status", [404, 410, 500, 503])
def test_one_bad_channel_does_not_stop_the_other(
    status: int, here: Application, there: Receiver, elsewhere: Receiver, log: io.StringIO
) -> None:
    for _ in range(4):
        there.then(status)
    here.channels = [Slack("ops", there.url), Webhook("siem", elsewhere.url)]
    lambda_ = Lambda(here, alerts("a", "b", "c"))
    assert len(lambda_.once()) == 3
    assert [body["record"] for body in elsewhere.bodies] == ["a", "b", "c"]
    lambda_.until_done()
    assert len(elsewhere.bodies) == 3
    assert len(there.bodies) == 3
    assert f"answered {status}" in log.getvalue()


def test_a_channel_that_hangs_or_is_not_there_is_tried_once_a_batch(here: Application, there: Receiver) -> None:
    with receiver() as gone:
        pass
    there.delay = 0.5
    here.channels = [Slack("ops", there.url, timeout=0.1), Webhook("siem", gone.url)]
    assert len(Lambda(here, alerts("a", "b", "c")).once()) == 3
    assert len(there.requests) == 1


def test_an_unforeseen_error_of_a_channel_fails_the_item_and_keeps_its_text_to_itself(
    here: Application, log: io.StringIO
) -> None:
    here.channels = [Collector("ops", [RuntimeError(f"no way to https://hooks.example/{PASSWORD}")]), Collector("siem")]
    lambda_ = Lambda(here, alerts("a"))
    assert lambda_.once()
    assert "RuntimeError" in log.getvalue()
    assert PASSWORD not in log.getvalue()
    lambda_.until_done()


def test_an_item_that_is_no_record_fails_alone_and_loudly(here: Application, log: io.StringIO) -> None:
    here.channels = [ops := Collector("ops")]
    bad, good = alerts("a", "b")
    del bad["dynamodb"]["NewImage"]["actor"]
    assert Lambda(here, [bad, good]).once() == [_number(bad)]
    assert ops.told == ["b-1"]
    assert "record#a" in log.getvalue()


def test_what_a_channel_never_takes_goes_to_the_last_resort_at_once_and_once(
    here: Application, log: io.StringIO
) -> None:
    topic = Collector("alarm-topic")
    here.last_resort = topic
    refused: list[Exception | None] = [Undeliverable("channel x answered 404 (no_service)")] * 4
    here.channels = [Collector("ops", refused[:2]), Collector("siem", refused[2:])]
    assert Lambda(here, alerts("a", "b")).once() == []
    assert topic.told == ["a-1", "b-1"]
    assert "no_service" in log.getvalue()


def test_what_a_channel_does_not_take_for_long_goes_to_the_last_resort(here: Application, world: World) -> None:
    topic = Collector("alarm-topic")
    here.last_resort = topic
    here.channels = [ops := Collector("ops", [*TRANSIENT, *TRANSIENT])]
    lambda_ = Lambda(here, alerts("a"))
    assert lambda_.once()
    assert topic.told == []
    world.later(seconds=PATIENCE.total_seconds() + 60)
    assert lambda_.once() == []
    assert topic.told == ["a-1"]
    assert ops.told == []


def test_when_the_last_resort_fails_too_nothing_is_acknowledged(here: Application) -> None:
    here.last_resort = Collector("alarm-topic", [Retry("channel alarm-topic: Throttled")])
    here.channels = [Collector("ops", [Undeliverable("channel ops answered 404")])]
    lambda_ = Lambda(here, alerts("a"))
    assert lambda_.once()
    lambda_.until_done()


def test_without_channels_the_alarm_topic_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sns = world.client("sns")
    monkeypatch.setenv("SNAPBACK_ALARM_TOPIC", sns.create_topic(Name="alarms")["TopicArn"])
    application = world.application(trouble="the settings can't be read")
    world.calls.clear()
    assert deliver(application, {"Records": alerts("a", "b")}, None) == {"batchItemFailures": []}
    assert [call.operation for call in world.calls] == ["BatchGetItem", "Publish", "PutItem", "Publish", "PutItem"]


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
        assert Lambda(here, alerts("a")).once() == []
    assert ops.told == ["a-1"]
    assert "not marked as sent" in log.getvalue()


def test_marks_expire(here: Application, world: World) -> None:
    here.channels = [Collector("ops")]
    deliver(here, {"Records": alerts("a")}, None)
    (mark,) = world.client("dynamodb").scan(TableName="snapback-ledger")["Items"]
    assert mark["pk"]["S"] == "sent#a#alerted#1#ops"
    assert int(mark["expires_at"]["N"]) > world.clock.timestamp() + 24 * 3600
    assert mark.keys() == {"pk", "expires_at"}


def test_no_secret_and_no_whole_state_leaves(
    here: Application, there: Receiver, elsewhere: Receiver, log: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {"Environment": {"DB_PASSWORD": SECRET, "rest": [f"line {number}" for number in range(99)]}}
    record = record_of(Status.FIXING, Status.FAILED, before=before, after={}, error=f"password='{SECRET}'")
    there.then(404)
    elsewhere.then(500)
    here.channels = [Slack("ops", there.url), Webhook("siem", elsewhere.url)]
    Lambda(here, [item(1, record)]).until_done()
    assert there.bodies
    assert elsewhere.bodies
    sent = json.dumps([there.bodies, elsewhere.bodies])
    said = log.getvalue() + "".join(capsys.readouterr())
    assert sent.count("line ") <= 24
    assert "lines more" in sent
    for text in (sent, said):
        assert "horse" not in text
        assert PASSWORD not in text


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from([None, *TRANSIENT, Undeliverable("channel x answered 410")]), max_size=12),
    st.lists(st.sampled_from([None, *TRANSIENT, RuntimeError("boom")]), max_size=12),
    st.integers(min_value=1, max_value=6),
)
def test_over_all_redeliveries_each_message_reaches_each_channel_once(
    here: Application, ops_answers: list[Exception | None], siem_answers: list[Exception | None], number: int
) -> None:
    ops, siem = Collector("ops", list(ops_answers)), Collector("siem", list(siem_answers))
    here.channels = [ops, siem]
    names = [f"record{next(_NUMBERS)}" for _ in range(number)]
    Lambda(here, alerts(*names)).until_done(most=40)
    for channel in (ops, siem):
        assert sorted(channel.told) == sorted(f"{name}-1" for name in names)


def test_messages_of_one_record_stay_in_order_in_a_limited_channel(here: Application) -> None:
    here.channels = [ops := Collector("ops", [Retry("channel ops answered 429", 1)])]
    first, second = record_of(Status.ASKING), record_of(Status.ASKING, Status.EXPIRED)
    Lambda(here, [item(1, first), item(2, second, first)]).until_done()
    assert [message.status for message in ops.messages] == ["asking", "expired"]
