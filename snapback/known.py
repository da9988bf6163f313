"""Refuses filters that can fit nothing. Each function raises NoSuchRule or Refused, in one line."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from chalicelib import catalog
from chalicelib.core.partitions import PARTITIONS
from snapback.errors import NoSuchRule, Refused

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

_ACCOUNT = re.compile(r"[0-9]{12}")
_MOST_NAMED = 3


def check_guardrails(globs: Iterable[str], known: Collection[Any]) -> None:
    for glob in globs:
        if not any(fnmatchcase(rule.id, glob) for rule in known):
            raise NoSuchRule(f"--guardrail {glob}: {_no_match(glob)}")


def _no_match(glob: str) -> str:
    tripwires = [rule.id for rule in catalog.all_rules() if fnmatchcase(rule.id, glob)]
    if not tripwires:
        return "no guardrail matches; `snapback catalog` lists all"
    return f"{', '.join(tripwires[:_MOST_NAMED])}: a tripwire judges an event, so a sweep can't evaluate it; `snapback replay` can"


def check_services(services: Iterable[str], known: Collection[str]) -> None:
    for service in services:
        if service not in known:
            raise NoSuchRule(f"--service {service}: no such service; one of {', '.join(sorted(known))}")


def check_places(accounts: Iterable[str], regions: Iterable[str]) -> None:
    for account in accounts:
        if not _ACCOUNT.fullmatch(account):
            raise Refused(f"--account {account}: not an account; write its 12 digits, such as 111122223333")
    for region in regions:
        if not any(re.match(each.regions, region) for each in PARTITIONS):
            raise Refused(f"--region {region}: not a region of AWS; write one such as us-east-1")


def check_times(since: datetime | None, until: datetime | None) -> None:
    if since and until and since >= until:
        raise Refused(f"--since {since:%Y-%m-%dT%H:%M} is not before --until {until:%Y-%m-%dT%H:%M}: no event fits")


def event_services() -> frozenset[str]:
    """The services, as CloudTrail names them, whose events a replay needs."""
    from snapback.replay.choose import service_of, services_read

    patterns = (one for rule in catalog.all_rules() for one in rule.on.get("$or", [rule.on]))
    sources = (each for one in patterns for each in one.get("detail", {}).get("eventSource", one.get("source", ())))
    return services_read() | {service_of(each) for each in sources if isinstance(each, str)}
