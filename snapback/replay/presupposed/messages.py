"""Topics, queues, streams and event buses."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from snapback.replay.presupposed.call import Call, MakeNamed


def _topic(call: Call, arn: str) -> str:
    call.client("sns").create_topic(Name=arn.rsplit(":", 1)[-1], Attributes={"KmsMasterKeyId": "alias/aws/sns"})
    return f"topic {arn.rsplit(':', 1)[-1]}, encrypted"


def _queue(call: Call, url: str) -> str:
    name = url.rsplit("/", 1)[-1]
    call.client("sqs").create_queue(
        QueueName=name, **({"Attributes": {"FifoQueue": "true"}} if name.endswith(".fifo") else {})
    )
    return f"queue {name}"


def _stream(call: Call, arn: str) -> str:
    name = arn.rsplit(":stream/", 1)[-1].partition("/")[0]
    call.client("kinesis").create_stream(StreamName=name, ShardCount=1)
    return f"stream {name}"


def _bus(call: Call, name: str) -> str:
    name = name.rsplit(":event-bus/", 1)[-1]
    call.client("events").create_event_bus(Name=name)
    return f"event bus {name}"


BY_NAME: dict[tuple[str, str], MakeNamed] = {
    ("events", "EventBusName"): _bus,
    ("kinesis", "ResourceARN"): _stream,
    ("sns", "TopicArn"): _topic,
    ("sqs", "QueueUrl"): _queue,
}
