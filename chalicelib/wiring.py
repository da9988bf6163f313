"""Composes the application, once per container."""

from __future__ import annotations

import json
import math
import os
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from chalicelib import catalog
from chalicelib.aws.ledger import DynamoLedger
from chalicelib.aws.ledger_table import TABLE_VARIABLE
from chalicelib.aws.overflow_store import SPILL_VARIABLE, Spill
from chalicelib.aws.sessions import AwsSessions, utc_now
from chalicelib.aws.settings_source import live_settings, load_settings
from chalicelib.aws.source import open_source
from chalicelib.core.errors import CannotAct, EventRejected, Fault, Missing, StepRefused, Unfinished
from chalicelib.core.event import Event, parse_time, text
from chalicelib.core.faults import fault_log, is_fault
from chalicelib.core.metrics import Metric, findings
from chalicelib.core.outcome import QUIET, Outcome
from chalicelib.core.resource import Account
from chalicelib.core.types import ACTIONS, Status
from chalicelib.engine import second_look
from chalicelib.engine.context import TIME_NEEDED, Context, describe_error, unfinished
from chalicelib.engine.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from mypy_boto3_dynamodb import DynamoDBClient

    from chalicelib.aws.settings_source import Live, Refusal
    from chalicelib.core.errors import UnreadableRecord
    from chalicelib.core.record import Record
    from chalicelib.core.rule import Guardrail, Rule
    from chalicelib.core.settings import Settings
    from chalicelib.exports.base import Sink
    from chalicelib.notify.channels.base import Channel
    from chalicelib.sweep.places import Place

SECOND_LOOKS_VARIABLE = "SNAPBACK_SECOND_LOOKS"
"""The queue of events that are evaluated once more."""
_FILLING = 10.0
"""Seconds of a recovery's end that are left alone; those until then are kept for the index, whatever else there is to do."""
_in_ascii = partial(json.dumps, separators=(",", ":"), default=str)
"""Not as powertools does: names with invisible, reordering and line-breaking characters would be logged as they are."""


