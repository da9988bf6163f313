"""What a replay can't judge: it rests on a call that was not re-enacted, or on what the log doesn't hold.

A guardrail is not asked about a resource that such a call concerns, so nothing is found, fixed or sent there; its outcome
becomes `unjudged`, with the reason. Tripwires judge the event alone, so they always can.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING, Any

from chalicelib import catalog
from chalicelib.core.errors import EventRejected
from chalicelib.core.event import DATED, Event, text
from chalicelib.core.outcome import Outcome
from chalicelib.core.pattern import Index, matches
from chalicelib.core.rule import Guardrail
from chalicelib.core.types import Status, Unrecorded
from snapback.replay.choose import fits
from snapback.replay.hidden import TAGS
from snapback.replay.order import texts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from chalicelib.core.resource import Resource
    from chalicelib.core.rule import Rule
    from chalicelib.core.session import Session
    from chalicelib.core.settings import Settings
    from snapback.replay.reenact import Reenacted

UNSEEN = "the log doesn't show how it was made, so its state isn't known"
_VERB = re.compile(r"[A-Z][a-z]+(?=[A-Z])")
_SETS = re.compile(r"Put|Set|Update")
"""Calls after which an earlier call of the same name no longer counts."""
_ENDS = re.compile(r"Delete|Terminate|Deregister|Remove|Detach|Deactivate")
_WITHOUT_A_LOOK = frozenset({Unrecorded.COMPLIANT, Status.GONE})

_TELLING = 8
"""Letters of a noun that says enough: `SecurityGroup` is in `SecurityGroupIngress`, but `User` in far too much."""

Key = tuple[str, str]
"""A guardrail and the ARN of a resource."""


@dataclass(frozen=True, slots=True)
class _Gap:
    call: str
    why: str
    partly: bool = False
    """Only a part of the call is hidden: what the guardrail finds in the rest counts."""


class Unjudged:
    """Learns of each event before it is delivered, and corrects the outcomes after."""

    def __init__(self, settings: Settings, only: Collection[str] = ()) -> None:
        self._settings, self._only = settings, only
        self._gaps: dict[Key, _Gap] = {}
        self._now: _Gap | None = None
        self._ended: set[str] = set()
        self._rules: dict[str, tuple[list[Rule], Index]] = {}

    def rules(self, service: str, envelope: object) -> tuple[Rule, ...]:
        """A service's rules that an event may be for, each guardrail asked only about what it can judge. For `Application.rules`."""
        if service not in self._rules:
            rules = [self._careful(rule) for rule in catalog.rules(service) if fits(rule.id, self._only)]
            self._rules[service] = rules, Index.of([rule.on for rule in rules])
        rules, index = self._rules[service]
        return tuple(rules[number] for number in index.candidates(envelope))

    def _careful(self, rule: Rule) -> Rule:
        if not isinstance(rule, Guardrail):
            return rule

        def evaluate(resource: Resource, aws: Session) -> str | None:
            key = (rule.id, resource.arn)
            if self._now:
                self._gaps[key] = self._now
            gap = self._gaps.get(key)
            return None if gap and not gap.partly else rule.evaluate(resource, aws)

        return replace(rule, evaluate=evaluate)

    def learn(self, envelope: Mapping[str, Any], reenacted: Reenacted) -> None:
        """Of a call that was, or was not, re-enacted: in the order in which memory got them, with the ids of memory."""
        try:
            event = Event.parse(envelope)
        except EventRejected:
            return
        name = DATED.sub("", event.name)
        if reenacted.done and _ENDS.match(name):
            self._ended |= set(texts(event.detail.get("requestParameters")))
        gap = gap_of(event, reenacted)
        if gap is None and (not reenacted.done or not self._gaps):
            return
        for rule in catalog.guardrails():
            concerned = self._untagged(rule, name, reenacted) or (
                gap if gap and self._concerns(rule, name, envelope, reenacted) else None
            )
            with suppress(Exception):  # An event that names its resources oddly concerns none.
                for resource in rule.resource.in_event(event):
                    key = (rule.id, resource.arn)
                    if concerned:
                        self._gaps[key] = concerned
                    elif reenacted.done and key in self._gaps and self._settles(name, rule, self._gaps[key]):
                        del self._gaps[key]

    def _untagged(self, rule: Guardrail[Any], name: str, reenacted: Reenacted) -> _Gap | None:
        """Hidden tags may turn a guardrail off: it can't judge anything of the resource."""
        if TAGS not in reenacted.blind or not self._settings.needs_tags(rule.id):
            return None
        return _Gap(name, f"CloudTrail hides the tags in {name}, and the mode depends on them")

    @staticmethod
    def _concerns(rule: Guardrail[Any], name: str, envelope: Mapping[str, Any], reenacted: Reenacted) -> bool:
        if reenacted.blind:
            return any(fnmatchcase(rule.id, each) for each in reenacted.blind)
        return matches(rule.on, envelope) or _is_about(rule, name)

    @staticmethod
    def _settles(name: str, rule: Guardrail[Any], gap: _Gap) -> bool:
        made = re.fullmatch(rf"(Create|Delete){rule.resource.__name__}", name)
        return bool(made) or (name == gap.call and _SETS.match(name) is not None)

    def delivering(self, envelope: Mapping[str, Any], reenacted: Reenacted) -> None:
        """Every guardrail that hears an event that was not re-enacted can not judge what it would look at."""
        self._now = None
        if reenacted.done is False:
            with suppress(EventRejected):
                self._now = gap_of(Event.parse(envelope), reenacted)

    def judged(self, envelope: Mapping[str, Any], outcomes: Iterable[Outcome]) -> list[Outcome]:
        """The outcomes of an event, with what could not be judged among them."""
        found = list(map(self._corrected, outcomes))
        self._ended |= {each.resource for each in found if each.status in {Status.FIXED, Status.UNDONE}}
        if self._now:
            seen = {each.guardrail for each in found}
            account = text(envelope, "account") or ""
            found += [
                Outcome(rule.id, "", Status.UNJUDGED, self._now.why)
                for rule in catalog.guardrails()
                if rule.id not in seen
                and fits(rule.id, self._only)
                and matches(rule.on, envelope)
                and self._settings.on(rule, account)
            ]
        self._now = None
        return found

    def _corrected(self, outcome: Outcome) -> Outcome:
        if outcome.status not in _WITHOUT_A_LOOK:
            return outcome
        gap = self._gaps.get((outcome.guardrail, outcome.resource))
        if gap:
            return replace(outcome, status=Status.UNJUDGED, reason=gap.why)
        if outcome.status == Status.GONE and not self._has_ended(outcome.resource):
            return replace(outcome, status=Status.UNJUDGED, reason=UNSEEN)
        return outcome

    def _has_ended(self, arn: str) -> bool:
        """Whether the log, or a fix, took a resource away, or something that it is part of."""
        return (
            arn in self._ended
            or not self._ended.isdisjoint(re.split(r"[/:]", arn))
            or not self._ended.isdisjoint(_tails(arn))
        )


