"""Who did what in a row, and who changes back what others fix: read out of findings."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from chalicelib.core.types import Severity, Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from snapback.report.result import Finding

PAUSE = timedelta(hours=1)
"""After so long without a finding, the next one by the same actor begins another story."""
MOST = 50
"""Stories and fights that a report lists."""
SHORTEST = 2
_RANK = {str(each): rank for rank, each in enumerate(Severity)}


class Story(msgspec.Struct, frozen=True):
    """A chain of findings by one actor; `findings` are their places in the result."""

    actor: str
    accounts: list[str]
    sources: list[str]
    tools: list[str]
    techniques: list[str]
    severity: str
    findings: list[int]


class Fight(msgspec.Struct, frozen=True):
    """One resource that became unsafe in the same way again; `against` are those who fixed it, or undid the fix."""

    guardrail: str
    resource: str
    actors: dict[str, int]
    against: dict[str, int]
    stopped: bool
    findings: list[int]


def stories(findings: Sequence[Finding], cards: Mapping[str, Mapping[str, Any]]) -> list[Story]:
    """The chains with the most techniques first, then the worst, then the longest."""
    by_actor: dict[str, list[int]] = defaultdict(list)
    for place in sorted(range(len(findings)), key=lambda place: findings[place].time):
        who = findings[place].actor
        if who.kind not in {"Unknown", ""}:
            by_actor[who.source_identity or who.name].append(place)
    chains: list[list[int]] = []
    for places in by_actor.values():
        chain = [places[0]]
        for place in places[1:]:
            if findings[place].time - findings[chain[-1]].time > PAUSE:
                chains.append(chain)
                chain = []
            chain.append(place)
        chains.append(chain)
    found = [_story(findings, chain, cards) for chain in chains if len(chain) >= SHORTEST]
    found.sort(key=lambda each: (len(each.techniques), _RANK.get(each.severity, 0), len(each.findings)), reverse=True)
    return found[:MOST]


def _story(findings: Sequence[Finding], chain: list[int], cards: Mapping[str, Mapping[str, Any]]) -> Story:
    some = [findings[place] for place in chain]
    return Story(
        actor=some[0].actor.source_identity or some[0].actor.name,
        accounts=_each(each.account for each in some),
        sources=_each(each.actor.source_ip for each in some),
        tools=_each(each.actor.tool for each in some),
        techniques=_each(name for each in some for name in techniques(cards.get(each.guardrail, {}))),
        severity=max((each.severity for each in some), key=lambda each: _RANK.get(each, 0)),
        findings=chain,
    )


def _each(values: Any) -> list[str]:
    return [each for each in dict.fromkeys(values) if each]


def techniques(card: Mapping[str, Any]) -> list[str]:
    """As in `T1530 Data from Cloud Storage`."""
    found = card.get("technique", "")
    return [] if isinstance(found, str) else [f"{each['id']} {each['name']}" for each in found]


def fights(findings: Sequence[Finding]) -> list[Fight]:
    """The resources that became unsafe in the same way more than once, the most often first."""
    by_slot: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for place, each in enumerate(findings):
        by_slot[each.guardrail, each.resource, each.region].append(place)
    found = []
    for (guardrail, resource, _), places in by_slot.items():
        some = [findings[place] for place in places]
        against = Counter(
            step.by for each in some for step in each.history if step.status in {Status.FIXED, Status.UNDONE}
        )
        stopped = any(each.status == Status.FIGHTING for each in some)
        if stopped or (len(some) >= SHORTEST and against):
            actors = Counter(each.actor.name for each in some)
            found.append(Fight(guardrail, resource, dict(actors), dict(against), stopped, places))
    found.sort(key=lambda each: (each.stopped, len(each.findings)), reverse=True)
    return found[:MOST]