@dataclass
class Application:
    """Everything that a function needs; `home` is the account that it runs in.

    The command line and the tests put in their own settings, clock and pause.
    """

    home: str
    settings: Settings = field(default_factory=load_settings)
    live: Live | None = None
    """Where the settings come from, if they can change without a deploy."""
    now: Callable[[], datetime] = utc_now
    sleep: Callable[[float], None] = time.sleep
    time_left: Callable[[], float] = lambda: math.inf
    """Seconds until the function is stopped."""
    table: str = field(default_factory=lambda: os.environ.get(TABLE_VARIABLE, "snapback-ledger"))
    spill: str = field(default_factory=lambda: os.environ.get(SPILL_VARIABLE, ""))
    """The bucket of what is too large for the table."""
    function: str = ""
    """The ARN of the function that this is, in AWS."""
    rules: Callable[[str, Any], Sequence[Rule]] = catalog.rules_for
    """Of one service, those that an event may be for."""
    believed: Callable[[str], bool] = lambda _: False
    """Accounts believed besides the home account and those in the settings."""
    unreadable: list[UnreadableRecord] = field(default_factory=list)
    """What lists of the ledger left out, each logged."""
    logger: Logger = field(default_factory=lambda: Logger(service="snapback", json_serializer=_in_ascii))
    metrics: Metrics = field(default_factory=lambda: Metrics(namespace="Snapback", service="snapback"))

    @cached_property
    def sessions(self) -> AwsSessions:
        return AwsSessions(self.home, self.settings, open_source(self._read_whole), now=self.now)

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        return self.sessions.source.client("dynamodb")

    @cached_property
    def sqs(self) -> Any:
        return self.sessions.source.client("sqs")

    @cached_property
    def ledger(self) -> DynamoLedger:
        spill = Spill(lambda: self.sessions.source.client("s3"), self.spill) if self.spill else None
        return DynamoLedger(self.dynamodb, self.table, self.now, spill, self.sleep, self._leave_out)

    @cached_property
    def channels(self) -> Sequence[Channel]:
        """Where messages about records go; another may be put in. Imported late: a guard function never sends any."""
        from chalicelib.notify.channels.open import open_channels
        from chalicelib.notify.channels.posts import DynamoPosts
        from chalicelib.notify.links import open_links

        return open_channels(
            self.settings,
            self.last_resort,
            self.logger,
            source=self.sessions.source,
            posts=DynamoPosts(self.dynamodb, self.table, self.now),
            advice=catalog.advice,
            links=open_links(self.settings, self.now, self.logger),
        )

    @cached_property
    def last_resort(self) -> Channel | None:
        from chalicelib.notify.channels.open import open_last_resort

        return open_last_resort(self.sessions.source)

    @cached_property
    def sinks(self) -> Sequence[Sink]:
        """Where findings go besides; others may be put in."""
        from chalicelib.exports.deliver import open_sinks

        return open_sinks(self.settings.exports, self.sessions.source, self.home, self.dynamodb.meta.region_name)

    @cached_property
    def give_up(self) -> Callable[[str], object] | None:
        """Puts a dead letter into the queue of messages that no channel takes; another may be put in."""
        from chalicelib.notify.outbox import QUEUE_VARIABLE

        url = os.environ.get(QUEUE_VARIABLE)
        return (lambda dead_letter: self.sqs.send_message(QueueUrl=url, MessageBody=dead_letter)) if url else None

    @cached_property
    def later(self) -> Callable[[Mapping[str, Any], datetime], None]:
        """Has an event delivered again at a time; another may be put in. Raises Missing where nothing does.

        What works off second looks has no scheduler: it puts them back into their queue, as often as it takes.
        """
        from chalicelib.aws.scheduler import GROUP_VARIABLE, QUEUE_VARIABLE, ROLE_VARIABLE, Later

        variables = (GROUP_VARIABLE, ROLE_VARIABLE, QUEUE_VARIABLE)
        missing = [name for name in variables if not os.environ.get(name)]
        if GROUP_VARIABLE in missing and (url := os.environ.get(SECOND_LOOKS_VARIABLE)):
            return second_look.Delayed(self.sqs, url, self.now)
        if missing or not self.function:
            raise Missing(f"an event can't be evaluated later: {', '.join(missing) or 'the function'} is missing")
        group, role, queue = (os.environ[name] for name in variables)
        client = self.sessions.source.client("scheduler", region_name=self.function.split(":")[3])
        return Later(client, group=group, role=role, queue=queue, function=self.function)

    @cached_property
    def look_again(self) -> Callable[[Mapping[str, Any]], object] | None:
        """Has an event evaluated once more, in a minute; another may be put in. None where there is no queue for that."""
        url = os.environ.get(SECOND_LOOKS_VARIABLE)
        if not url:
            return None
        return lambda envelope: self.sqs.send_message(QueueUrl=url, MessageBody=second_look.body(envelope))

    @cached_property
    def ask_act(self) -> Callable[[Mapping[str, Any]], None]:
        """Has the function `act` do something, without waiting for it; another may be put in."""
        from chalicelib.clicks.api import ACT_VARIABLE, Act

        return Act(self.sessions.source.client("lambda"), os.environ[ACT_VARIABLE])

    @cached_property
    def engine(self) -> Engine:
        return Engine(
            Context(
                ledger=_Lazy(self),
                sessions=self.sessions,
                settings=self.settings,
                rule=catalog.rule,
                who_changed=self._who_changed,
                now=self.now,
                sleep=self.sleep,
                time_left=lambda: self.time_left(),  # noqa: PLW0108 - `time_left` is replaced at each invocation
                later=lambda envelope, due: self.later(envelope, due),  # noqa: PLW0108 - it is made when first needed
                look_again=self.look_again if self.settings.second_look else None,
            )
        )

    def refresh(self) -> None:
        """Go by the settings as they now are; what was made of the former ones is made anew."""
        settings = self.live.current(self._refused) if self.live else self.settings
        if settings is not self.settings:
            self.settings, self.sessions.baseline = settings, settings
            for made in ("engine", "channels", "sinks"):
                self.__dict__.pop(made, None)

    def _refused(self, refusal: Refusal) -> None:
        self.logger.error("the published settings are not in use", extra=asdict(refusal))
        self.metrics.add_metric(Metric.SETTINGS_REFUSED, MetricUnit.Count, 1)
        self.metrics.flush_metrics()

    def _read_whole(self, model: str) -> None:
        self.logger.warning("botocore's whole model is read, which is slow", extra={"model": model})
        self.metrics.add_metric(Metric.MODELS_READ_WHOLE, MetricUnit.Count, 1)

    def _leave_out(self, error: UnreadableRecord) -> None:
        self.logger.error(str(error))
        self.unreadable.append(error)

    def guard(self, service: str, envelope: Any) -> list[Outcome]:
        """Handle one event; answers what became of it. Raises Unfinished, so that Lambda delivers it again."""
        try:
            event = Event.parse(envelope)
            self.believe(event)
        except EventRejected as why:
            self.logger.warning("event refused", extra={"why": str(why)})
            self.metrics.add_metric(Metric.EVENTS_REFUSED, MetricUnit.Count, 1)
            self.metrics.flush_metrics()
            return []
        try:
            outcomes = self.engine.handle(event, self.rules(service, envelope))
        except Unfinished as unfinished:
            self.log_outcomes(event, unfinished.outcomes)
            raise
        took = (self.now() - event.time).total_seconds() * 1000
        for outcome in outcomes:
            if outcome.status == Status.FIXED:
                self.metrics.add_metric(Metric.EVENT_TO_FIX, MetricUnit.Milliseconds, max(took, 0))
        self.log_outcomes(event, outcomes)
        return outcomes

    def maintain(self) -> dict[str, Any]:
        """Recover what a function left when it died, and follow up on questions. Raises Unfinished after the last one."""
        if self.live and self.live.refusal:
            from chalicelib.aws.settings_refused import report

            app = Account(self.home, self.home, self.dynamodb.meta.region_name)
            report(self.live.refusal, self.ledger, app, self.now())
        outcomes: list[Outcome] = []
        unasked = self.now() - timedelta(hours=1)  # The settings accept no shorter reminder than an hour.
        work = [(record, self.engine.recover) for record in self.ledger.overdue()]
        work += [(record, self.engine.follow_up) for record in self.ledger.asked_before(unasked)]
        work += [(record, self.engine.look_again) for record in self.ledger.records(Status.UNJUDGED)]
        errors: list[Exception] = [*self.unreadable]
        self.unreadable.clear()
        for record, go_on in work:
            if self.time_left() < TIME_NEEDED:
                break  # `maintain` runs again in five minutes.
            try:
                moved = go_on(record)
            except StepRefused:  # Its holder, or another function, moved the record first.
                continue
            except Exception as error:  # noqa: BLE001 - raised below, with the others
                errors.append(error)
                continue
            if moved != record:
                outcomes.append(Outcome(record.guardrail, record.arn, moved.status, record.reason, record.id))
        self.ledger.fill_index(lambda: self.time_left() >= _FILLING, errors.append)
        if errors:
            raise unfinished(outcomes, errors) from errors[0]
        return {"recovered": [outcome.to_json() for outcome in outcomes]}

    def believe(self, event: Event) -> None:
        """Raises EventRejected for an event of an account that we don't look after."""
        if not self.looks_after(event.account):
            raise EventRejected("Snapback doesn't guard this account; name it under `accounts` in the settings")

    def looks_after(self, account: str) -> bool:
        return account == self.home or account in self.settings.accounts or self.believed(account)

    def log_outcomes(self, event: Event, outcomes: list[Outcome]) -> None:
        for outcome in (each for each in outcomes if each.status not in QUIET):
            self.logger.info(
                "finding",
                extra={
                    "guardrail": outcome.guardrail,
                    "resource": outcome.resource,
                    "status": str(outcome.status),
                    "record": outcome.record,
                    "event_id": event.id,
                },
            )
            self.metrics.add_metric(findings(outcome.status), MetricUnit.Count, 1)
        if missing := sorted({outcome.missing for outcome in outcomes} - {""}):
            self.logger.error("Snapback's own policies don't allow what a guardrail reads", extra={"actions": missing})
            times = sum(bool(outcome.missing) for outcome in outcomes)
            self.metrics.add_metric(Metric.RIGHTS_MISSING, MetricUnit.Count, times)
        if outcomes:
            self.metrics.add_metric(Metric.EVALUATIONS, MetricUnit.Count, len(outcomes))
            self.metrics.flush_metrics()

    def _who_changed(self, record: Record, since: datetime) -> Any:
        from chalicelib.aws.change_author import who_changed

        return who_changed(self.sessions.reader(record.account, record.region), record, since)


