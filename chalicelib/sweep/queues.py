"""The sweep in AWS, by two queues: of places, which `sweep` lists, and of resources, which `sweep_worker` evaluates.

Any message may come twice: the ledger makes two findings of one sweep one.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from aws_lambda_powertools.metrics import MetricUnit

from chalicelib.aws.ledger import KEPT
from chalicelib.core.errors import OutOfTime, Unfinished
from chalicelib.core.event import parse_time
from chalicelib.core.faults import fault_log
from chalicelib.core.metrics import Metric
from chalicelib.core.outcome import QUIET
from chalicelib.core.partitions import global_regions
from chalicelib.core.resource import Account
from chalicelib.core.types import Status, Unrecorded
from chalicelib.engine.context import describe_error, unfinished
from chalicelib.engine.refusal import Refusal, refusal_of
from chalicelib.sweep.places import Place, chunks, event_of, expected_from_events, places

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from aws_lambda_powertools import Logger, Metrics
    from mypy_boto3_dynamodb import DynamoDBClient

    from chalicelib.aws.sessions import AwsSessions
    from chalicelib.core.event import Event
    from chalicelib.core.outcome import Outcome
    from chalicelib.core.resource import Resource
    from chalicelib.core.rule import Guardrail
    from chalicelib.core.settings import Settings
    from chalicelib.engine.engine import Engine
    from chalicelib.engine.evaluate import Swept

PLACES_VARIABLE, RESOURCES_VARIABLE = "SNAPBACK_SWEEP_PLACES", "SNAPBACK_SWEEP_RESOURCES"
"""The queues' URLs."""
MARKER_ACTIONS = ("dynamodb:GetItem", "dynamodb:UpdateItem")
"""On the ledger's table, by `sweep`."""
_LONGEST_DELAY = 900
"""Seconds that SQS holds a message back; what has to wait longer waits again."""
_NO_NEWS = frozenset({Unrecorded.DUPLICATE, Unrecorded.EXEMPT, Status.UNJUDGED})
_BATCH = 10
"""As many messages as SQS takes at once."""


class SweepApp(Protocol):
    """What the sweep needs of the application."""

    table: str
    settings: Settings
    logger: Logger
    metrics: Metrics

    def now(self) -> datetime: ...
    @property
    def dynamodb(self) -> DynamoDBClient: ...
    @property
    def sessions(self) -> AwsSessions: ...
    @property
    def engine(self) -> Engine: ...


