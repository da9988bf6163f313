"""Composes the application, once per container."""

from __future__ import annotations

import json
import math
import os
import time
from dataclasses import asdict, dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from chalicelib import catalog
from chalicelib.adapters.ledger import SPILL_VARIABLE, DynamoLedger, Spill, utc_now
from chalicelib.adapters.sessions import AwsSessions
from chalicelib.adapters.settings import load_settings
from chalicelib.core.engine import CannotAct, Engine, Outcome, Unfinished
from chalicelib.core.event import Event, NotBelieved, parse_time, text
from chalicelib.core.ports import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from mypy_boto3_dynamodb import DynamoDBClient

    from chalicelib.adapters.channels import Channel
    from chalicelib.core.guardrail import Rule
    from chalicelib.core.record import Record
    from chalicelib.core.settings import Settings

TABLE_VARIABLE = "SNAPBACK_LEDGER"
_in_ascii = partial(json.dumps, separators=(",", ":"), default=str)
"""Not as powertools does: names with invisible, reordering and line-breaking characters would be logged as they are."""
_QUIET = frozenset({"compliant", "off", "gone", "waiting"})


@dataclass
class Application:
    """Everything that a function needs; `home` is the account that it runs in.

    The command line and the tests put in their own settings, clock and pause.
    """

    home: str
    settings: Settings = field(default_factory=load_settings)
    now: Callable[[], datetime] = utc_now
    pause: Callable[[float], None] = time.sleep
    time_left: Callable[[], float] = lambda: math.inf
    """Seconds until the function is stopped."""
    table: str = field(default_factory=lambda: os.environ.get(TABLE_VARIABLE, "snapback-ledger"))
    spill: str = field(default_factory=lambda: os.environ.get(SPILL_VARIABLE, ""))
    """The bucket of what is too large for the table."""
    function: str = ""
    """The ARN of the function that this is, in AWS."""
    believed: Callable[[str], bool] = lambda _: False
    """Accounts believed besides the home account and those in the settings."""
    logger: Logger = field(default_factory=lambda: Logger(service="snapback", json_serializer=_in_ascii))
    metrics: Metrics = field(default_factory=lambda: Metrics(namespace="Snapback", service="snapback"))

    @cached_property
    def sessions(self) -> AwsSessions:
        return AwsSessions(self.home, self.settings.known)

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        return self.sessions.source.client("dynamodb")

    @cached_property
    def ledger(self) -> DynamoLedger:
        spill = Spill(self.sessions.source.client("s3"), self.spill) if self.spill else None
        return DynamoLedger(self.dynamodb, self.table, self.now, spill)

    @cached_property
    def channels(self) -> Sequence[Channel]:
        """Where records are told; another may be put in. Imported late: a guard function never tells."""
        from chalicelib.adapters.channels import open_channels

        return open_channels(self.settings, self.last_resort, self.logger)

    @cached_property
    def last_resort(self) -> Channel | None:
        from chalicelib.adapters.channels import open_last_resort

        return open_last_resort(self.sessions.source)

    @cached_property
    def later(self) -> Callable[[Mapping[str, Any], datetime], None]:
        """Has an event delivered again at a time; another may be put in. Raises LookupError where nothing does."""
        from chalicelib.adapters.later import GROUP_VARIABLE, QUEUE_VARIABLE, ROLE_VARIABLE, Later

        variables = (GROUP_VARIABLE, ROLE_VARIABLE, QUEUE_VARIABLE)
        missing = [name for name in variables if not os.environ.get(name)]
        if missing or not self.function:
            raise LookupError(f"an event has to come again later, but {', '.join(missing)} is not set, or no function")
        group, role, queue = (os.environ[name] for name in variables)
        client = self.sessions.source.client("scheduler", region_name=self.function.split(":")[3])
        return Later(client, group=group, role=role, queue=queue, function=self.function)

    @cached_property
    def engine(self) -> Engine:
        return Engine(
            ledger=_Lazy(self),
            sessions=self.sessions,
            settings=self.settings,
            rule=catalog.rule,
            who_changed=self._who_changed,
            now=self.now,
            pause=self.pause,
            time_left=lambda: self.time_left(),  # noqa: PLW0108 - it is another for each invocation
            later=lambda envelope, due: self.later(envelope, due),  # noqa: PLW0108 - made when it is first needed
        )

    def guard(self, service: str, envelope: Any) -> list[Outcome]:
        """Handle one event; answers what became of it. Raises Unfinished, so that Lambda delivers it again."""
        rules: Sequence[Rule] = catalog.rules(service)
        try:
            event = Event.parse(envelope)
            self.believe(event)
        except NotBelieved as why:
            self.logger.warning("event refused", extra={"why": str(why)})
            self.metrics.add_metric("EventsRefused", MetricUnit.Count, 1)
            self.metrics.flush_metrics()
            return []
        try:
            outcomes = self.engine.handle(event, rules)
        except Unfinished as unfinished:
            self._tell(event, unfinished.outcomes)
            raise
        self._tell(event, outcomes)
        return outcomes

    def tend(self) -> dict[str, Any]:
        """Go on with what a function left when it died. Raises Unfinished when some of it can't be gone on with."""
        outcomes: list[Outcome] = []
        errors: list[Exception] = []
        for record in list(self.ledger.overdue()):
            try:
                status = self.engine.resume(record).status
            except Refused:  # Its holder, or somebody else, was quicker.
                continue
            except Exception as error:  # noqa: BLE001 - raised below, with the others
                errors.append(error)
                continue
            outcomes.append(Outcome(record.guardrail, record.arn, status, record.reason, record.id))
        if errors:
            raise Unfinished(outcomes, errors) from errors[0]
        return {"resumed": [asdict(outcome) for outcome in outcomes]}

    def believe(self, event: Event) -> None:
        """Raises NotBelieved for an event of an account that we don't look after."""
        if (
            event.account != self.home
            and event.account not in self.settings.accounts
            and not self.believed(event.account)
        ):
            raise NotBelieved("account is none that we look after; name it under `accounts` in the settings")

    def _tell(self, event: Event, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            if outcome.status in _QUIET:
                continue
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
            self.metrics.add_metric(f"Findings.{outcome.status}", MetricUnit.Count, 1)
        if outcomes:
            self.metrics.add_metric("Evaluations", MetricUnit.Count, len(outcomes))
            self.metrics.flush_metrics()

    def _who_changed(self, record: Record, since: datetime) -> Any:
        from chalicelib.adapters.trail import who_changed

        return who_changed(self.sessions.look(record.account, record.region), record, since)


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
        _APPLICATION[home] = Application(home)
    _APPLICATION[home].function = str(context.invoked_function_arn)
    _APPLICATION[home].time_left = lambda: context.get_remaining_time_in_millis() / 1000
    return _APPLICATION[home]


def use(application: Application) -> None:
    """Make this the one application of its home account, as the command line does with its own settings and clock."""
    _APPLICATION[application.home] = application


def forget(application: Application) -> None:
    """The opposite of `use`."""
    _APPLICATION.pop(application.home, None)


def guard(service: str, envelope: Any, context: Any) -> list[dict[str, str]]:
    return [asdict(outcome) for outcome in application(context).guard(service, envelope)]


def act(request: Any, context: Any) -> dict[str, Any]:
    """Raises CannotAct, with what to do instead, FixFailed and, from `tend`, Unfinished."""
    action, record, by = (text(request, key) for key in ("action", "record", "by"))
    here = application(context)
    if action == "tend":
        return here.tend()
    if not record or not by or action not in {"approve", "undo", "exempt"}:
        raise CannotAct("act takes {action: approve | undo | exempt, record, by}, or {action: tend}")
    if action == "approve":
        done = here.engine.approve(record, by)
    elif action == "undo":
        done = here.engine.undo(record, by, force=request.get("force") is True)
    else:
        until = parse_time(request.get("until"))
        if until is None:
            raise CannotAct("exempt takes until: a time such as 2027-01-31T00:00:00Z, and a reason")
        done = here.engine.exempt(record, by, until, text(request, "reason") or "")
    return {"record": done.id, "status": done.status}


def notify(event: Any, context: Any) -> Any:
    from chalicelib.adapters.outbox import deliver

    return deliver(application(context), event, context)


def canary(context: Any) -> None:
    from chalicelib.adapters.canary import send

    here = application(context)
    send(here, here.sessions.source)


def canary_echo(event: Any, context: Any) -> dict[str, bool]:
    from chalicelib.adapters.canary import answer

    return answer(application(context), event)
