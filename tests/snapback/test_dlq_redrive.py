"""Dead letters, redriven: events to their functions, messages to their channels, each once."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib import wiring
from chalicelib.core.settings import Exports, Settings
from chalicelib.notify.outbox import deliver
from tests.guardrails.s3 import test_bucket_acl_made_public as acl
from tests.notify.collector import item
from tests.snapback.command import complaint, objects, run, unwrapped
from tests.snapback.dead_letters import EVENT, GUARD, NOTIFY, Queues, batch, given_up, undeliverable
from tests.support.events import HOME, REGION, cloudtrail_event
from tests.support.moto_gaps import default_bus, lambda_functions, trimmed_stream
from tests.test_app import Context

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.world import World

pytestmark = pytest.mark.usefixtures("hasty")


class TestRedriveEvents:
    def test_to_the_function_that_failed_and_gone_from_the_queue(self, queues: Queues) -> None:
        first = queues.put(given_up())
        queues.put(EVENT, attributes=undeliverable())
        with lambda_functions({GUARD: print}) as invoked:
            shown = run("dlq", "redrive", first).stdout
            assert shown == f"{first[:8]}  PutBucketAcl by alice: sent to snapback-GuardS3-1A2B3C4D5E6F again\n"
            assert queues.left() == 1
            run("dlq", "redrive", "--all")
        assert invoked == [(GUARD, EVENT), (GUARD, EVENT)]
        assert queues.left() == 0

    @pytest.mark.parametrize(
        "function",
        [
            "",
            "x",
            "arn:aws:lambda:::",
            GUARD.replace(HOME, "999988887777"),
            GUARD.replace("snapback-", "other-"),
            GUARD.replace("GuardS3", "Act"),
            GUARD.replace("GuardS3", "GuardEverything"),
            NOTIFY,
            GUARD.replace("snapback", "evil-snapback"),
            GUARD.replace(REGION, "cn-north-1"),
            f"{GUARD}-2",
        ],
    )
    def test_a_letter_does_not_choose_what_we_invoke(self, queues: Queues, function: str) -> None:
        """Anybody who may send to the queue could else have the operator's rights invoke what they like."""
        queues.put(given_up(function=function))
        with lambda_functions({function: print, f"{function}:$LATEST": print}) as invoked:
            said = complaint("dlq", "redrive", "--all", code=1)
        assert "isn't a function of the stack 'snapback' in account 123456789012 that can process it" in said
        assert not invoked
        assert queues.left() == 1

    def test_a_stack_of_another_name(self, queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
        function = GUARD.replace("snapback", "my-guard")
        queues.put(given_up(function=function))
        monkeypatch.setenv("SNAPBACK_DEAD_LETTERS", queues.events)
        arn = f"arn:aws:cloudformation:{REGION}:{HOME}:stack/my-guard/11111111-2222"
        with lambda_functions({function: print}) as invoked:
            run("dlq", "redrive", "--all", "--queue", "events", "--stack", arn)
        assert len(invoked) == 1

    def test_a_function_that_is_gone_and_the_others_still_go(self, queues: Queues) -> None:
        queues.put(given_up(function=GUARD.replace("1A2B", "9Z9Z")))
        queues.put(given_up())
        with lambda_functions({GUARD: print}) as invoked:
            result = run("dlq", "redrive", "--all", code=1)
        assert "no longer exists; process it here with --local" in result.stderr
        assert len(invoked) == 1
        assert queues.left() == 1

    def test_a_denied_call_is_one_line_and_loses_nothing(self, queues: Queues, world: World) -> None:
        queues.put(given_up())
        with lambda_functions({GUARD: print}), world.denied("Invoke"):
            assert complaint("dlq", "redrive", "--all").startswith("Invoke: AccessDenied: ")
        assert queues.left() == 1

    def test_a_call_that_aws_does_not_take_is_told(self, queues: Queues, world: World) -> None:
        queues.put(given_up())
        with lambda_functions({GUARD: print}), world.denied("Invoke", code="RequestTooLargeException"):
            assert "stays: PutBucketAcl by alice: RequestTooLargeException: " in complaint(
                "dlq", "redrive", "--all", code=1
            )
        assert queues.left() == 1

    def test_a_second_look_goes_back_into_its_queue(self, queues: Queues) -> None:
        again = {**EVENT, "second_look": ["s3.bucket_acl_made_public"]}
        queues.put(again)
        (shown,) = objects(run("dlq", "list", "--json"))
        assert (shown["what"], shown["function"], shown["rule"]) == ("second look at PutBucketAcl by alice", "", "")
        assert shown["error"] == "failed in every attempt: see the log of SweepWorker"
        with lambda_functions({GUARD: print}) as invoked:
            assert "second look at PutBucketAcl by alice: back in its queue" in run("dlq", "redrive", "--all").stdout
        assert not invoked
        assert queues.left() == 0
        (message,) = queues.sqs.receive_message(QueueUrl=queues.second_looks)["Messages"]
        assert json.loads(message["Body"]) == again

    def test_where_the_queue_of_second_looks_is_unknown_nothing_is_lost(
        self, queues: Queues, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As with a stack of an earlier version, which has no such output."""
        queues.put({**EVENT, "second_look": ["s3.bucket_acl_made_public"]})
        monkeypatch.setenv("SNAPBACK_DEAD_LETTERS", queues.events)
        said = complaint("dlq", "redrive", "--all", "--queue", "events", "--stack", "older", code=1)
        assert "no stack 'older' with the output SecondLooksUrl in us-east-1" in said
        assert "SNAPBACK_SECOND_LOOKS" in said
        assert queues.left() == 1

    def test_a_dead_letter_of_a_function_is_no_second_look(self, queues: Queues) -> None:
        queues.put(given_up({**EVENT, "second_look": ["s3.bucket_acl_made_public"]}, function=""))
        assert "isn't a function of the stack" in complaint("dlq", "redrive", "--all", code=1)
        assert queues.left(queues.second_looks) == 0

    def test_what_is_no_letter_stays(self, queues: Queues) -> None:
        queues.put("hello")
        assert "then drop it" in complaint("dlq", "redrive", "--all", code=1)
        assert queues.left() == 1

    def test_in_this_process_as_handle_does(self, queues: Queues, world: World, tmp_path: Path) -> None:
        opened = acl.canned("public-read")(world)
        (tmp_path / "snapback.yaml").write_text("mode: fix")
        queues.put(given_up(opened, function="arn:aws:lambda:us-east-1:123456789012:function:gone"))
        shown = run("dlq", "redrive", "--all", "--local").stdout
        assert "s3.bucket acl made public fixed" in shown
        assert queues.left() == 0
        assert [record.status for record in world.records() if record.guardrail == acl.ID] == ["fixed"]

    def test_in_this_process_what_is_left_unsafe_is_exit_1(self, queues: Queues, world: World) -> None:
        queues.put(given_up(acl.canned("public-read")(world)))
        assert "alerted" in run("dlq", "redrive", "--all", "--local", code=1).stdout
        assert queues.left() == 0

    def test_in_this_process_what_fails_again_stays(
        self, queues: Queues, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("time.sleep", lambda _: None)
        queues.put(given_up(acl.canned("public-read")(world)))
        with world.denied("GetBucketAcl", code="InternalError"):
            assert "InternalError" in complaint("dlq", "redrive", "--all", "--local", code=1)
        assert queues.left() == 1

    def test_in_this_process_what_is_not_believed_stays(self, queues: Queues) -> None:
        unbelievable: list[Any] = [{**EVENT, "account": "999988887777"}, [], "x", 0]
        for event in unbelievable:
            queues.put(given_up(event))
        said = complaint("dlq", "redrive", "--all", "--local", code=1)
        assert said.count("refused: ") == 4
        assert "if this is correct, drop the dead letter" in said
        assert queues.left() == 4

    def test_some_must_be_named_or_all(self, queues: Queues) -> None:
        assert complaint("dlq", "redrive") == "pass ids from `snapback dlq list`, or --all"
        assert complaint("dlq", "drop", "1", "--all") == "pass ids from `snapback dlq list`, or --all alone"


@dataclass
class Channel:
    name: str = "ops"
    down: bool = False
    received: list[str] = field(default_factory=list)

    def send(self, message: Any) -> None:
        if self.down:
            from chalicelib.core.errors import Undeliverable

            raise Undeliverable("channel ops answered 404")
        self.received.append(f"{message.record} {message.status}")

    def sum_up(self, summary: Any) -> None:
        self.received += [f"{record} in a summary" for record in summary.records]


@dataclass
class Stream:
    """The ledger's stream with two records in it, whose messages were given up."""

    ids: list[str]
    dead_letter: dict[str, Any]
    channel: Channel
    notify: Any


@pytest.fixture
def stream(queues: Queues, world: World, monkeypatch: pytest.MonkeyPatch) -> Stream:
    ids = []
    for name in ("app-logs", "photos"):
        world.client("s3").create_bucket(Bucket=name, ObjectOwnership="ObjectWriter")
        world.client("s3").put_bucket_acl(Bucket=name, ACL="public-read")
        (outcome,) = world.deliver(cloudtrail_event("s3", "PutBucketAcl", {"bucketName": name}), acl.ID, "alert")
        ids.append(outcome.record)
    application = world.application()
    application.channels = [channel := Channel()]
    monkeypatch.setattr(wiring, "_APPLICATION", {HOME: application})
    streams: Any = world.aws.client("dynamodbstreams")
    arn = streams.list_streams()["Streams"][0]["StreamArn"]
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    start = streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")
    numbers = [
        record["dynamodb"]["SequenceNumber"]
        for record in streams.get_records(ShardIterator=start["ShardIterator"])["Records"]
        if record["dynamodb"]["Keys"]["pk"]["S"].startswith("record#")
    ]
    info = {"shardId": shard["ShardId"], "streamArn": arn, "startSequenceNumber": numbers[0]}
    dead_letter = batch(**info, endSequenceNumber=numbers[-1])
    return Stream(ids, dead_letter, channel, {NOTIFY: lambda event: wiring.notify(event, Context())})


class TestRedriveUnread:
    """Records that a function could not read: sent as they now are, once this version can read them."""

    def test_it_is_listed_and_sent_once_it_can_be_read(self, queues: Queues, stream: Stream, world: World) -> None:
        key = f"record#{stream.ids[0]}"
        dead_letter = queues.put({"unread": key, "error": "ValueError", "function": NOTIFY}, queues.messages)
        shown = unwrapped(run("dlq", "list"))
        assert f"a step of record {stream.ids[0]} that could not be read" in shown
        assert "ValueError" in shown
        assert key in run("dlq", "show", dead_letter[:8]).stdout
        status = {"S": "of a later version"}
        self.set_status(world, key, status)
        with lambda_functions(stream.notify):
            said = complaint("dlq", "redrive", "--all", code=1)
            assert "can't be read here either (item" in said
            self.set_status(world, key, {"S": "alerted"})
            run("dlq", "redrive", "--all")
        assert stream.channel.received == [f"{stream.ids[0]} alerted"]
        assert queues.left(queues.messages) == 0

    @pytest.mark.parametrize("key", ["record#none", "slot#x", "outbox", "record#"])
    def test_what_is_no_record_stays(self, key: str, queues: Queues, stream: Stream) -> None:
        queues.put({"unread": key, "error": "ValueError", "function": NOTIFY}, queues.messages)
        with lambda_functions(stream.notify) as invoked:
            assert "the ledger has no" in complaint("dlq", "redrive", "--all", code=1)
        assert not invoked

    def set_status(self, world: World, key: str, status: Any) -> None:
        world.client("dynamodb").update_item(
            TableName="snapback-ledger",
            Key={"pk": {"S": key}},
            UpdateExpression="SET #status = :status",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":status": status},
        )


class TestRedriveMessages:
    def test_they_are_read_again_from_the_stream_and_sent_once(self, queues: Queues, stream: Stream) -> None:
        dead_letter = queues.put(stream.dead_letter, queues.messages)
        with lambda_functions(stream.notify) as invoked:
            shown = run("dlq", "redrive", "--all").stdout
            assert shown == f"{dead_letter[:8]}  processed 2 items of the ledger; unsent messages are sent or held\n"
            queues.put(stream.dead_letter, queues.messages)
            run("dlq", "redrive", "--all")
        assert stream.channel.received == [f"{record} alerted" for record in stream.ids]
        assert queues.left(queues.messages) == 0
        item = invoked[0][1]["Records"][0]
        assert item["eventSourceARN"] == stream.dead_letter["DDBStreamBatchInfo"]["streamArn"]
        assert isinstance(item["dynamodb"]["ApproximateCreationDateTime"], float)

    def test_only_those_of_the_batch(self, queues: Queues, stream: Stream) -> None:
        info = stream.dead_letter["DDBStreamBatchInfo"]
        info["endSequenceNumber"] = info["startSequenceNumber"]
        queues.put(stream.dead_letter, queues.messages)
        with lambda_functions(stream.notify):
            run("dlq", "redrive", "--all")
        assert stream.channel.received == [f"{stream.ids[0]} alerted"]

    def test_after_a_day_the_ledger_tells_what_changed_then(self, queues: Queues, stream: Stream, world: World) -> None:
        world.later(hours=30)
        (late,) = world.deliver(acl_event(world, "late"), acl.ID, "alert")
        queues.put(stream.dead_letter, queues.messages)
        with lambda_functions(stream.notify), trimmed_stream():
            run("dlq", "redrive", "--all")
        assert sorted(stream.channel.received) == sorted(f"{record} alerted" for record in stream.ids)
        assert late.record not in str(stream.channel.received)

    def test_after_a_day_a_record_is_told_as_it_now_is(self, queues: Queues, stream: Stream, world: World) -> None:
        world.later(hours=30)
        application = world.application()
        record = application.ledger.get(stream.ids[0])
        assert record
        from chalicelib.core.types import Status

        application.ledger.move(record, Status.GONE, by="snapback")
        queues.put(stream.dead_letter, queues.messages)
        with lambda_functions(stream.notify), trimmed_stream():
            run("dlq", "redrive", "--all")
        assert sorted(stream.channel.received) == sorted([f"{stream.ids[0]} gone", f"{stream.ids[1]} alerted"])

    def test_what_a_channel_that_is_still_down_does_not_take_is_held(
        self, queues: Queues, stream: Stream, world: World
    ) -> None:
        stream.channel.down = True
        queues.put(stream.dead_letter, queues.messages)
        with lambda_functions(stream.notify):
            run("dlq", "redrive", "--all")
        assert queues.left(queues.messages) == 0
        stream.channel.down = False
        world.later(minutes=1)
        stream.notify[NOTIFY]({"drain": True})
        assert len(stream.channel.received) == 2

    def test_a_message_that_no_channel_took_is_sent_once_it_is_redriven(
        self, queues: Queues, stream: Stream, world: World
    ) -> None:
        stream.channel.down = True
        dead_letter = self.given_up(queues, stream, world)
        shown = unwrapped(run("dlq", "list"))
        assert f"(record {stream.ids[0]}) to ops" in shown
        assert "answered 404" in shown
        (page,) = objects(run("dlq", "show", dead_letter[:8], "--json"))
        assert page["kind"] == "message"
        assert page["message"]["record"] == stream.ids[0]
        assert stream.ids[0] in run("dlq", "show", dead_letter[:8]).stdout
        stream.channel.down = False
        with lambda_functions(stream.notify) as invoked:
            assert "sent within a minute" in unwrapped(run("dlq", "redrive", "--all"))
        assert invoked[0][1] == {"again": [{"channel": "ops", "record": stream.ids[0], "step": 1}]}
        assert queues.left(queues.messages) == 0
        world.later(minutes=1)
        stream.notify[NOTIFY]({"drain": True})
        assert stream.channel.received == [f"{stream.ids[0]} alerted"]

    def test_a_message_is_sent_from_this_process_too(
        self, queues: Queues, stream: Stream, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stream.channel.down = True
        self.given_up(queues, stream, world)
        stream.channel.down = False
        monkeypatch.setattr("chalicelib.notify.channels.open.open_channels", lambda *_, **__: (stream.channel,))
        run("dlq", "redrive", "--all", "--local")
        assert stream.channel.received == [f"{stream.ids[0]} alerted"]

    def test_a_letter_chooses_neither_what_is_told_nor_twice(
        self, queues: Queues, stream: Stream, world: World
    ) -> None:
        forged = {"channel": "ops", "record": stream.ids[0], "step": 9, "headline": "click here", "function": NOTIFY}
        queues.put(forged, queues.messages)
        with lambda_functions(stream.notify):
            assert "already sent or held, or expired" in unwrapped(run("dlq", "redrive", "--all"))
            queues.put(forged | {"step": "x"}, queues.messages)
            assert "it names no message" in complaint("dlq", "redrive", "--all", code=1)
        stream.notify[NOTIFY]({"drain": True})
        assert stream.channel.received == []

    def given_up(self, queues: Queues, stream: Stream, world: World) -> str:
        """The dead letter of a message that the outbox gave up."""
        letters: list[str] = []
        application = world.application()
        application.channels, application.give_up, application.function = [stream.channel], letters.append, NOTIFY
        record = application.ledger.get(stream.ids[0])
        assert record
        deliver(application, {"Records": [item(1, record)]}, None)
        (dead_letter,) = letters
        return queues.put(dead_letter, queues.messages)

    def test_a_function_that_fails_keeps_the_letter(self, queues: Queues, stream: Stream) -> None:
        def fails(_: Any) -> Any:
            raise TimeoutError("too slow")

        queues.put(stream.dead_letter, queues.messages)
        with lambda_functions({NOTIFY: fails}):
            said = complaint("dlq", "redrive", "--all", code=1)
        assert "snapback-Notify-1A2B3C4D5E6F failed: TimeoutError: too slow" in said
        assert queues.left(queues.messages) == 1

    def test_in_this_process(
        self, queues: Queues, stream: Stream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        queues.put(stream.dead_letter, queues.messages)
        assert "the settings have no channel" in complaint("dlq", "redrive", "--all", "--local", code=1)
        monkeypatch.setattr("chalicelib.notify.channels.open.open_channels", lambda *_, **__: (stream.channel,))
        result = run("dlq", "redrive", "--all", "--local")
        assert result.stdout.count("\n") == 1, "no metrics on stdout"
        assert len(stream.channel.received) == 2
        assert queues.left(queues.messages) == 0

    def test_what_other_tools_did_not_take_goes_to_the_function_that_sends_to_them(
        self, queues: Queues, stream: Stream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        exports = NOTIFY.replace("Notify", "Exports")
        stream.dead_letter["requestContext"]["functionArn"] = exports
        queues.put(stream.dead_letter, queues.messages)
        assert "the settings have no tool under `exports`" in complaint("dlq", "redrive", "--all", "--local", code=1)
        application = wiring._APPLICATION[HOME]
        application.settings = Settings(exports=Exports(bus="default"))
        with default_bus() as events, lambda_functions({exports: lambda event: wiring.exports(event, Context())}):
            run("dlq", "redrive", "--all")
        assert [event["detail"]["record"] for event in events] == stream.ids
        assert stream.channel.received == []
        assert queues.left(queues.messages) == 0

    def test_of_another_table_or_of_no_time_they_stay(self, queues: Queues, stream: Stream) -> None:
        arn = f"arn:aws:dynamodb:{REGION}:{HOME}:table/other/stream/2026-11-23T00:00:00.000"
        for changed in ({"streamArn": arn}, {"streamArn": 7}, {"streamArn": None}):
            queues.put(batch(**changed), queues.messages)
        queues.put(batch(shardId=None, approximateArrivalOfFirstRecord="?"), queues.messages)
        with lambda_functions(stream.notify) as invoked:
            said = complaint("dlq", "redrive", "--all", code=1)
        assert said.count("it belongs to another table than the ledger 'snapback-ledger'") == 3
        assert said.count("neither a position in the stream nor a time") == 1
        assert not invoked
        assert queues.left(queues.messages) == 4

    @pytest.mark.parametrize(
        "changed",
        [
            {"shardId": "x"},
            {"shardId": 7},
            {"startSequenceNumber": "1"},
            {"startSequenceNumber": None},
            {"endSequenceNumber": "x"},
            {"endSequenceNumber": "²"},
            {"endSequenceNumber": []},
        ],
    )
    def test_where_no_stream_could_be_read_the_ledger_is(
        self, queues: Queues, stream: Stream, changed: dict[str, Any]
    ) -> None:
        stream.dead_letter["DDBStreamBatchInfo"] |= changed
        queues.put(stream.dead_letter, queues.messages)
        with lambda_functions(stream.notify):
            run("dlq", "redrive", "--all")
        assert sorted(stream.channel.received) == sorted(f"{record} alerted" for record in stream.ids)

    def test_only_notify_is_invoked_for_them(self, queues: Queues, stream: Stream) -> None:
        stream.dead_letter["requestContext"]["functionArn"] = GUARD
        queues.put(stream.dead_letter, queues.messages)
        with lambda_functions({GUARD: print}) as invoked:
            assert "isn't a function of the stack" in complaint("dlq", "redrive", "--all", code=1)
        assert not invoked


def acl_event(world: World, bucket: str) -> Any:
    world.client("s3").create_bucket(Bucket=bucket, ObjectOwnership="ObjectWriter")
    world.client("s3").put_bucket_acl(Bucket=bucket, ACL="public-read")
    moment = world.clock - timedelta(seconds=2)
    return cloudtrail_event("s3", "PutBucketAcl", {"bucketName": bucket}, eventTime=f"{moment:%Y-%m-%dT%H:%M:%SZ}")
