"""Which guardrails are loudest, which exemption would quiet them, and the mode that fits what was found (docs/rollout.md)."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from chalicelib.core.types import Mode, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from snapback.report.result import Finding

LOUD = 5
"""Findings of a guardrail, from which an exemption is worth a thought."""
_MOSTLY = 0.8
_ENOUGH = 3
"""Findings that were fixed before a mode of fix is suggested."""
_UNDONE = 0.05
"""Of all fixes, how many may be undone before a guardrail should ask."""
_LISTED = 20
_ENDS = timedelta(days=30)


class Case(msgspec.Struct, frozen=True):
    """What of a finding makes noise, or shows that it is none."""

    guardrail: str
    resource: str
    actor: str
    principal: str
    fixed: bool
    undone: bool = False

    @classmethod
    def of(cls, finding: Finding) -> Case:
        steps = {step.status for step in finding.history}
        return cls(
            guardrail=finding.guardrail,
            resource=finding.resource,
            actor=finding.actor.name,
            principal=finding.actor.principal,
            fixed=Status.FIXED in steps,
            undone=Status.UNDONE in steps,
        )


class Noise(msgspec.Struct, frozen=True):
    """`exemption` is text for `snapback.yaml`, or '' where no one actor or resource causes most of it."""

    guardrail: str
    times: int
    resources: int
    actors: int
    mode: str
    why: str
    exemption: str


def noise(findings: Sequence[Finding], cards: Mapping[str, Mapping[str, Any]], today: date) -> list[Noise]:
    """Of a result, what a report lists."""
    return loudest(map(Case.of, findings), cards, today)[:_LISTED]


def loudest(cases: Iterable[Case], cards: Mapping[str, Mapping[str, Any]], today: date) -> list[Noise]:
    """Each guardrail's, the loudest first."""
    by_guardrail: dict[str, list[Case]] = defaultdict(list)
    for each in cases:
        by_guardrail[each.guardrail].append(each)
    in_order = sorted(by_guardrail.items(), key=lambda each: (-len(each[1]), each[0]))
    return [_of(guardrail, some, cards.get(guardrail, {}), today) for guardrail, some in in_order]


def _of(guardrail: str, some: Sequence[Case], card: Mapping[str, Any], today: date) -> Noise:
    exemption = _exemption(guardrail, some, today)
    mode, why = _mode(some, card, loud=bool(exemption))
    resources, actors = {each.resource for each in some}, {each.actor for each in some}
    return Noise(guardrail, len(some), len(resources), len(actors), str(mode), why, exemption)


def _mode(some: Sequence[Case], card: Mapping[str, Any], *, loud: bool) -> tuple[Mode, str]:
    undone, fixed = sum(each.undone for each in some), sum(each.fixed for each in some)
    if not card.get("fix"):
        return Mode.ALERT, "it has no fix"
    if loud:
        return Mode.ALERT, "one actor or resource causes most findings: exempt what is intended first"
    if not card.get("reversible"):
        return Mode.ASK, "its fix can't be undone"
    if undone > fixed * _UNDONE:
        return Mode.ASK, f"people undid {undone} of {fixed} fixes"
    if fixed == len(some) >= _ENOUGH:
        return Mode.FIX, "each finding was fixed, and almost no fix was undone"
    return Mode.ASK, "people should read the first fixes before they are made"


def _exemption(guardrail: str, some: Sequence[Case], today: date) -> str:
    """Of the actor, or else the resource, that causes most of it."""
    if len(some) < LOUD:
        return ""
    for key, values in (
        ("actor", [each.principal for each in some]),
        ("resource", [each.resource for each in some]),
    ):
        ((value, times),) = Counter(values).most_common(1)
        if value and times >= len(some) * _MOSTLY:
            lines = {
                "guardrail": guardrail,
                key: value,
                "reason": "intended: say why",
                "owner": "who answers for this",
                "expires": f"{today + _ENDS}",
            }
            shown = "\n    ".join(
                f"{name}: {json.dumps(text) if name != 'expires' else text}" for name, text in lines.items()
            )
            return f"exemptions:\n  - {shown}"
    return ""