def gap_of(event: Event, reenacted: Reenacted) -> _Gap | None:
    name = DATED.sub("", event.name)
    if reenacted.done is False:
        return _Gap(name, f"{name} at {event.time:%H:%M:%S} could not be re-enacted: {reenacted.why}")
    if reenacted.blind:
        return _Gap(name, f"CloudTrail hides a part of {name} that this guardrail reads", partly=True)
    return None


def _tails(arn: str) -> Iterator[str]:
    """Names with slashes in them: `/aws/lambda/f`, `team/app`."""
    parts = arn.split("/")
    return ("/".join(parts[number:]) for number in range(1, len(parts)))


@cache
def _noun(name: str) -> str:
    """`GetBucketPolicy` → `bucketpolic`, `ListAttachedRolePolicies` → `rolepolic`: what calls that write and read it share."""
    noun = _VERB.sub("", name, count=1).removeprefix("Attached").lower()
    return noun.removesuffix("ies").removesuffix("y").removesuffix("s")


@cache
def _is_about(rule: Guardrail[Any], name: str) -> bool:
    """Whether a call changes what a guardrail reads, going by their names."""
    noun, read = _noun(name), {_noun(read.partition(":")[2]) for read in rule.reads}
    return bool(noun) and any(noun in each or (len(each) >= _TELLING and each in noun) for each in read)
