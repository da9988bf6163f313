"""The canary: each hour an event goes over the real bus to a guardrail that does no harm.

`send` opens a marker in the ledger's table and puts an event on the default bus. An EventBridge rule brings it to
`answer`, which lets the engine do with the marker what it does with any resource: look, find, write, look again. No
record comes of it, so nobody is notified. Silence is what rings: the alarm on the metric `Healthy`.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from aws_lambda_powertools.metrics import MetricUnit
from botocore.exceptions import ClientError

from chalicelib.aws.ledger import KEPT
from chalicelib.aws.sessions import AwsSessions
from chalicelib.core.errors import CanarySilent, EventRejected, StrangeCanary
from chalicelib.core.event import Actor, Event, dig, parse_time, text
from chalicelib.core.metrics import Metric
from chalicelib.core.partitions import partition
from chalicelib.core.pattern import Pattern, matches
from chalicelib.core.resource import Resource
from chalicelib.core.rule import Fix, FixContext, Guardrail
from chalicelib.core.settings import Settings
from chalicelib.core.types import Mode, Severity, Status
from chalicelib.engine.context import Context, describe_error
from chalicelib.engine.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import boto3
    from aws_lambda_powertools import Logger, Metrics
    from mypy_boto3_dynamodb import DynamoDBClient

    from chalicelib.core.ports import Causes
    from chalicelib.core.record import Record
    from chalicelib.core.rule import Rule
    from chalicelib.core.session import Session
    from chalicelib.core.settings import Limits

SOURCE = "snapback.canary"
"""PutEvents takes no source that starts with `aws.`, so this can't pass for an event of AWS, nor one of AWS for it."""
PATTERN: Pattern = {"source": [SOURCE], "detail-type": ["Snapback Canary"]}
MARKER = "canary#sign"
"""The marker's key in the ledger's table: `sent`, `sent_at`, and `answered`, `answered_at` and `trouble` of the last."""
FRESH = timedelta(minutes=15)
"""How long a canary may take over the bus."""
RECENTLY = timedelta(minutes=1)
"""Within which no other canary is sent."""
SILENT = timedelta(hours=2)
"""How long there may be no sign of life."""


class CanaryApp(Protocol):
    """What the canary needs of the application."""

    home: str
    settings: Settings
    table: str
    logger: Logger
    metrics: Metrics

    def now(self) -> datetime: ...
    def sleep(self, seconds: float, /) -> None: ...
    @property
    def time_left(self) -> Callable[[], float]: ...
    @property
    def dynamodb(self) -> DynamoDBClient: ...
    @property
    def sessions(self) -> AwsSessions: ...


@dataclass(frozen=True, slots=True)
class Sign:
    """The canary's last sign of life. `trouble` is what was wrong with the settings then."""

    sent_at: datetime | None
    answered_at: datetime | None
    trouble: str


def send(app: CanaryApp, source: boto3.Session) -> None:
    """Raises CanarySilent, and what boto3 raises when the ledger can't be written.

    CanarySilent also says that none before was answered well: the alarm on silence rings only after a first sign of life.
    A schedule may fire twice; the second then sends nothing, or the first one's canary would be taken for a stranger.
    """
    nonce = secrets.token_hex(16)
    try:
        before = _write(
            app.dynamodb,
            app,
            {"sent": nonce, "sent_at": _time(app.now())},
            "attribute_not_exists(sent_at) OR sent_at < :recently",
            recently=_time(app.now() - RECENTLY),
        )
    except app.dynamodb.exceptions.ConditionalCheckFailedException:
        return
    entry = {"Source": SOURCE, "DetailType": PATTERN["detail-type"][0], "Detail": json.dumps({"nonce": nonce})}
    answer = source.client("events").put_events(Entries=[entry])
    if answer["FailedEntryCount"]:
        raise CanarySilent(
            "; ".join(f"{each.get('ErrorCode')}: {each.get('ErrorMessage')}" for each in answer["Entries"])
        )
    if text(before, "sent", "S") and not text(before, "answered", "S"):
        raise CanarySilent("no canary was ever answered")
    if trouble := text(before, "trouble", "S"):
        raise CanarySilent(f"the last canary was answered with trouble in the settings: {trouble}")


def answer(app: CanaryApp, envelope: Any) -> dict[str, bool]:
    """Raises EventRejected, and Unfinished around StrangeCanary, or around what boto3 raises."""
    engine = Engine(
        Context(
            ledger=_NoRecords(app.now),
            # The canary is an item of the ledger: it needs no role.
            sessions=AwsSessions(app.home, app.settings, app.sessions.source, roles=False),
            settings=Settings(mode=Mode.FIX),
            rule=_no_rule,
            who_changed=lambda _record, _since: None,
            now=app.now,
            sleep=app.sleep,
            time_left=app.time_left,
            later=lambda _envelope, _due: None,
        )
    )
    (outcome,) = engine.handle(_event(app, envelope), [_guardrail(app)])
    answered = outcome.status == Status.FIXED  # A second delivery finds the canary answered, and so isn't counted.
    healthy = answered and not app.settings.trouble
    if healthy:
        app.metrics.add_metric(Metric.HEALTHY, MetricUnit.Count, 1)
        app.metrics.flush_metrics()
    elif app.settings.trouble:
        app.logger.error("not healthy", extra={"settings": app.settings.trouble})
    return {"healthy": healthy}


def last_sign(client: DynamoDBClient, table: str) -> Sign:
    item = client.get_item(TableName=table, Key={"pk": {"S": MARKER}}, ConsistentRead=True).get("Item")
    sent, answered = (parse_time(text(item, name, "S")) for name in ("sent_at", "answered_at"))
    return Sign(sent, answered, text(item, "trouble", "S") or "")


