"""Recorded events through Snapback's own functions: against an AWS in memory (`replay`), or a real one (`handle`).

What runs is app.py, as in Lambda: the same patterns choose the functions, and a function that raises is invoked twice
more before its event is dead.
"""

from __future__ import annotations

import heapq
import re
import time
from collections import Counter, deque
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import msgspec

from chalicelib import wiring
from chalicelib.core.errors import EventRejected
from chalicelib.core.event import Actor, Event, dig, text
from chalicelib.core.outcome import Outcome
from chalicelib.core.settings import Flood, Settings, WebhookSettings
from chalicelib.core.types import Mode, Status, Unrecorded
from snapback.ledger import make_ledger, require_ledger
from snapback.memory_aws.memory import REGION, MemoryAws
from snapback.memory_aws.table import StreamedTable
from snapback.replay.aliases import Aliases
from snapback.replay.functions import DEAD, Functions, merge
from snapback.replay.kept import DAWN, Entry, Log
from snapback.replay.logs import read
from snapback.replay.order import sensible
from snapback.replay.reenact import Reenacted, Reenactor
from snapback.replay.unjudged import Unjudged

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from types import TracebackType

    from chalicelib.core.record import Record
    from chalicelib.notify.message import Message
    from chalicelib.notify.summary import Summary
    from chalicelib.wiring import Application

STORY = Path(__file__).parents[1] / "story" / "events.jsonl"
"""A morning in an account, as EventBridge delivered it."""
DELAY = timedelta(seconds=2)
"""From a call to its function, in a replay."""
RETRIES = (60.0, 120.0)
"""Seconds after which Lambda invokes a function again that raised:
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html."""
_BATCH = 100
"""Items of the ledger's stream that `notify` gets at once."""
REFUSED = "refused: "
"""Begins the `why` of an event that no function would believe."""


@dataclass(frozen=True, slots=True)
class EventOutcome:
    """What became of one delivered event. `reenacted` is None where there was nothing to re-enact; `why` says so."""

    event_id: str
    time: str
    source: str
    name: str
    actor: str
    account: str
    region: str
    reenacted: bool | None = None
    why: str = ""
    outcomes: tuple[Outcome, ...] = ()
    tool: str = ""
    principal: str = ""

    @property
    def refused(self) -> str:
        """Why no function would believe it, or ''."""
        return self.why.removeprefix(REFUSED) if self.why.startswith(REFUSED) else ""

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "outcomes": [asdict(outcome) for outcome in self.outcomes]}


@dataclass
class Replay:
    """All that came of it; `records` are there where they are asked for. `counts`: events, refused, reenacted, not_reenacted, nothing_to_reenact, and each status."""

    events: list[EventOutcome] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    interrupted: bool = False

    def add(self, outcome: EventOutcome) -> None:
        self.events.append(outcome)
        told = {True: "reenacted", False: "not_reenacted", None: "nothing_to_reenact"}
        self.counts.update(["events", told[outcome.reenacted], *(each.status for each in outcome.outcomes)])
        self.counts["refused"] += bool(outcome.refused)


class Clock:
    """The time in a replay: it follows the events, and never goes back."""

    def __init__(self) -> None:
        self._at = DAWN

    def now(self) -> datetime:
        return self._at

    def reach(self, moment: datetime) -> None:
        self._at = max(self._at, moment + DELAY)

    def sleep(self, seconds: float) -> None:
        self._at += timedelta(seconds=seconds)


class _Kept:
    """A channel that keeps what it gets; the settings' own never hear of a replay."""

    name = "replay"

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def send(self, message: Message) -> None:
        self.messages.append(message)

    def sum_up(self, summary: Summary) -> None:
        raise NotImplementedError("each message is sent by itself")


def _one_by_one(settings: Settings) -> Settings:
    """With each message sent at once and by itself, to the replay alone: it counts the messages."""
    many = 10**9
    return msgspec.structs.replace(
        settings,
        channels=(WebhookSettings(name=_Kept.name, url="", per_minute=many),),
        routes=(),
        direct=None,
        quiet=None,
        flood=Flood(messages=many),
        asking=msgspec.structs.replace(settings.asking, escalate_to=()),
    )


@dataclass
class _Delivery:
    """An event, what became of it so far, and how often it has to come again before all is known."""

    event: EventOutcome
    outcomes: dict[tuple[str, str], Outcome] = field(default_factory=dict)
    left: int = 0


class Player:
    """Replays entries in order; while it is entered, its application and its in-memory AWS can be looked into.

    `home` is the account that Snapback runs in: if none is given, the one that most of the events are from.
    """

    def __init__(
        self,
        entries: Iterable[Entry],
        *,
        settings: Settings,
        mode: Mode | str | None = None,
        reenact: bool = True,
        home: str = "",
        only: Collection[str] = (),
    ) -> None:
        self.entries = Log.of(entries)
        self.settings = in_mode(settings, mode)
        self.clock = Clock()
        self._reenact = reenact
        self._home = home or _home(self.entries.accounts)
        self._only = only
        self._channel = _Kept()
        self._waiting: list[tuple[datetime, int, str, Mapping[str, Any], _Delivery]] = []
        self._numbers = count()
        self._deliveries: deque[_Delivery] = deque()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with self._stack:  # Memory is left again if the rest fails.
            self._open()
            self._stack = self._stack.pop_all()
        return self

    def _open(self) -> None:
        self.aws = self._stack.enter_context(MemoryAws(self._home, self.clock.now))
        self._unjudged = Unjudged(self.settings, self._only)
        self.application = quiet(
            self._home,
            _one_by_one(self.settings),
            now=self.clock.now,
            sleep=self.clock.sleep,
            believed=lambda _: True,
            rules=self._unjudged.rules,
        )
        self.application.__dict__["channels"] = (self._channel,)
        self.application.__dict__["last_resort"] = None
        self.application.later = self._later
        self._table = StreamedTable(self.application.table, REGION)
        self.application.__dict__["dynamodb"] = self._table
        self.clock.reach(self.entries.first or DAWN)
        self.aliases = Aliases()
        self._reenactor = Reenactor(self.aws, self.aliases, self.settings)
        self._functions = Functions(self.application, self.clock.sleep, RETRIES)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        wiring.forget(self.application)
        self._stack.close()

    @property
    def records(self) -> list[Record]:
        """The ledger's, with the ids of the recorded events."""
        return [self.aliases.to_log(record) for record in self.application.ledger.records()]

    @property
    def messages(self) -> list[Message]:
        """What was sent so far, with the ids of the records."""
        return [self.aliases.to_log(message) for message in self._channel.messages]

    def run(self) -> Iterator[EventOutcome]:
        """Deliver one event after the other, and answer them in this order: one that has to come again, when it has.

        Before each, every call up to the latest time delivered so far is re-enacted, in time order and once: so the
        effect of a late event is there before it is delivered.
        """
        calls = sensible(self.entries.by_time())
        following = next(calls, None)
        done: dict[str, Reenacted] = {}
        latest = DAWN
        delivered: set[int] = set()

        def reach(moment: datetime) -> None:
            nonlocal following
            while following and following.time <= moment:
                self._call(following.envelope, done, delivered)
                following = next(calls, None)

        for entry in self.entries:
            latest = max(latest, entry.time)
            self._come_again(latest, reach)
            reach(latest)
            envelope = entry.envelope
            identity = _identity(envelope)
            again = hash(identity) in delivered
            delivered.add(hash(identity))
            reenacted = Reenacted(None, "delivered again") if again else done.pop(identity)
            self._deliver(entry, envelope, reenacted)
            yield from self._answered()
        self._come_again(datetime.max.replace(tzinfo=UTC), reach)
        yield from self._answered()

    def _answered(self) -> Iterator[EventOutcome]:
        while self._deliveries and not self._deliveries[0].left:
            done = self._deliveries.popleft()
            yield replace(done.event, outcomes=tuple(map(self.aliases.to_log, done.outcomes.values())))

    def _later(self, envelope: Mapping[str, Any], due: datetime) -> None:
        self._now.left += 1
        waiting = (due, next(self._numbers), self.application.function, envelope, self._now)
        heapq.heappush(self._waiting, waiting)

    def _come_again(self, until: datetime, reach: Callable[[datetime], None]) -> None:
        while self._waiting and self._waiting[0][0] <= until:
            due, _, function, envelope, self._now = heapq.heappop(self._waiting)
            reach(due)
            self.clock.reach(due)
            self._now.left -= 1
            again = self._unjudged.judged(envelope, self._functions.again(function, envelope))
            self._settle(text(envelope, "evaluate") or "", again)
            self.drain()

    def _settle(self, guardrail: str, again: list[Outcome]) -> None:
        """What a guardrail waited to find out takes the place of its waiting, whatever it is."""
        found = {(each.guardrail, each.resource): each for each in again}
        dead = next((each for each in again if each.status == DEAD), None)
        for where, waiting in list(self._now.outcomes.items()):
            if waiting.status != Unrecorded.WAITING or where[0] != guardrail:
                continue
            now = found.get(where)
            if now is None and dead is not None:
                now = replace(dead, guardrail=where[0], resource=where[1])
            if now is None:  # Nothing names it any more.
                now = Outcome(*where, Status.GONE)
            self._now.outcomes[where] = replace(now, status=str(now.status))

    def _call(self, envelope: dict[str, Any], done: dict[str, Reenacted], delivered: Collection[int]) -> None:
        identity = _identity(envelope)
        if identity in done or hash(identity) in delivered:
            return
        if _refused(envelope, self.application):
            done[identity] = Reenacted(None)
        elif self._reenact:
            done[identity] = self._reenactor(envelope)
            in_memory = self.aliases.to_memory(envelope)
            self.aws.remember(in_memory)
            self._unjudged.learn(in_memory, done[identity])
        else:
            done[identity] = Reenacted(None, "not asked for")

    def _deliver(self, entry: Entry, envelope: dict[str, Any], reenacted: Reenacted) -> None:
        self.clock.reach(entry.time)
        self._now = _Delivery(_described(envelope, reenacted, self.application))
        self._deliveries.append(self._now)
        if _reaches_functions(envelope, self._now.event, recorded=entry.recorded):
            in_memory = self.aliases.to_memory(envelope)
            self._unjudged.delivering(in_memory, reenacted)
            merge(self._now.outcomes, self._unjudged.judged(in_memory, self._functions.deliver(in_memory)))
            self.drain()

    def drain(self) -> None:
        """Have what is new in the ledger sent; after an undo of one's own, say."""
        while written := self._table.take(_BATCH):
            self._functions.notify({"Records": written})