class _Lazy:
    """The ledger, made when it is first needed: a compliant event never does."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def __getattr__(self, name: str) -> Any:
        return getattr(self._application.ledger, name)


_APPLICATION: dict[str, Application] = {}


def application(context: Any) -> Application:
    """The container's one application; the home account is read from the function's own ARN."""
    home = str(context.invoked_function_arn).split(":")[4]
    if home not in _APPLICATION:
        _APPLICATION[home] = app = Application(home)
        app.live = live_settings(lambda *service, **how: app.sessions.source.client(*service, **how))  # noqa: PLW0108 - opened late
    _APPLICATION[home].refresh()
    _APPLICATION[home].function = str(context.invoked_function_arn)
    _APPLICATION[home].time_left = lambda: context.get_remaining_time_in_millis() / 1000
    return _APPLICATION[home]


def use(application: Application) -> None:
    """Make this the one application of its home account, as the command line does with its own settings and clock."""
    _APPLICATION[application.home] = application


def forget(application: Application) -> None:
    """The opposite of `use`."""
    _APPLICATION.pop(application.home, None)


@contextmanager
def _loud(app: Application) -> Iterator[Application]:
    """Log each fault in Snapback with its number, and raise it as a `Fault`, so that the dead letter has the number too."""
    try:
        yield app
    except Exception as error:
        for fault in fault_log(error):
            app.logger.error("a fault in Snapback", extra={"fault": fault})  # noqa: TRY400 - values may be secrets
            app.metrics.add_metric(Metric.FAULTS, MetricUnit.Count, 1)
            app.metrics.flush_metrics()
        if is_fault(error):
            raise Fault(describe_error(error)) from None
        raise


def guard(service: str, envelope: Any, context: Any) -> list[dict[str, str]]:
    with _loud(application(context)) as app:
        return [outcome.to_json() for outcome in app.guard(service, envelope)]


def act(request: Any, context: Any) -> dict[str, Any]:
    """Raises CannotAct, with what to do instead, FixFailed and, from `maintain`, Unfinished. A `person` gets it as an answer instead."""
    with _loud(application(context)) as app:
        return _act(app, request)


def _act(app: Application, request: Any) -> dict[str, Any]:
    action, record, by = (text(request, key) for key in ("action", "record", "by"))
    if action == "maintain":
        return app.maintain()
    person = text(request, "person", "id")
    if not record or not (by or person) or action not in ACTIONS:
        raise CannotAct(
            "act takes {action: approve | fix | retry | undo | undo-anyway | exempt, record, by}, or {action: maintain}"
        )
    if person:
        from chalicelib.clicks.decide import decide

        return decide(app, request, partial(carry_out, app, request))
    done = carry_out(app, request, record, by or "")
    return {"record": done.id, "status": done.status}


def carry_out(app: Application, request: Any, record: str, by: str) -> Record:
    """Do what was decided about a record. Raises CannotAct and FixFailed."""
    engine, action = app.engine, text(request, "action")
    if action != "exempt":
        force, offered = request.get("force") is True, text(request, "seen") if action == "undo-anyway" else ""
        undo = partial(engine.undo, force=force, offered=offered or "")
        approve = partial(engine.approve, demand=action != "approve")
        done = (undo if str(action).startswith("undo") else approve)(record, by)
        app.metrics.add_metric(findings(done.status), MetricUnit.Count, 1)
        app.metrics.flush_metrics()
        return done
    until = parse_time(request.get("until"))
    if until is None:
        raise CannotAct("exempt takes until: a time such as 2027-01-31T00:00:00Z, and a reason")
    return engine.exempt(record, by, until, text(request, "reason") or "")


def api(event: Any, context: Any) -> dict[str, Any]:
    """A request over HTTP: `{"status_code", "headers", "body"}`."""
    from chalicelib.clicks.api import answer
    from chalicelib.clicks.http import Request

    return answer(application(context), Request.of(event)).as_response()


def notify(event: Any, context: Any) -> Any:
    from chalicelib.notify import outbox

    return outbox.notify(application(context), event, context)


def sweep(event: Any, context: Any) -> dict[str, int]:
    """The clock's event → places; a place from its queue → resources."""
    from chalicelib.sweep import queues

    app = application(context)
    sent = 0
    for message in _messages(event):
        rules = _rules_at(app, message)
        with _loud(app):
            for found in queues.listed(app, message, rules) if rules else ():
                queues.send(app.sqs, os.environ[queues.RESOURCES_VARIABLE], [(found, 0)])
                sent += 1
    if "Records" not in event:
        moment = parse_time(event.get("time")) or app.now()
        plan = queues.plan(_places(app, app.home, *app.settings.accounts), f"{moment:%Y-%m-%dT%H:%M}")
        queues.send(app.sqs, os.environ[queues.PLACES_VARIABLE], [(each, 0) for each in plan])
        sent = len(plan)
    return {"sent": sent}


