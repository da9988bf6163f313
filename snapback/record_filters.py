"""Which of the ledger's records a person asks for, and the record that a short id stands for."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import IO, TYPE_CHECKING

import click

from chalicelib.core.event import parse_time
from chalicelib.core.record import ID
from snapback.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chalicelib.core.record import Record
    from chalicelib.wiring import Application

_AGO = re.compile(r"(\d{1,5})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DIGITS = re.compile(r"[0-9a-f]*")
_SHORTEST = 4
_MOST_NAMED = 5
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
COLUMNS = (
    "id",
    "status",
    "severity",
    "time",
    "account",
    "region",
    "guardrail",
    "resource",
    "reason",
    "event",
    "actor",
    "tool",
)


def moment(value: str) -> datetime:
    """A time in UTC: ISO 8601 (`2026-03-20`, `2026-03-20T10:00`), or how long ago (`30m`, `24h`, `7d`, `2w`). Raises BadParameter."""
    if ago := _AGO.fullmatch(value):
        return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    if found := parse_time(value):
        return found
    raise click.BadParameter(
        f"{value!r} is no time; write 2026-03-20, 2026-03-20T10:00 (UTC), or 24h or 7d for how long ago"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Each field lists what fits, and an empty one lets everything through; times are those of the events.

    `guardrails` and `resources` are globs; `resources`, `actors` and `tools` also fit a part, without regard to case.
    """

    guardrails: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    actors: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    @property
    def any(self) -> bool:
        return self != Filters()

    def check(self) -> None:
        """Raises Refused for what can fit no record."""
        from snapback.known import check_places, check_times

        check_places(self.accounts, self.regions)
        check_times(self.since, self.until)

    def check_rules(self) -> None:
        """Raises NoSuchRule. Only for what fitted nothing: a record may be of a rule that this version doesn't have."""
        from chalicelib import catalog
        from snapback.known import check_guardrails, check_services

        check_guardrails(self.guardrails, catalog.all_rules())
        check_services(self.services, catalog.services())

    def fit(self, record: Record) -> bool:
        who = record.actor
        exact = (
            (self.services, record.service),
            (self.accounts, record.account),
            (self.regions, record.region),
            (self.severities, str(record.severity)),
        )
        return (
            all(not wanted or value in wanted for wanted, value in exact)
            and (not self.guardrails or any(fnmatchcase(record.guardrail, each) for each in self.guardrails))
            and _part_of(self.resources, record.arn, record.shown_arn, record.resource)
            and _part_of(self.actors, who.name, who.principal, who.session, who.source_identity)
            and _part_of(self.tools, who.tool, who.user_agent)
            and (self.since is None or record.event_time >= self.since)
            and (self.until is None or record.event_time < self.until)
        )


def _part_of(wanted: Iterable[str], *values: str) -> bool:
    folded = [value.lower() for value in values]
    globs = [each.lower() for each in wanted]
    return not globs or any(fnmatchcase(value, each) or each in value for each in globs for value in folded)


def record_of(application: Application, id: str) -> Record:
    """The record with this id, or the only one whose id begins with it, with or without its service. Raises Refused."""
    wanted = id.lower()
    if (exact := application.ledger.get(wanted)) is not None:
        return exact
    stem = wanted.removesuffix("…")
    digits = stem.rpartition(".")[2]
    if len(digits) < _SHORTEST and _DIGITS.fullmatch(digits):
        raise Refused(f"{id!r} is too short for an id: type at least {_SHORTEST} characters of it")
    if not re.fullmatch(ID, wanted) and len(digits) >= _SHORTEST:
        found = sorted(
            each
            for each in application.ledger.ids()
            if each.startswith(stem) or ("." not in stem and each.rpartition(".")[2].startswith(stem))
        )
        if len(found) == 1 and (record := application.ledger.get(found[0])) is not None:
            return record
        if found:
            more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
            raise Refused(f"{id!r} stands for {', '.join(found[:_MOST_NAMED])}{more}; type more of the id")
    raise Refused(f"no record {id!r} in the ledger; `snapback records` lists them")


def write_csv(records: Iterable[Record], out: IO[str]) -> None:
    """One line a record, under a header. A value that a spreadsheet would take for a formula begins with an apostrophe."""
    from snapback.render import BY_NOBODY

    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(COLUMNS)
    for record in records:
        values = (
            record.id,
            record.status,
            record.severity,
            f"{record.event_time:%Y-%m-%dT%H:%M:%SZ}",
            record.account,
            record.region,
            record.guardrail,
            record.shown_arn,
            record.reason,
            record.event_name,
            BY_NOBODY if record.by_nobody else record.actor.name,
            record.actor.tool,
        )
        rows.writerow([cell(str(value)) for value in values])


def cell(value: str) -> str:
    from snapback.render import plain

    shown = plain(value)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown
