"""The ledger's stream → Security Hub, a bus, a bucket: a second reader of the outbox, for other tools than chat.

A sink takes a batch of steps and answers which it did not take; those items fail, and Lambda delivers everything from
the first failed one again. All sinks bear that: Security Hub and the bucket know a step that they have, and what is on
the bus stays known to this container. So each step arrives at least once, and mostly once; its `id` tells it apart.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.aws.ledger_items import stepped
from chalicelib.core.errors import ExportBehind
from chalicelib.core.metrics import Metric
from chalicelib.core.types import ASIDE
from chalicelib.exports.base import ExportedStep, ExportsApp, Sink, why
from chalicelib.notify.message import message_of
from chalicelib.notify.unread import set_aside
from chalicelib.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import boto3
    from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord

    from chalicelib.aws.ledger import DynamoLedger
    from chalicelib.core.rule import Rule
    from chalicelib.core.settings import Exports

_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 3},
    connect_timeout=3,
    read_timeout=10,
    user_agent_extra=f"snapback/{VERSION}",
)


def open_sinks(exports: Exports, source: boto3.Session, home: str, region: str) -> tuple[Sink, ...]:
    """Those that the settings name; `home` and `region` are where this function runs."""
    sinks: list[Sink] = []
    client: Callable[..., Any] = partial(source.client, config=_CONFIG)
    if exports.security_hub:
        from chalicelib.exports.security_hub import SecurityHub

        sinks.append(SecurityHub(client("securityhub", region_name=region), home, region))
    if exports.ocsf:
        from chalicelib.exports.ocsf import Bucket

        sinks.append(Bucket(client("s3", region_name=region), exports.ocsf, region))
    if exports.bus:
        from chalicelib.exports.bus import Bus

        there = exports.bus.split(":")[3] if exports.bus.startswith("arn:") else region
        sinks.append(Bus(client("events", region_name=there), exports.bus))
    return tuple(sinks)


def deliver(app: ExportsApp, event: Any, context: Any, rule_of: Callable[[str], Rule]) -> Any:
    """Send what a batch of the ledger's stream holds; answers which items failed, as `notify.outbox.deliver` does."""
    if not app.sinks:
        return {"batchItemFailures": []}
    failed: dict[str, str] = {}
    steps: list[ExportedStep] = []
    for item in event["Records"]:
        number = item["dynamodb"]["SequenceNumber"]
        try:
            steps += _steps(item, number, app.ledger, rule_of)
        except Exception as error:  # noqa: BLE001 - logged, and raised for its item below
            if not set_aside(app, item, error):
                failed[number] = type(error).__name__
    for sink in app.sinks if steps else ():
        failed |= _sent(app, sink, steps)

    def settle(record: DynamoDBRecord) -> None:
        number = record.raw_event["dynamodb"]["SequenceNumber"]
        if number in failed:
            raise ExportBehind(failed[number])

    # If all items of a batch fail, the answer names them; the function itself doesn't fail.
    processor = BatchProcessor(EventType.DynamoDBStreams, raise_on_entire_batch_failure=False)
    return process_partial_response(event, settle, processor, context)


def _sent(app: ExportsApp, sink: Sink, steps: Sequence[ExportedStep]) -> dict[str, str]:
    """One sink's trouble is never another's."""
    try:
        refused = dict(sink.send(steps))
    except (ClientError, BotoCoreError) as error:
        refused = dict.fromkeys((step.number for step in steps), why(error))
    app.metrics.add_metric(Metric.EXPORTS_SENT, MetricUnit.Count, len(steps) - len(refused))
    app.metrics.add_metric(Metric.EXPORTS_FAILED, MetricUnit.Count, len(refused))
    app.metrics.flush_metrics()
    if refused:
        records = sorted({step.record.id for step in steps if step.number in refused})
        extra = {"sink": sink.name, "records": records, "why": sorted(set(refused.values()))}
        app.logger.error("not delivered yet", extra=extra)
    return {number: f"{sink.name}: {reason}" for number, reason in refused.items()}


def _steps(
    item: Mapping[str, Any], number: str, ledger: DynamoLedger, rule_of: Callable[[str], Rule]
) -> Iterable[ExportedStep]:
    """The step in a stream item, if something changed by it."""
    record = stepped(item, ledger.load)
    if record is None or record.history[-1].status in ASIDE:
        return
    rule = None
    with suppress(LookupError):  # A rule of another version; the record says enough.
        rule = rule_of(record.guardrail)
    yield ExportedStep(number, record, message_of(record), rule)