@dataclass(frozen=True, slots=True)
class _Canary(Resource):
    """One canary; `id` is its nonce."""

    cloudformation_type: ClassVar[str] = "AWS::Events::Event"

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:events:{self.region}:{self.account}:event-bus/default"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        yield cls(event.detail["nonce"], event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:  # noqa: ARG003 - canaries come by the bus only
        yield from ()


class _Answer(Fix[_Canary]):
    """Mark the canary as answered."""

    document = "snapback:canary"
    reads = ("dynamodb:GetItem",)
    writes = ("dynamodb:UpdateItem",)

    def __init__(self, app: CanaryApp) -> None:
        self._app = app

    def read(self, resource: _Canary, aws: Session) -> Mapping[str, Any]:
        key: Any = {"pk": {"S": MARKER}}
        item = aws.client("dynamodb").get_item(TableName=self._app.table, Key=key, ConsistentRead=True).get("Item")
        return {name: text(item, name, "S") or "" for name in ("sent", "sent_at", "answered")}

    def safe(self, state: Mapping[str, Any], context: FixContext) -> Mapping[str, Any]:
        return {**state, "answered": state["sent"]}

    def write(self, resource: _Canary, state: Mapping[str, Any], aws: Session) -> None:
        app = self._app
        answered = {"answered": state["answered"], "answered_at": _time(app.now()), "trouble": app.settings.trouble}
        _write(aws.client("dynamodb"), app, answered, "sent = :answered")


def _guardrail(app: CanaryApp) -> Guardrail[_Canary]:
    fix = _Answer(app)

    def sent_and_not_answered(canary: _Canary, aws: Session) -> str | None:
        try:
            state = fix.read(canary, aws)
        except ClientError as error:  # After any error the canary is silent; only other guardrails report `unjudged`.
            raise CanarySilent(describe_error(error)) from error
        if state["sent"] != canary.id:
            raise StrangeCanary(
                "this canary is not the one that was sent last: it is very late, or somebody else sent it"
            )
        if state["answered"] == canary.id:
            return None
        sent_at = parse_time(state["sent_at"])
        if sent_at is None or app.now() - sent_at > FRESH:
            raise StrangeCanary(f"this canary was sent at {state['sent_at']} and took more than {FRESH} over the bus")
        return "it is not answered yet"

    return Guardrail(
        id="canary.sent",
        title="Canary",
        doc="Canary",
        severity=Severity.LOW,
        on=PATTERN,
        controls=(),
        home_only=True,
        evaluate=sent_and_not_answered,
        resource=_Canary,
        reads=fix.reads,
        fix=fix,
        opt_in=False,
        grace=timedelta(),
    )


def _event(app: CanaryApp, envelope: Any) -> Event:
    """Raises EventRejected for all but a canary of this account."""
    nonce = text(envelope, "detail", "nonce")
    if not nonce or not matches(PATTERN, envelope) or text(envelope, "account") != app.home:
        raise EventRejected("this is no canary of this account")
    return Event(
        raw=envelope,
        id=text(envelope, "id") or "",
        account=app.home,
        region=app.dynamodb.meta.region_name,
        time=parse_time(dig(envelope, "time")) or app.now(),
        source=SOURCE,
        name=PATTERN["detail-type"][0],
        detail={"nonce": nonce},
        actor=Actor.of(None, app.home),
    )


class _NoRecords:
    """In the ledger's place: the marker is all that is written of a canary."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    @property
    def causes(self) -> Causes:
        raise CanarySilent("the canary's marker can't be read")

    def open(self, record: Record, event_time: datetime, limits: Limits) -> Record:
        return record

    def count_fix(self, record: Record, limits: Limits) -> None:
        """No limit: it is one an hour."""

    def move(self, record: Record, status: Status, *, by: str, note: str = "", **changed: Any) -> Record:
        return record.stepped(status, self._now(), by, note, **changed)

    def undo_begun(self, record: Record) -> bool:
        return False

    def fixed(self, document: str) -> list[str]:
        return []

    def last_of(self, slot: str) -> Record | None:
        return None

    def records(self, *statuses: Status) -> Iterable[Record]:
        return ()

    def former(self, id: str) -> Record | None:
        return None

    def known(self, id: str) -> Record | None:
        return None

    def note(self, record: Record, *, by: str, note: str, what: str = "", offered: str = "") -> Record:
        return record.noted(self._now(), by, note, what, offered)

    def paused(self) -> str:
        return ""  # A pause doesn't stop the canary; otherwise it would raise the alarm.

    def get(self, id: str) -> Record | None:
        return None


def _no_rule(id: str) -> Rule:
    raise LookupError(id)


def _write(client: DynamoDBClient, app: CanaryApp, values: Mapping[str, str], condition: str, **compared: str) -> Any:
    """Answers the marker as it was before."""
    expires_at = str(int((app.now() + KEPT).timestamp()))
    answer = client.update_item(
        TableName=app.table,
        Key={"pk": {"S": MARKER}},
        UpdateExpression=f"SET expires_at = :expires_at, {', '.join(f'{name} = :{name}' for name in values)}",
        ConditionExpression=condition,
        ExpressionAttributeValues={
            ":expires_at": {"N": expires_at},
            **{f":{name}": {"S": value} for name, value in {**values, **compared}.items()},
        },
        ReturnValues="ALL_OLD",
    )
    return answer.get("Attributes", {})


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
