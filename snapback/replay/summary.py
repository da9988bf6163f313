"""What came of a replay, in a few lines: counts by what findings have in common, and what would quiet the loudest guardrails."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.text import Text

from chalicelib import catalog
from chalicelib.core.types import Status, Unrecorded
from snapback.account_names import account
from snapback.render import pairs, plain, styled

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from chalicelib.core.outcome import Outcome
    from snapback.replay.choose import Choice
    from snapback.replay.replay import EventOutcome, Replay

    Found = tuple[EventOutcome, Outcome]

MOST = 8
"""Kinds of a thing that are listed, without --all."""
MANY = 50
"""Findings that are also counted by what they have in common; with --all, any are."""
FINDINGS = frozenset(status for status in Status if status.traits.tone != "quiet") - {Status.UNJUDGED}
_STATUSES = (*Status, "dead_letter", *Unrecorded)


def summary(done: Replay, *, real: bool, choice: Choice | None = None, everything: bool = False) -> list[Any]:
    """What came of a replay, or, with `real`, of events handled for real."""
    counts, most = done.counts, None if everything else MOST
    found = ", ".join(f"{counts[status]} {str(status).replace('_', ' ')}" for status in _STATUSES if counts[status])
    events = f"{counts['events']:,} in {done.seconds:.1f} s"
    if counts["refused"]:
        events += f", {counts['refused']:,} of them refused"
    outcomes = [(event, each) for event in done.events for each in event.outcomes]
    unjudged = [f"{each.guardrail}: {each.reason}" for _, each in outcomes if each.status == Status.UNJUDGED]
    findings = [(event, each) for event, each in outcomes if each.status in FINDINGS]
    told: dict[str, object] = {
        "events": events,
        "left out": left_out(choice),
        "refused": commonest((event.refused for event in done.events if event.refused), most),
        "outcomes": found or "none: no guardrail evaluates these",
        "unjudged": commonest(unjudged, most),
        **(breakdown(findings, most) if everything or len(findings) >= MANY else {}),
    }
    if not real:
        told["calls"] = f"{counts['reenacted']:,} re-enacted, {counts['not_reenacted']:,} not possible"
        missed = [event for event in done.events if event.reenacted is False]
        told["because"] = commonest(
            (f"{each.source.partition('.')[0]}:{each.name}: {each.why}" for each in missed), most
        )
        head = f"{len(done.messages):,} would have been sent"
        kinds = commonest((f"{each.severity.upper()} · {each.word}: {each.title}" for each in done.messages), most)
        told["messages"] = Text("\n").join([styled(f"{head}:"), kinds]) if kinds else styled(head)
        told |= _loudest(findings, most)
    return [pairs(told)]


def breakdown(findings: Sequence[Found], most: int | None) -> dict[str, object]:
    """Many findings, by what they have in common."""
    return {
        "by guardrail": commonest((each.guardrail for _, each in findings), most),
        "by severity": commonest((str(catalog.rule(each.guardrail).severity) for _, each in findings), most),
        "by account": commonest((f"{account(event.account)} in {event.region}" for event, _ in findings), most),
        "by actor": commonest((event.actor for event, _ in findings), most),
        "by tool": commonest((event.tool or "unknown" for event, _ in findings), most),
    }


def _loudest(findings: Sequence[Found], most: int | None) -> dict[str, object]:
    """The guardrails with many findings, the mode that fits each, and settings that would quiet them."""
    from snapback.report.noise import LOUD, Case, loudest
    from snapback.report.result import cards_of

    cases = [
        Case(
            guardrail=each.guardrail,
            resource=each.resource,
            actor=event.actor,
            principal=event.principal,
            fixed=each.status == Status.FIXED,
        )
        for event, each in findings
    ]
    told = loudest(cases, cards_of({each.guardrail for each in cases}), datetime.now(UTC).date())
    loud = [each for each in told if each.times >= LOUD]
    shown = loud[:most]
    lines = [f"{each.guardrail}: {each.times:,} findings; suggested mode {each.mode}: {each.why}" for each in shown]
    if len(loud) > len(shown):
        lines.append(_more(len(loud) - len(shown), "guardrails"))
    # Each exemption is a whole file of settings: what stands under its first line goes under one.
    exemptions = [line for each in shown for line in each.exemption.splitlines()[1:]]
    return {
        "loudest": _lines(lines),
        "quiet with": Text("\n").join([Text(plain(each)) for each in ["exemptions:", *exemptions]])
        if exemptions
        else "",
    }


def left_out(choice: Choice | None) -> str:
    """How many of the events that were read are not replayed, and why."""
    if choice is None or not choice.left_out:
        return ""
    whys = ", ".join(f"{times:,} {why}" for why, times in choice.left_out.most_common())
    return f"{choice.read - choice.taken:,} of {choice.read:,} events read: {whys}"


def commonest(whys: Iterable[str], most: int | None) -> Text | None:
    """The commonest, a line each; all of them for None."""
    counted = Counter(whys)
    lines = [f"{why} ({times:,} times)" if times > 1 else why for why, times in counted.most_common(most)]
    if most and len(counted) > most:
        lines.append(_more(len(counted) - most, "kinds"))
    return _lines(lines)


def _lines(lines: Sequence[str]) -> Text | None:
    return Text("\n").join([styled(line) for line in lines]) if lines else None


def _more(count: int, what: str) -> str:
    return f"and {count:,} more {what}; --all lists them"