def sweep_worker(event: Any, context: Any) -> dict[str, Any] | None:
    """Resources of the sweep, one message at a time, or events that come for their second look, as they are batched.

    Raises Unfinished for the former, so that SQS delivers the message again; answers which of the latter failed.
    """
    from chalicelib.sweep import queues

    app = application(context)
    again = os.environ.get(SECOND_LOOKS_VARIABLE, "").rpartition("/")[2]
    if again and str(event["Records"][0]["eventSourceARN"]).rpartition(":")[2] == again:
        return _looked_again(app, event["Records"])
    for message in _messages(event):
        with _loud(app):
            left = queues.evaluate(app, message, _rules_at(app, message), app.log_outcomes)
        if left:
            queues.send(app.sqs, os.environ[queues.RESOURCES_VARIABLE], left)
    return None


def _looked_again(app: Application, messages: Sequence[Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html"""
    failed = []
    for message in messages:
        try:
            envelope = json.loads(message["body"])
            with _loud(app):
                app.guard(str(envelope[second_look.KEY][0]).partition(".")[0], envelope)
        except Exception as error:  # noqa: BLE001 - SQS delivers this message again; the others are done
            app.logger.error("a second look failed", extra={"why": describe_error(error)})  # noqa: TRY400
            failed.append({"itemIdentifier": message["messageId"]})
    return {"batchItemFailures": failed}


def _messages(event: Any) -> list[Any]:
    return [json.loads(each["body"]) for each in event.get("Records", ())]


def _rules_at(app: Application, message: Any) -> list[Guardrail[Any]]:
    """None, and said so, when the settings or this version have no such place any more."""
    from chalicelib.sweep import queues

    place = queues.place_of(message)
    found = _places(app, place.account).get(place, []) if app.looks_after(place.account) else []
    return found or queues.refuse(app, place)


def _places(app: Application, *accounts: str) -> dict[Place, list[Guardrail[Any]]]:
    from chalicelib.sweep.queues import places_of

    return places_of(app.settings, catalog.guardrails(), accounts, app.function.split(":")[3])


def exports(event: Any, context: Any) -> Any:
    from chalicelib.exports.deliver import deliver

    return deliver(application(context), event, context, catalog.rule)


def canary(context: Any) -> None:
    from chalicelib.canary import send

    app = application(context)
    send(app, app.sessions.source)


def canary_echo(event: Any, context: Any) -> dict[str, bool]:
    from chalicelib.canary import answer

    return answer(application(context), event)
