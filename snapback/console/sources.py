"""Where the console's findings come from: the ledger of an account, or a result in a file. Each answers a page at a time."""

from __future__ import annotations

import heapq
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec

from chalicelib.core.types import Status
from snapback.report.result import cards_of, finding_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from chalicelib.core.record import Record
    from chalicelib.wiring import Application
    from snapback.report.result import Finding, Result

PAGE = 50
MOST_READ = 1000
"""Records that are read for one page; a filter that few fit goes on with the next."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which findings: of these statuses, with these words in them, and after `cursor`."""

    statuses: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    cursor: str = ""

    def fits(self, finding: Finding) -> bool:
        if self.statuses and finding.status not in self.statuses:
            return False
        who = finding.actor
        about = (
            finding.id,
            finding.status,
            finding.severity,
            finding.guardrail,
            finding.title,
            finding.resource,
            finding.reason,
        )
        made = (finding.event, finding.account, finding.region, who.name, who.principal, who.tool, who.source_ip)
        text = "\n".join((*about, *made)).lower()
        return all(word in text for word in self.words)


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
        start = int(wanted.cursor) if wanted.cursor.isdecimal() else 0
        found: list[Finding] = []
        for place, each in enumerate(self._findings[start:], start):
            if len(found) == PAGE:
                return Page(found, str(place), place - start)
            if wanted.fits(each):
                found.append(each)
        return Page(found, "", len(self._findings) - start)

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
        statuses = [Status(each) for each in wanted.statuses] or list(Status)
        found: list[Finding] = []
        read, last, at_last = 0, until, seen if until else set()
        for record in self._records(statuses, until):
            if record.touched == until and record.id in seen:
                continue
            if len(found) == PAGE or read == MOST_READ:
                return Page(found, f"{last}|{','.join(sorted(at_last))}", read)
            read += 1
            at_last = {*(at_last if record.touched == last else ()), record.id}
            last = record.touched
            finding = finding_of(record)
            if wanted.fits(finding):
                found.append(finding)
        return Page(found, "", read)

    def _records(self, statuses: Sequence[Status], until: str) -> Iterator[Record]:
        """Of each status the first page is read at the same time: on the way to AWS, time is what reads cost."""
        each = [iter(self.application.ledger.records(status, until=until)) for status in statuses]
        firsts = list(self.pool.map(lambda records: next(records, None), each))
        begun = [chain([first], rest) for first, rest in zip(firsts, each, strict=True) if first is not None]
        return heapq.merge(*begun, key=lambda record: record.touched, reverse=True)
