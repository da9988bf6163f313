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
from chalicelib.core.event import dig, parse_time
from chalicelib.core.pattern import API_CALL, matches
from snapback.replay.glance import IDENTITY, SEEN, narrowed

if TYPE_CHECKING:
    from datetime import datetime

    from snapback.replay.glance import Head

READS = re.compile(
    r"(Get|List|Describe|Head|Lookup|BatchGet|Search|Query|Scan|Select|Test|Simulate|Check|Validate)[A-Z]"
)
"""Names of calls that change nothing, where a record doesn't say whether its call only reads."""
_SOURCES = {"logs", "tag", "tagging", "support", "sts", "health"}
"""Read by guardrails, but never re-enacted for them: their calls are many, and change nothing that a guardrail judges."""


_NO_GUARDRAIL = "of no guardrail"
_TYPES = {
    "AwsConsoleSignIn": "AWS Console Sign In via CloudTrail",
    "AwsServiceEvent": "AWS Service Event via CloudTrail",
}


def detail_type(kind: str | None) -> str:
    """What EventBridge calls a CloudTrail record, by its eventType."""
    return _TYPES.get(kind or "", API_CALL)


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
        return not self._left(self._why_not(envelope))

    def leaves_out(self, head: Head) -> bool:
        """Whether a record is surely not replayed, going by its head; counts it then. `takes` judges the others."""
        account, region = head.recipient_account_id, head.aws_region
        if (self.accounts and not _is_text(account)) or (self.regions and not _is_text(region)):
            return False
        why = self._filtered(
            category=head.event_category,
            time=head.event_time,
            account=account,
            region=region,
            service=service_of(head.event_source),
        )
        if not why and self._narrows and not self._may_matter(head):
            why = _NO_GUARDRAIL
        return bool(why) and self._left(why)

    def _left(self, why: str) -> bool:
        self.read += 1
        self.taken += not why
        if why:
            self.left_out[why] += 1
        return bool(why)

    def add(self, counted: Choice) -> None:
        """What another process counted with these filters."""
        self.read += counted.read
        self.taken += counted.taken
        self.left_out += counted.left_out

    @property
    def is_narrow(self) -> bool:
        """Whether it leaves out anything."""
        filters = (self.since, self.until, self.accounts, self.regions, self.services)
        return self._narrows or any(filters)

    @property
    def _narrows(self) -> bool:
        return not self.everything or bool(self.guardrails)

    def _filtered(self, *, category: Any, time: Any, account: Any, region: Any, service: str) -> str:
        """Which filter leaves an event out, or ''."""
        if category == "Insight":
            return "Insights"
        if self.since or self.until:
            moment = parse_time(time)
            if self.since and (moment is None or moment < self.since):
                return "before --since"
            if self.until and (moment is None or moment >= self.until):
                return "after --until"
        if self.accounts and account not in tuple(self.accounts):  # A record may have anything there, also a list.
            return "of another account"
        if self.regions and region not in tuple(self.regions):
            return "of another region"
        return "of another service" if self.services and service not in self.services else ""

    def _why_not(self, envelope: Mapping[str, Any]) -> str:
        detail = envelope.get("detail")
        head = detail if isinstance(detail, Mapping) else {}
        service = service_of(str(head.get("eventSource") or envelope.get("source") or ""))
        time = head.get("eventTime")
        why = self._filtered(
            category=head.get("eventCategory"),
            time=envelope.get("time") if parse_time(time) is None else time,
            account=envelope.get("account"),
            region=head.get("awsRegion") or envelope.get("region"),
            service=service,
        )
        if why or not self._narrows:
            return why
        return "" if self._matters(envelope, head, service) else _NO_GUARDRAIL

    def _matters(self, envelope: Mapping[str, Any], head: Mapping[str, Any], service: str) -> bool:
        changes = _changes(head.get("readOnly"), str(head.get("eventName") or ""), head.get("errorCode"))
        if changes and service in _concerned(self.guardrails)[1] and head.get("eventCategory") != "Data":
            return True
        return any(matches(rule.on, envelope) for rule in self._hearing(envelope, head))

    def _hearing(self, envelope: Mapping[str, Any], head: Mapping[str, Any]) -> tuple[Any, ...]:
        """The rules that may hear an event: by the index, where it is a plain record of CloudTrail."""
        source, name, kind = (head.get(key) for key in ("eventSource", "eventName", "eventType"))
        if not isinstance(source, str) or not isinstance(name, str) or not isinstance(kind, str | None):
            return _concerned(self.guardrails)[0]
        if (envelope.get("source"), envelope.get("detail-type")) != (source_of(source), detail_type(kind)):
            return _concerned(self.guardrails)[0]
        identity = dig(head, "userIdentity", "type")
        return _may_hear(self.guardrails, source, name, kind, identity if isinstance(identity, str) else None)

    def _may_matter(self, head: Head) -> bool:
        source, name, identity = head.event_source, head.event_name, head.user_identity
        changes = _changes(head.read_only, name, head.error_code) and head.event_category != "Data"
        if changes and service_of(source) in _concerned(self.guardrails)[1]:
            return True
        kind = identity.type if identity and isinstance(identity.type, str) else None
        return bool(_may_hear(self.guardrails, source, name, head.event_type, kind))


def source_of(source: str) -> str:
    """What EventBridge calls the source of a CloudTrail record, by its eventSource."""
    return f"aws.{source.partition('.')[0]}" if source else ""


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def service_of(source: str) -> str:
    return source.removesuffix(".amazonaws.com").removeprefix("aws.")


def _changes(read_only: Any, name: str, error: Any) -> bool:
    return read_only is not True and not error and not READS.match(name)


def services_read() -> frozenset[str]:
    """The services whose successful, mutating calls a replay re-enacts."""
    return _concerned(frozenset())[1]


@lru_cache(maxsize=8)
def _concerned(guardrails: frozenset[str]) -> tuple[tuple[Any, ...], frozenset[str]]:
    """The rules that are asked for, and the services whose calls change what they read."""
    rules = tuple(rule for rule in catalog.all_rules() if fits(rule.id, guardrails))
    reads = {read.partition(":")[0] for rule in rules for read in getattr(rule, "reads", ())}
    return rules, frozenset(reads - _SOURCES)


@lru_cache(maxsize=64)
def _narrow(guardrails: frozenset[str], paths: frozenset[str]) -> tuple[dict[str, Any], ...]:
    return tuple(narrowed(rule.on, paths) for rule in _concerned(guardrails)[0])


@lru_cache(maxsize=1 << 16)
def _may_hear(
    guardrails: frozenset[str], source: str, name: str, kind: str | None, identity: str | None
) -> tuple[Any, ...]:
    """The rules that may hear a record: an index, as logs have few different calls."""
    detail: dict[str, Any] = {"eventSource": source, "eventName": name}
    paths = SEEN
    if kind is None:
        paths -= {"detail.eventType"}
    else:
        detail["eventType"] = kind
    if identity is not None:
        detail["userIdentity"] = {"type": identity}
        paths |= {IDENTITY}
    event = {"source": source_of(source), "detail-type": detail_type(kind), "detail": detail}
    asked = zip(_concerned(guardrails)[0], _narrow(guardrails, paths), strict=True)
    return tuple(rule for rule, pattern in asked if not pattern or matches(pattern, event))
