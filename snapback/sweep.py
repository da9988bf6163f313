"""`snapback sweep`: every guardrail about every resource of its kind, from a laptop.

A second run is harmless: what is on record is not recorded again.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from fnmatch import fnmatchcase
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import msgspec
from msgspec import UnsetType

from chalicelib import catalog
from chalicelib.core.errors import StepRefused
from chalicelib.core.event import dig
from chalicelib.core.outcome import QUIET
from chalicelib.core.partitions import global_regions
from chalicelib.core.ports import Standing
from chalicelib.core.resource import Account, Resource
from chalicelib.core.settings import Modes
from chalicelib.core.types import Mode, Severity, Unrecorded, weakest
from chalicelib.engine.context import SNAPBACK, describe_error
from chalicelib.engine.refusal import refusal_of
from chalicelib.sweep.places import Place, chunks, event_of, expected_from_events, places
from chalicelib.sweep.queues import Markers, missed_by_events
from snapback.errors import EXPIRED
from snapback.known import check_guardrails, check_services
from snapback.replay.replay import in_mode, quiet
from snapback.threads import at_most

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from chalicelib.core.event import Event
    from chalicelib.core.outcome import Outcome
    from chalicelib.core.record import Record
    from chalicelib.core.rule import Guardrail
    from chalicelib.core.settings import Settings
    from chalicelib.engine.evaluate import Failed
    from chalicelib.wiring import Application

PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 30.0, 35.0)
"""Seconds between looks at what somebody else works on: another sweep, or a function. Together longer than a lease."""
THREADS = 16
"""Threads, of which each waits for AWS most of the time."""
ALONE = 10
"""Resources that a thread takes at a time where AWS has no batch read for them."""
_MOST_NAMED = 3
ELSEWHERE = "another process, such as another sweep, has worked on it for two minutes; run the sweep again"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one guardrail found about one resource."""

    place: Place
    severity: str
    outcome: Outcome
    missed_by_events: bool
    left: str = ""
    """Why it is left to a decision about the record that stands."""

    def to_json(self) -> dict[str, Any]:
        return {
            **asdict(self.place),
            "severity": self.severity,
            **asdict(self.outcome),
            "missed_by_events": self.missed_by_events,
            "left": self.left,
        }


