"""Where the console's findings come from: the ledger of an account, or a result in a file. Each answers a page at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC
from functools import cache
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any

import click
import msgspec

from chalicelib.core.types import Status
from snapback.errors import Refused
from snapback.record_filters import Filters, moment
from snapback.report.exports import record_again
from snapback.report.result import cards_of, finding_of, line
from snapback.report.sources import recorded
from snapback.report.stories import techniques

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from chalicelib.core.record import Record
    from chalicelib.wiring import Application
    from snapback.report.result import Finding, Result

PAGE = 50
MOST_READ = 1000
"""Records that are read for one page or one overview; a filter that few fit goes on with the next page."""
_TIMES = ("since", "until")
_LISTS = ("guardrail", "account", "region", "severity", "status")
"""Filters that take several values, with spaces or commas between them."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which findings: those that fit the filters, of these statuses, with these words in them, and after `cursor`."""

    filters: Filters = field(default_factory=Filters)
    statuses: tuple[Status, ...] = ()
    words: tuple[str, ...] = ()
    cursor: str = ""

    @classmethod
    def of(cls, asked: Mapping[str, str]) -> Wanted:
        """As the page asks, by the words of `snapback records`. Raises Refused for what can fit nothing."""
        lists = {name: tuple(asked.get(name, "").replace(",", " ").split()) for name in _LISTS}
        parts = {name: tuple(filter(None, [asked.get(name, "").strip()])) for name in ("actor", "tool")}
        try:
            since, until = (moment(value) if (value := asked.get(name, "").strip()) else None for name in _TIMES)
            statuses = tuple(map(Status, lists["status"]))
        except click.BadParameter as error:
            raise Refused(error.format_message()) from error
        except ValueError as error:
            raise Refused(f"{line(asked['status'])!r} is no status; statuses: {', '.join(Status)}") from error
        filters = Filters(
            guardrails=lists["guardrail"],
            accounts=lists["account"],
            regions=lists["region"],
            severities=lists["severity"],
            actors=parts["actor"],
            tools=parts["tool"],
            since=since,
            until=until,
        )
        filters.check()
        return cls(filters, statuses, tuple(asked.get("text", "").lower().split()), asked.get("cursor", ""))

    @property
    def any(self) -> bool:
        return bool(self.filters.any or self.statuses or self.words)

    def fits(self, record: Record) -> bool:
        if (self.statuses and record.status not in self.statuses) or not self.filters.fit(record):
            return False
        if not self.words:
            return True
        who = record.actor
        about = (
            record.id,
            record.status,
            record.severity,
            record.guardrail,
            record.title,
            record.shown_arn,
            record.reason,
        )
        made = (record.event_name, record.account, record.region, who.name, who.principal, who.tool, who.source_ip)
        text = "\n".join((*about, *made, f"{record.event_time:%Y-%m-%d %H:%M:%S}")).lower() + _of_card(record.guardrail)
        return all(word in text for word in self.words)


@cache
def _of_card(guardrail: str) -> str:
    """What a report finds a finding by, beside its own words."""
    card = cards_of({guardrail}).get(guardrail, {})
    required = (f"{standard} {each}" for standard, some in card.get("compliance", {}).items() for each in some)
    return "\n".join(["", *techniques(card), *required, *card.get("controls", ())]).lower()


@dataclass(frozen=True, slots=True)
class Page:
    """`cursor` is where the next page begins, '' at the end; `read` is how many were looked through."""

    findings: list[Finding]
    cursor: str = ""
    read: int = 0

    def to_json(self) -> dict[str, Any]:
        cards = cards_of({each.guardrail for each in self.findings})
        return {
            "findings": msgspec.to_builtins(self.findings),
            "cards": cards,
            "cursor": self.cursor,
            "read": self.read,
        }


class FileSource:
    """A result that was read whole, the latest first."""

    def __init__(self, result: Result) -> None:
        self.result = result
        self._findings = sorted(result.findings, key=lambda each: each.time, reverse=True)
        self._by_id = {each.id: each for each in result.findings}

    def page(self, wanted: Wanted) -> Page:
        start = int(wanted.cursor[:9]) if wanted.cursor.isdecimal() else 0
        found: list[Finding] = []
        for place, each in enumerate(self._findings[start:], start):
            if len(found) == PAGE:
                return Page(found, str(place), place - start)
            if self._fits(wanted, each):
                found.append(each)
        return Page(found, "", max(len(self._findings) - start, 0))

    def overview(self, wanted: Wanted) -> tuple[Result, int]:
        """What fits, and how many of the latest records were looked through if there are more."""
        findings = [each for each in self.result.findings if self._fits(wanted, each)]
        return msgspec.structs.replace(self.result, findings=findings), 0

    @staticmethod
    def _fits(wanted: Wanted, finding: Finding) -> bool:
        return not wanted.any or wanted.fits(record_again(finding))

    def about(self) -> dict[str, Any]:
        result = self.result
        made = f"{result.made:%Y-%m-%d %H:%M} UTC"
        return {
            "account": result.account,
            "kind": result.kind,
            "source": result.source,
            "made": made,
            "figures": result.figures,
            "account_names": result.account_names,
        }

    def detail(self, id: str) -> Any:
        if (found := self._by_id.get(id)) is None:
            return None
        card = self.result.cards.get(found.guardrail)
        cards = {found.guardrail: card} if card else {}
        return {"finding": msgspec.to_builtins(found), "cards": cards, "actions": [], "seen": {}, "offer": []}


@dataclass
class LedgerSource:
    """The ledger, the latest first. A cursor is when the last one moved, and which of that moment were shown."""

    application: Application
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(8))

    def page(self, wanted: Wanted) -> Page:
        until, _, shown = wanted.cursor.partition("|")
        seen = set(shown.split(","))
        found: list[Finding] = []
        read, last, at_last = 0, until, seen if until else set()
        for record in self._records(wanted, until):
            if record.touched == until and record.id in seen:
                continue
            if len(found) == PAGE or read == MOST_READ:
                return Page(found, f"{last}|{','.join(sorted(at_last))}", read)
            read += 1
            at_last = {*(at_last if record.touched == last else ()), record.id}
            last = record.touched
            if wanted.fits(record):
                found.append(finding_of(record))
        return Page(found, "", read)

    def overview(self, wanted: Wanted) -> tuple[Result, int]:
        """What fits, and how many of the latest records were looked through if there are more."""
        records = self._records(wanted)
        read = list(islice(records, MOST_READ))
        older = len(read) == MOST_READ and next(records, None) is not None
        found = [record for record in read if wanted.fits(record)]
        return recorded(found, account=self.application.home, more=0), len(read) if older else 0

    def _records(self, wanted: Wanted, until: str = "") -> Iterator[Record]:
        """The latest first. What moved last before `since` has no event after it."""
        records = self.application.ledger.records(*wanted.statuses, until=until, each=self.pool.map)
        if wanted.filters.since is None:
            return records
        since = wanted.filters.since.astimezone(UTC).isoformat(timespec="milliseconds")
        return takewhile(lambda record: record.touched >= since, records)