def replay(
    paths: Iterable[Path | str],
    *,
    settings: Settings,
    mode: Mode | str | None = None,
    reenact: bool = True,
    home: str = "",
    on_event: Callable[[EventOutcome], None] = lambda _: None,
    entries: Iterable[Entry] | None = None,
    only: Collection[str] = (),
    keep: bool = False,
) -> Replay:
    """Run recorded events against an AWS in memory. Nothing leaves this process. Raises BadEvents.

    `mode` takes the place of all modes in the settings. `entries` are what was read already, instead of `paths`.
    `on_event` gets each event's outcome; `keep` asks for the records. Of all rules, those that fit a glob in `only` are asked. Ctrl-C ends it with what was done so far.
    """
    events = read(paths) if entries is None else entries
    with Player(events, settings=settings, mode=mode, reenact=reenact, home=home, only=only) as player:
        done, began = Replay(), time.perf_counter()
        try:
            for outcome in player.run():
                done.add(outcome)
                on_event(outcome)
        except KeyboardInterrupt:
            done.interrupted = True
        done.messages, done.seconds = player.messages, time.perf_counter() - began
        if keep:
            done.records = player.records
    return done


def handle(
    paths: Iterable[Path | str],
    *,
    settings: Settings,
    mode: Mode | str | None = None,
    create_ledger: bool = False,
    on_event: Callable[[EventOutcome], None] = lambda _: None,
    entries: Iterable[Entry] | None = None,
    **ledger: str,
) -> Replay:
    """Deliver recorded events to the functions, against the AWS that the environment names, for real.

    Nothing is re-enacted, and no guardrail waits for a pipeline. Messages are the business of the notify function there, at the end of the ledger's
    stream. `table` and `spill` name the ledger. Raises BadInput, NoLedger, and what boto3 raises when AWS can't be reached.
    """
    import boto3

    entries = Log.of(read(paths) if entries is None else entries)
    home = boto3.Session().client("sts").get_caller_identity()["Account"]
    graceless = msgspec.structs.replace(in_mode(settings, mode), grace={"*": 0})
    application = quiet(home, graceless, **ledger)
    if create_ledger:
        make_ledger(application)
    require_ledger(application)
    done, began = Replay(), time.perf_counter()
    for event in delivered(entries, application):
        done.add(event)
        on_event(event)
    done.seconds = time.perf_counter() - began
    return done