class Markers:
    """In the ledger's table, an item a place: each guardrail that it was gone through by, with the first such sweep."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client, self._table = client, table

    def asked(self, place: Place) -> dict[str, str]:
        item = self._client.get_item(TableName=self._table, Key={"pk": {"S": place.key}}).get("Item", {})
        return {name: str(value["S"]) for name, value in item.items() if "S" in value and name != "pk"}

    def mark(self, place: Place, rules: Iterable[Guardrail[Any]], run: str, now: datetime) -> None:
        names = {f"#r{number}": rule.id for number, rule in enumerate(rules)}
        first = ", ".join(f"{name} = if_not_exists({name}, :run)" for name in names)
        self._client.update_item(
            TableName=self._table,
            Key={"pk": {"S": place.key}},
            UpdateExpression=f"SET {first}, expires_at = :expires_at",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={
                ":run": {"S": run},
                ":expires_at": {"N": str(int((now + KEPT).timestamp()))},
            },
        )


def places_of(
    settings: Settings, rules: Iterable[Guardrail[Any]], accounts: Iterable[str], region: str
) -> dict[Place, list[Guardrail[Any]]]:
    """All places in these accounts, seen from the region that Snapback is in, and the guardrails to evaluate there."""
    return places(rules, settings, accounts, {region, *settings.regions}, global_regions(region))


def plan(found: Iterable[Place], run: str) -> list[Any]:
    """The messages of a whole sweep: one a place, for `listed`."""
    return [{"sweep": run, **asdict(place)} for place in found]


def listed(app: SweepApp, message: Mapping[str, Any], rules: Sequence[Guardrail[Any]]) -> Iterator[Any]:
    """A place's resources as messages for `evaluate`, as they are found; after the last it is marked as gone through.

    Where AWS does not let Snapback list them (further), the last message says so: who evaluates may write records. Any
    other error is logged and counted at once, and raised as Unfinished: SQS delivers the place again, hours later.
    """
    place, run = place_of(message), str(message["sweep"])
    kind = rules[0].resource
    markers = Markers(app.dynamodb, app.table)
    baseline = expected_from_events(rules, markers.asked(place), run)
    seen, some = set[str](), list[str]()
    app.sessions.retries = "adaptive"
    try:
        for resource in kind.all_in(app.sessions.reader(place.account, place.region)):
            if resource.id not in seen:
                seen.add(resource.id)
                some.append(resource.id)
            if len(some) == kind.batch_size:
                yield {**message, "expected_from_events": baseline, "ids": some}
                some = []
    except Exception as error:  # noqa: BLE001 - reported as unjudged if AWS refused, else raised
        refusal = refusal_of(error, rules[0], Account(place.account, place.account, place.region))
        if refusal is None:
            raise _not_listed(app, place, error) from None
        yield {**message, "expected_from_events": baseline, "ids": some, "refusal": asdict(refusal)}
        return
    if some:
        yield {**message, "expected_from_events": baseline, "ids": some}
    markers.mark(place, rules, run, app.now())


def _not_listed(app: SweepApp, place: Place, error: Exception) -> Unfinished:
    why, where = describe_error(error), asdict(place)
    app.logger.error("sweep: could not list", extra={**where, "why": why, "faults": fault_log(error)})
    app.metrics.add_metric(Metric.PLACES_NOT_LISTED, MetricUnit.Count, 1)
    app.metrics.flush_metrics()
    return Unfinished([], [error], [f"{place.kind} in {place.account}, {place.region} could not be listed: {why}"])


def evaluate(
    app: SweepApp,
    message: Mapping[str, Any],
    rules: Sequence[Guardrail[Any]],
    log_outcomes: Callable[[Event, list[Outcome]], None],
) -> list[tuple[Any, int]]:
    """Ask about some resources of a place. Answers the messages that are left to send, with their delays in seconds.

    Raises Unfinished when none of them could be evaluated: SQS delivers the message again.
    """
    place = place_of(message)
    rules = [rule for rule in rules if rule.id in message.get("rules", [rule.id])]
    if not rules:
        return []
    at = parse_time(message.get("at")) or app.now()
    app.sessions.retries = "adaptive"
    event = event_of(place, str(message["sweep"]), at, message["expected_from_events"])
    if "refusal" in message:
        log_outcomes(event, app.engine.unlisted(rules, event, Refusal(**message["refusal"])))
    resources = [rules[0].resource(each, place.account, place.region) for each in message["ids"]]
    if not resources:
        return []
    swept = app.engine.sweep(rules, resources, event)
    log_outcomes(event, swept.outcomes)
    missed = sum(missed_by_events(outcome, message["expected_from_events"]) for outcome in swept.outcomes)
    app.metrics.add_metric(Metric.MISSED_BY_EVENTS, MetricUnit.Count, missed)
    app.metrics.flush_metrics()
    for resource, error, _ in swept.errors:
        extra = {**asdict(place), "resource": resource.arn, "why": describe_error(error), "faults": fault_log(error)}
        app.logger.error("sweep: could not evaluate", extra=extra)
    failed = list(dict.fromkeys(resource for resource, _, _ in swept.errors))
    if len(failed) == len(resources):
        raise unfinished(swept.outcomes, [error for _, error, _ in swept.errors])
    if len(swept.left) == len(resources):
        raise OutOfTime(
            f"{place.kind} in {place.account}, {place.region}: no time to evaluate any of {len(resources)} resources"
        )
    again = [({**message, "ids": [resource.id for resource in some]}, 0) for some in (failed, swept.left) if some]
    return again + _waiting(app, message, rules, swept, resources, at)


def missed_by_events(outcome: Outcome, expected_from_events: Sequence[str]) -> bool:
    """Whether it is news, and an event should have brought it."""
    is_news = outcome.status not in QUIET | _NO_NEWS and not outcome.reported
    return is_news and outcome.guardrail in expected_from_events


def _waiting(
    app: SweepApp,
    message: Mapping[str, Any],
    rules: Sequence[Guardrail[Any]],
    swept: Swept,
    resources: Sequence[Resource],
    at: datetime,
) -> list[tuple[Any, int]]:
    """What a pipeline may still be at is evaluated again, by those guardrails alone, after their grace."""
    ids = {resource.arn: resource.id for resource in resources}
    waiting = defaultdict(list)
    for outcome in swept.outcomes:
        if outcome.status == Unrecorded.WAITING:
            waiting[outcome.guardrail].append(ids[outcome.resource])
    found = []
    for rule in rules:
        if rule.id in waiting:
            left = at + app.settings.grace_of(rule) - app.now() + timedelta(seconds=1)
            delay = min(_LONGEST_DELAY, max(0, int(left.total_seconds())))
            found.append(({**message, "ids": waiting[rule.id], "rules": [rule.id], "at": at.isoformat()}, delay))
    return found


def send(client: Any, queue: str, messages: Sequence[tuple[Any, int]]) -> None:
    """Each with its delay. Raises what boto3 does, and Unfinished when SQS takes some and not others."""
    for some in chunks(messages, 1 if len(json.dumps(messages[:1])) > _SMALL else _BATCH):
        entries = [
            {"Id": str(number), "MessageBody": json.dumps(body, separators=(",", ":")), "DelaySeconds": delay}
            for number, (body, delay) in enumerate(some)
        ]
        if refused := client.send_message_batch(QueueUrl=queue, Entries=entries).get("Failed"):
            raise unfinished([], [RuntimeError(f"SQS did not take {len(refused)} messages: {refused[0].get('Code')}")])


_SMALL = 20_000
"""Characters of a message, up to which ten go into one call, which takes 262,144 bytes."""


def refuse(app: SweepApp, place: Place) -> list[Guardrail[Any]]:
    """For a message about nothing that is swept: an account that left the settings since, or one that nobody of ours sent."""
    app.logger.warning("sweep: nothing is swept there", extra={"place": repr(place)[:200]})
    app.metrics.add_metric(Metric.EVENTS_REFUSED, MetricUnit.Count, 1)
    app.metrics.flush_metrics()
    return []


def place_of(message: Mapping[str, Any]) -> Place:
    return Place(message["account"], message["region"], message["kind"])
