"""From the stream to the channels: each new step once, in order, held where a channel fails."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from chalicelib.core.errors import ChannelBusy, Undeliverable
from chalicelib.core.settings import Direct, Route
from chalicelib.core.types import Status
from chalicelib.notify.channels.slack import Slack
from chalicelib.notify.channels.webhook import Webhook
from chalicelib.notify.outbox import deliver
from tests.notify.collector import (
    GUARDRAIL,
    POISONS,
    SECRET,
    TRANSIENT,
    Collector,
    Lambda,
    alerts,
    item,
    poisoned,
    sequence_number,
)
from tests.notify.misbehaving import closed_port
from tests.notify.receiver import PASSWORD, Receiver
from tests.notify.test_message import record_of
from tests.support.events import REGION, cloudtrail_event

if TYPE_CHECKING:
    import io

    from chalicelib.wiring import Application
    from tests.support.world import World


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


def test_a_message_costs_three_writes_and_a_batch_one_read(app: Application, world: World) -> None:
    app.channels = [Collector("ops")]
    world.calls.clear()
    deliver(app, {"Records": alerts("a", "b", "c")}, None)
    assert [call.operation for call in world.calls] == ["BatchGetItem", *["UpdateItem", "UpdateItem", "PutItem"] * 3]


def test_only_a_record_s_new_steps_are_told(app: Application, world: World) -> None:
    app.channels = [ops := Collector("ops")]
    asking, again = record_of(Status.ASKING), record_of(Status.ASKING, Status.ASKING)
    slot = item(3, record_of(Status.ALERTED))
    slot["dynamodb"]["NewImage"] = {"pk": {"S": "slot#x"}, "record": {"S": "y"}}
    world.calls.clear()
    untold = [item(1, asking, asking), item(2, None, asking), slot, item(4, record_of(Status.FIXING))]
    assert deliver(app, {"Records": untold}, None) == {"batchItemFailures": []}
    assert ops.messages == []
    assert world.calls == []
    deliver(app, {"Records": [item(5, again, asking)]}, None)
    assert ops.received == [f"{asking.id}-2"]


def test_a_limited_channel_gets_its_messages_later_once_in_order_and_nobody_waits_for_it(
    app: Application, world: World, there: Receiver, elsewhere: Receiver
) -> None:
    there.then(429, Retry_After="150")
    app.channels = [Slack("ops", there.url), Webhook("siem", elsewhere.url)]
    lambda_ = Lambda(app, world, alerts("a", "b"))
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


def test_a_channel_that_is_up_again_is_no_more_behind(app: Application, world: World) -> None:
    app.channels = [ops := Collector("ops", [TRANSIENT[0]])]
    lambda_ = Lambda(app, world, alerts("a"))
    lambda_.once()
    lambda_.minutes(1)
    assert ops.received == ["a-1"]
    lambda_.items = alerts("b")
    lambda_.once()
    assert ops.received == ["a-1", "b-1"], "at once"


def test_the_pauses_of_a_channel_that_fails_grow(app: Application, world: World) -> None:
    app.channels = [ops := Collector("ops", [TRANSIENT[0]] * 99)]
    lambda_ = Lambda(app, world, alerts("a"))
    lambda_.once()
    tries = []
    for _ in range(30):
        lambda_.minutes(1)
        tries.append(ops.tries)
    assert 5 <= tries[-1] <= 9
    assert tries[2] == 3


@pytest.mark.parametrize("status", [400, 302])
def test_what_a_channel_never_takes_is_passed_on_at_once(
    status: int, app: Application, world: World, there: Receiver, elsewhere: Receiver, log: io.StringIO
) -> None:
    for _ in range(3):
        there.then(status)
    app.last_resort = topic = Collector("alarm-topic")
    app.channels = [Slack("ops", there.url), Webhook("siem", elsewhere.url)]
    lambda_ = Lambda(app, world, alerts("a", "b", "c"))
    assert lambda_.once() == []
    assert [body["record"] for body in elsewhere.bodies] == ["a", "b", "c"]
    lambda_.minutes(1)
    assert topic.received == ["a-1", "b-1", "c-1"]
    assert there.bodies == []
    assert f"answered {status}" in log.getvalue()
    lambda_.minutes(2)
    assert len(topic.received) == 3


def test_a_channel_that_hangs_or_is_not_there_is_tried_once_a_batch(
    app: Application, world: World, there: Receiver
) -> None:
    there.delay = 0.5
    app.channels = [Slack("ops", there.url, timeout=0.1), Webhook("siem", closed_port())]
    lambda_ = Lambda(app, world, alerts("a", "b", "c"))
    assert lambda_.once() == []
    assert len(there.came()) == 1
    assert len(lambda_.held) == 6


def test_without_time_left_a_message_is_held_and_no_drain_begins_another(app: Application, world: World) -> None:
    app.channels = [ops := Collector("ops")]
    left = [100.0]
    app.time_left = lambda: left[0]
    lambda_ = Lambda(app, world, alerts("a", "b"))
    left[0] = 10
    lambda_.once()
    lambda_.minutes(1)
    assert ops.received == []
    left[0] = 100
    lambda_.minutes(1)
    assert ops.received == ["a-1", "b-1"]


def test_an_unforeseen_error_of_a_channel_holds_the_message_and_keeps_its_text_to_itself(
    app: Application, world: World, log: io.StringIO
) -> None:
    bad = RuntimeError(f"no way to https://hooks.example/{PASSWORD}")
    app.channels = [ops := Collector("ops", [bad]), siem := Collector("siem")]
    lambda_ = Lambda(app, world, alerts("a"))
    assert lambda_.once() == []
    assert "RuntimeError" in log.getvalue()
    assert PASSWORD not in log.getvalue()
    lambda_.minutes(1)
    assert (ops.received, siem.received) == (["a-1"], ["a-1"])


@pytest.mark.parametrize(("how", "why"), POISONS.items())
def test_an_item_that_cannot_be_read_is_in_the_queue_at_once_and_the_others_are_sent(
    how: str, why: str, app: Application, world: World, log: io.StringIO
) -> None:
    app.channels = [ops := Collector("ops")]
    first, bad, last = alerts("a", "b", "c")
    lambda_ = Lambda(app, world, [first, poisoned(bad, how, app, world), last])
    assert lambda_.once() == []
    assert ops.received == ["a-1", "c-1"]
    (dead_letter,) = lambda_.dead_letters
    assert (dead_letter["unread"], dead_letter["function"]) == ("record#b", app.function)
    assert dead_letter["error"].endswith(why)
    assert "record#b" in log.getvalue()


def test_what_aws_does_not_tell_just_now_is_asked_again_and_not_given_up(app: Application, world: World) -> None:
    app.channels = [ops := Collector("ops")]
    bad, good = alerts("a", "b")
    lambda_ = Lambda(app, world, [poisoned(bad, "overflow", app, world), good])
    with world.denied("GetObject", code="SlowDown"):
        assert lambda_.once() == [sequence_number(bad)]
    assert (ops.received, lambda_.dead_letters) == (["b-1"], [])


def test_without_a_queue_an_item_that_cannot_be_read_fails_alone(app: Application, world: World) -> None:
    app.channels = [ops := Collector("ops")]
    bad, good = alerts("a", "b")
    lambda_ = Lambda(app, world, [poisoned(bad, "actor", app, world), good])
    app.give_up = None
    assert lambda_.once() == [sequence_number(bad)]
    assert ops.received == ["b-1"]


def test_what_is_sent_but_cannot_be_marked_is_not_sent_again_by_that(
    app: Application, world: World, log: io.StringIO
) -> None:
    app.channels = [ops := Collector("ops")]
    with world.denied("PutItem"):
        assert Lambda(app, world, alerts("a")).once() == []
    assert ops.received == ["a-1"]
    assert "could not be saved" in log.getvalue()


def test_what_can_be_neither_sent_nor_held_is_delivered_again(app: Application, world: World) -> None:
    app.channels = [ops := Collector("ops", [TRANSIENT[0]])]
    lambda_ = Lambda(app, world, alerts("a"))
    with world.denied("PutItem"):
        assert len(lambda_.once()) == 1
    lambda_.once()
    assert ops.received == ["a-1"]


def test_no_secret_and_no_whole_state_leaves(
    app: Application,
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
    app.channels = [Slack("ops", there.url), Webhook("siem", elsewhere.url)]
    lambda_ = Lambda(app, world, [item(1, record)])
    lambda_.once()
    lambda_.minutes(1)
    assert there.bodies
    assert elsewhere.bodies
    sent = json.dumps([there.bodies, elsewhere.bodies])
    said = log.getvalue() + "".join(capsys.readouterr())
    held = json.dumps(world.client("dynamodb").scan(TableName="snapback-ledger")["Items"])
    assert sent.count("line ") <= 24
    assert "more lines" in sent
    for text in (sent, said, held):
        assert "horse" not in text
        assert PASSWORD not in text


class TestPeople:
    """Those who are told directly."""

    @pytest.fixture
    def slack(self, app: Application) -> Collector:
        app.settings = replace(app.settings, direct=Direct(via="security", domains=("example.com",), tags=("owner",)))
        app.channels = [Collector("security"), Collector("siem")]
        one: Any = app.channels[0]
        return one  # type: ignore[no-any-return]

    def item(self) -> Any:
        return item(1, record_of(Status.ALERTED, id="a", tags={"owner": "Bob"}))

    def test_they_are_told_besides_the_channel(self, app: Application, world: World, slack: Collector) -> None:
        Lambda(app, world, [self.item()]).once()
        assert slack.received == ["a-1", "a-1@bob@example.com"]

    def test_they_are_told_later_when_slack_is_down(self, app: Application, world: World, slack: Collector) -> None:
        slack.answers = [None, TRANSIENT[0]]
        lambda_ = Lambda(app, world, [self.item()])
        lambda_.once()
        assert lambda_.held == ["message#security@bob@example.com#a#1"]
        lambda_.minutes(1)
        assert slack.received == ["a-1", "a-1@bob@example.com"]

    def test_what_they_cannot_be_told_is_in_the_channel(self, app: Application, world: World, slack: Collector) -> None:
        app.settings = replace(app.settings, routes=(Route(channels=("siem",)),))
        slack.answers = [Undeliverable("channel security: missing_scope")]
        lambda_ = Lambda(app, world, [self.item()])
        lambda_.once()
        lambda_.minutes(1)
        assert slack.received == ["a-1"]
        assert lambda_.held == []
        assert lambda_.dead_letters == []


def test_a_route_s_channels_are_told_and_no_others(app: Application, world: World) -> None:
    app.settings = replace(
        app.settings,
        routes=(Route(channels=("pager",), severities=frozenset({"critical"})), Route(channels=(), guardrail="ec2.*")),
    )
    app.channels = [ops := Collector("ops"), pager := Collector("pager")]
    values: list[Any] = [{"severity": "critical"}, {"severity": "low"}, {"severity": "low", "guardrail": "ec2.x"}]
    items = [item(n, record_of(Status.ALERTED, id=f"r{n}", **each)) for n, each in enumerate(values)]
    Lambda(app, world, items).once()
    assert (pager.received, ops.received) == (["r0-1", "r1-1"], ["r1-1"])


def test_messages_of_one_record_stay_in_order_in_a_limited_channel(app: Application, world: World) -> None:
    app.channels = [ops := Collector("ops", [ChannelBusy("channel ops answered 429", 1)])]
    first, second = record_of(Status.ASKING), record_of(Status.ASKING, Status.EXPIRED)
    lambda_ = Lambda(app, world, [item(1, first), item(2, second, first)])
    lambda_.once()
    lambda_.minutes(1)
    assert [message.status for message in ops.messages] == ["asking", "expired"]