@dataclass(frozen=True, slots=True)
class SweepError:
    """What could not be evaluated, by which guardrails, and why. `resource` is empty if a whole place could not be."""

    place: Place
    resource: str
    guardrails: tuple[str, ...]
    error: str

    def __str__(self) -> str:
        from snapback.account_names import account

        what = f"{self.place.kind} {self.resource}".rstrip()
        more = len(self.guardrails) - _MOST_NAMED
        names = ", ".join(self.guardrails[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
        return f"{names}: {what} in {account(self.place.account)}, {self.place.region}: {self.error}"

    def to_json(self) -> dict[str, Any]:
        told = {"resource": self.resource, "guardrails": list(self.guardrails), "error": self.error}
        return {**asdict(self.place), "status": "error", **told}


@dataclass
class SweepTotals:
    """What came of a sweep; `errors` are why something could not be evaluated, and how often."""

    places: int = 0
    resources: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    failed: set[Place] = field(default_factory=set)
    """Where something could not be evaluated."""
    seconds: float = 0.0

    def after_plan(self, plan: SweepTotals) -> SweepTotals:
        """Both passes as one: what was safe in the plan's pass was not evaluated again, and what it found is as it is now."""
        found, left = (
            Counter({status: times for status, times in each.counts.items() if status not in QUIET})
            for each in (plan, self)
        )
        gone = max(found.total() - left.total() - self.errors.total(), 0)
        safe = Counter({str(Unrecorded.COMPLIANT): gone} if gone else {})
        return SweepTotals(
            places=plan.places,
            resources=plan.resources,
            counts=plan.counts - found + left + safe,
            errors=plan.errors | self.errors,
            failed=plan.failed | self.failed,
            seconds=plan.seconds + self.seconds,
        )


class Only(Protocol):
    """Which resources a sweep evaluates."""

    def place(self, place: Place, /) -> bool: ...
    def resource(self, place: Place, resource: Resource, /) -> bool: ...
    def marks(self, place: Place, /) -> bool:
        """Whether a place counts as gone through, though only some of its resources are evaluated, or none."""


class AbsentLedger:
    """In place of a ledger where there is none: findings are reported once, and nothing is changed."""

    def __init__(self) -> None:
        self.records_opened: list[Record] = []

    def open(self, record: Record, *_: Any) -> Record:
        self.records_opened.append(record)
        return replace(record, id="")

    def paused(self) -> str:
        return "not possible without a ledger"

    def get(self, _: str) -> None:
        return None

    known = former = last_of = get

    def records(self, *_: Any) -> Iterator[Record]:
        return iter(())

    @property
    def causes(self) -> AbsentCauses:
        return AbsentCauses()


class AbsentCauses:
    """Each thing that can't be judged is reported by itself."""

    def begin(self, _service: str, _cause: str, record: str, arn: str, _severity: Severity) -> Standing:
        return Standing(record, arn)


def without_ledger(application: Application) -> Application:
    """The same without a ledger, and so without what needs one."""
    lowered = {rule: _alert_only(mode) for rule, mode in application.settings.guardrails.items()}
    settings = msgspec.structs.replace(
        application.settings, mode=weakest(application.settings.mode, Mode.ALERT), guardrails=lowered
    )
    found = quiet(application.home, settings)
    found.ledger = AbsentLedger()  # type: ignore[assignment]
    return found


def _alert_only(chosen: Mode | Modes) -> Mode | Modes:
    if not isinstance(chosen, Modes):
        return weakest(chosen, Mode.ALERT)
    return Modes(
        mode=chosen.mode if isinstance(chosen.mode, UnsetType) else weakest(chosen.mode, Mode.ALERT),
        accounts={account: weakest(mode, Mode.ALERT) for account, mode in chosen.accounts.items()},
        tags={tag: weakest(mode, Mode.ALERT) for tag, mode in chosen.tags.items()},
    )


def chosen(globs: Collection[str], services: Collection[str]) -> list[Guardrail[Any]]:
    """The guardrails that fit a glob and are of a service; all, where none is named. Raises NoSuchRule."""
    known = catalog.guardrails()
    check_services(services, catalog.services())
    check_guardrails(globs, known)
    return [
        rule
        for rule in known
        if (not services or rule.service in services)
        and (not globs or any(fnmatchcase(rule.id, glob) for glob in globs))
    ]


def as_asked(settings: Settings, mode: Mode | str | None, globs: Collection[str]) -> Settings:
    """Settings by which nothing waits for a pipeline; with a mode, opt-in guardrails that are named by id follow it."""
    found = msgspec.structs.replace(in_mode(settings, mode), grace={"*": 0})
    if mode is None:
        return found
    named = {glob: Mode(mode) for glob in globs if glob in {rule.id for rule in catalog.guardrails()}}
    return msgspec.structs.replace(found, guardrails={**found.guardrails, **named})


def places_for(
    settings: Settings,
    rules: Iterable[Guardrail[Any]],
    *,
    home: str,
    home_region: str,
    accounts: Collection[str] = (),
    regions: Collection[str] = (),
) -> dict[Place, list[Guardrail[Any]]]:
    """The places: those that are named, else the account and region that this is, and those of the settings.

    Global services are evaluated in the region that they report to, unless regions are named and it isn't.
    """
    main = () if regions else global_regions(home_region)
    return places(
        rules, settings, accounts or {home, *settings.accounts}, set(regions) or {home_region, *settings.regions}, main
    )


def sweep(
    application: Application,
    found: dict[Place, list[Guardrail[Any]]],
    run: str,
    *,
    kept: bool,
    threads: int = THREADS,
    by: str = SNAPBACK,
    only: Only | None = None,
    on_place: Callable[[Place], None] = lambda _: None,
    on_finding: Callable[[Finding], None] = lambda _: None,
    on_error: Callable[[SweepError], None] = lambda _: None,
) -> SweepTotals:
    """Go through all places, in their order. What raises is counted, and the rest goes on. Raises what boto3 does once credentials are over.

    `kept`: whether there is a ledger, in which it is marked what was gone through. `by` stands in the records' history.
    `only` chooses resources. `threads`: so many ask AWS.
    """
    done, began = SweepTotals(), time.perf_counter()
    application.sessions.retries = "adaptive"

    def failed(place: Place, resource: str, guardrails: Iterable[str], error: Exception) -> None:
        _go_on_after(error)
        why = ELSEWHERE if isinstance(error, StepRefused) else describe_error(error)
        done.failed.add(place)
        done.errors[str(found_out := SweepError(place, resource, tuple(guardrails), why))] += 1
        on_error(found_out)

    markers = Markers(application.dynamodb, application.table) if kept else None
    look = _Look(markers, only, run, by)
    with at_most(application, threads) as pool:
        for (place, rules), begun in pool.each(look.begin, found.items()):
            on_place(place)
            try:
                at = begun()
                done.places += at.wanted
                rest = pool.each(look.evaluate, ((at, some) for some in at.left))
                for answered in chain(at.first, (each() for _, each in rest)):
                    done.resources += answered.resources
                    for finding in _findings(place, rules, answered.outcomes, at.known):
                        on_finding(finding)
                    done.counts.update(str(outcome.status) for outcome in answered.outcomes)
                    for resource, error, guardrail in answered.errors:
                        failed(place, resource.id, [guardrail], error)
                if markers and (only is None or only.marks(place)) and not at.refused:
                    markers.mark(place, rules, run, application.now())
            except Exception as error:  # noqa: BLE001 - listed at the end, with the others
                failed(place, "", [rule.id for rule in rules], error)
    done.seconds = time.perf_counter() - began
    return done


class _Part(NamedTuple):
    """What a sweep found out about some resources."""

    resources: int
    outcomes: list[Outcome]
    errors: list[Failed]


@dataclass
class _At:
    """A place as it was listed: what was found out of it at once, and the resources that are left, some at a time."""

    rules: list[Guardrail[Any]]
    event: Event
    known: Sequence[str]
    wanted: bool = True
    refused: bool = False
    first: list[_Part] = field(default_factory=list)
    left: list[Sequence[Resource]] = field(default_factory=list)


@dataclass(frozen=True)
class _Look:
    """What the threads of a sweep do, each with an application of its own."""

    markers: Markers | None
    only: Only | None
    run: str
    by: str

    def begin(self, application: Application, where: tuple[Place, list[Guardrail[Any]]]) -> _At:
        """List a place, and evaluate it if that is a single step."""
        (place, rules), kind = where, where[1][0].resource
        if self.only and not self.only.place(place):
            return _At(rules, event_of(place, self.run, application.now(), ()), (), wanted=False)
        known = expected_from_events(rules, self.markers.asked(place) if self.markers else {}, self.run)
        at = _At(rules, event_of(place, self.run, application.now(), known), known)
        try:
            found = set(kind.all_in(application.sessions.reader(place.account, place.region)))
        except Exception as error:
            refusal = refusal_of(error, rules[0], Account(place.account, place.account, place.region))
            if refusal is None:
                raise
            at.refused = True
            at.first.append(_Part(0, application.engine.unlisted(rules, at.event, refusal), []))
            return at
        wanted = sorted(
            (each for each in found if self.only is None or self.only.resource(place, each)), key=attrgetter("id")
        )
        most = kind.batch_size if kind.batch_reads else min(kind.batch_size, ALONE)
        at.left = list(chunks(wanted, most))
        if len(at.left) == 1:
            at.first.append(self.evaluate(application, (at, at.left.pop())))
        return at

    def evaluate(self, application: Application, asked: tuple[_At, Sequence[Resource]]) -> _Part:
        """Those that somebody else works on are asked about again."""
        at, some = asked
        swept = application.engine.sweep(at.rules, some, at.event, self.by)
        outcomes, errors = {(each.guardrail, each.resource): each for each in swept.outcomes}, swept.errors
        for pause in PAUSES:
            busy = list(dict.fromkeys(resource for resource, error, _ in errors if isinstance(error, StepRefused)))
            if not busy:
                break
            application.sleep(pause)
            again = application.engine.sweep(at.rules, busy, at.event, self.by)
            outcomes = {(each.guardrail, each.resource): each for each in again.outcomes} | outcomes
            errors = [each for each in errors if each[0] not in busy] + again.errors
        return _Part(len(some), list(outcomes.values()), errors)


def _findings(
    place: Place, rules: Sequence[Guardrail[Any]], outcomes: Iterable[Outcome], known: Sequence[str]
) -> Iterator[Finding]:
    severity = {rule.id: str(rule.severity) for rule in rules}
    for outcome in outcomes:
        if outcome.status not in QUIET:
            yield Finding(place, severity[outcome.guardrail], outcome, missed_by_events(outcome, known))


def _go_on_after(error: Exception) -> None:
    if dig(getattr(error, "response", None), "Error", "Code") in EXPIRED:
        raise error