def delivered(entries: Iterable[Entry], application: Application) -> Iterator[EventOutcome]:
    """What becomes of each, delivered to the functions as the one application that they know."""
    functions = Functions(application, time.sleep, (1.0, 2.0))
    try:
        for entry in entries:
            envelope = entry.envelope
            event = _described(envelope, Reenacted(None, "not asked for"), application)
            if _reaches_functions(envelope, event, recorded=entry.recorded):
                event = replace(event, outcomes=tuple(functions.deliver(envelope)))
            yield event
    finally:
        wiring.forget(application)


def in_mode(settings: Settings, mode: Mode | str | None) -> Settings:
    """Settings with one mode for all; guardrails that are opt-in stay as far as they were opted in."""
    if mode is None:
        return settings
    return msgspec.structs.replace(settings, mode=Mode(mode), guardrails=dict.fromkeys(settings.guardrails, Mode(mode)))


def quiet(home: str, settings: Settings, **parts: Any) -> Application:
    """An application without metrics and logs."""
    from aws_lambda_powertools import Logger, Metrics

    class Silent(Metrics):
        """powertools writes metrics to stdout, where Lambda looks for them and a person doesn't."""

        def add_metric(self, *_: Any, **__: Any) -> None: ...
        def flush_metrics(self, *_: Any, **__: Any) -> None: ...

    parts["logger"] = Logger(service="snapback-replay", level="CRITICAL")
    return wiring.Application(home, settings=settings, metrics=Silent(namespace="Snapback", service="replay"), **parts)


def _home(accounts: Mapping[str, int]) -> str:
    usual = [account for account in accounts if re.fullmatch("[0-9]{12}", account)]
    return max(usual, key=lambda account: accounts[account], default="111122223333")


def _identity(envelope: Mapping[str, Any]) -> str:
    """Equal for two deliveries of one event, and for nothing else: some tools write the same eventID everywhere."""
    given = text(envelope, "detail", "eventID") or text(envelope, "id")
    if not given:
        return str(msgspec.json.encode(envelope))
    at = text(envelope, "detail", "eventTime") or text(envelope, "time")
    return "\0".join(map(str, (given, text(envelope, "account"), text(envelope, "detail", "eventName"), at)))


def _reaches_functions(envelope: Mapping[str, Any], event: EventOutcome, *, recorded: bool) -> bool:
    """EventBridge keeps calls that only read from rules that don't ask for them, and ours don't:
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail-management.html.
    """
    if event.refused:
        return False
    detail = envelope["detail"] if recorded else {}
    return not (detail.get("readOnly") is True and detail.get("eventType") in (None, "AwsApiCall"))


def _refused(envelope: Mapping[str, Any], application: Application) -> str:
    """Why no function would believe an event, or ''."""
    try:
        application.believe(Event.parse(envelope))
    except EventRejected as why:
        return f"{REFUSED}{why}"
    return ""


def _described(envelope: Mapping[str, Any], reenacted: Reenacted, application: Application) -> EventOutcome:
    """An event for the report; what an envelope lacks is ''."""
    detail = dig(envelope, "detail")
    actor = Actor.of(detail, text(envelope, "account") or "")
    return EventOutcome(
        event_id=text(detail, "eventID") or text(envelope, "id") or "",
        time=text(detail, "eventTime") or text(envelope, "time") or "",
        source=text(detail, "eventSource") or text(envelope, "source") or "",
        name=text(detail, "eventName") or text(envelope, "detail-type") or "",
        actor=actor.name,
        account=text(envelope, "account") or "",
        region=text(detail, "awsRegion") or text(envelope, "region") or "",
        reenacted=reenacted.done,
        why=_refused(envelope, application) or reenacted.why,
        tool=actor.tool,
        principal=actor.principal,
    )
