"""Which events a replay takes, and how many it leaves out, and why."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from chalicelib import catalog
from chalicelib.core.event import parse_time
from chalicelib.core.pattern import matches

if TYPE_CHECKING:
    from datetime import datetime

READS = re.compile(
    r"(Get|List|Describe|Head|Lookup|BatchGet|Search|Query|Scan|Select|Test|Simulate|Check|Validate)[A-Z]"
)
"""Names of calls that change nothing, where a record doesn't say whether its call only reads."""
_SOURCES = {"logs", "tag", "tagging", "support", "sts", "health"}
"""Read by guardrails, but never re-enacted for them: their calls are many, and change nothing that a guardrail judges."""


def fits(id: str, globs: Collection[str]) -> bool:
    """Whether a rule is one of those that are asked for; all are for none."""
    return not globs or any(fnmatchcase(id, each) for each in globs)


@dataclass
class Choice:
    """Filters; empty ones let everything through. `left_out` counts the records that were read and not taken, by reason."""

    since: datetime | None = None
    until: datetime | None = None
    accounts: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    guardrails: frozenset[str] = frozenset()
    everything: bool = True
    """Also what no rule hears and no guardrail's state rests on."""
    read: int = 0
    taken: int = 0
    left_out: Counter[str] = field(default_factory=Counter)

    def takes(self, envelope: Mapping[str, Any]) -> bool:
        """Whether an event is replayed; counts it."""
        self.read += 1
        why = self._why_not(envelope)
        self.taken += not why
        if why:
            self.left_out[why] += 1
        return not why

    def _why_not(self, envelope: Mapping[str, Any]) -> str:
        detail = envelope.get("detail")
        head = detail if isinstance(detail, Mapping) else {}
        source = str(head.get("eventSource") or envelope.get("source") or "")
        service = source.removesuffix(".amazonaws.com").removeprefix("aws.")
        moment = parse_time(head.get("eventTime")) or parse_time(envelope.get("time"))
        for why, wrong in (
            ("Insights", head.get("eventCategory") == "Insight"),
            ("before --since", self.since and (moment is None or moment < self.since)),
            ("after --until", self.until and (moment is None or moment >= self.until)),
            ("of another account", self.accounts and envelope.get("account") not in self.accounts),
            (
                "of another region",
                self.regions and (head.get("awsRegion") or envelope.get("region")) not in self.regions,
            ),
            ("of another service", self.services and service not in self.services),
        ):
            if wrong:
                return why
        if self.everything and not self.guardrails:
            return ""
        return "" if self._matters(envelope, head, service) else "of no guardrail"

    def _matters(self, envelope: Mapping[str, Any], head: Mapping[str, Any], service: str) -> bool:
        rules, services = _concerned(self.guardrails)
        name = str(head.get("eventName") or "")
        changes = head.get("readOnly") is not True and not READS.match(name) and not head.get("errorCode")
        if changes and service in services and head.get("eventCategory") != "Data":
            return True
        return any(matches(rule.on, envelope) for rule in rules)


def services_read() -> frozenset[str]:
    """The services whose successful, mutating calls a replay re-enacts."""
    return _concerned(frozenset())[1]


@lru_cache(maxsize=8)
def _concerned(guardrails: frozenset[str]) -> tuple[tuple[Any, ...], frozenset[str]]:
    """The rules that are asked for, and the services whose calls change what they read."""
    rules = tuple(rule for rule in catalog.all_rules() if fits(rule.id, guardrails))
    reads = {read.partition(":")[0] for rule in rules for read in getattr(rule, "reads", ())}
    return rules, frozenset(reads - _SOURCES)
