"""Whether the settings allow a write. Every write asks here: fix, approval, undo, recovery and retry.

What a person exempted by an undo or a click stands on the ledger's slot: the transaction that begins a fix asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from chalicelib.core.arns import without_path
from chalicelib.core.resource import Resource
from chalicelib.core.rule import Guardrail, Rule
from chalicelib.core.types import Mode, weakest
from chalicelib.engine.refusal import refusal_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from chalicelib.core.event import Actor
    from chalicelib.core.session import Session
    from chalicelib.core.settings import Settings
    from chalicelib.engine.context import Context

Why: TypeAlias = Literal["", "exempt", "off", "trouble", "alert", "never_touch", "ask", "paused", "approval"]
"""What weakened the mode; `alert` and `ask` are the settings' or the guardrail's own choice."""


class Act(Enum):
    """What is about to be written, and by whose will."""

    FIX = auto()
    """By Snapback's own will: all is asked."""
    APPROVED_FIX = auto()
    """By a person's: the mode only matters when it is off, and no approval is wanting."""
    UNDO = auto()
    """By a person's: it takes Snapback's own work away, whatever mode and exemptions say."""
    RECOVERED_UNDO = auto()
    """As a person began it, but not while the settings can't be read."""


_FIXES = {Act.FIX, Act.APPROVED_FIX}


class Permit(NamedTuple):
    """The mode that is left, and what weakened it, in words for people."""

    mode: Mode
    why: Why = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What the settings are asked about, as AWS shows it."""

    rule: Rule
    resource: Resource
    names: tuple[tuple[str, ...], ...]
    """The ARNs that the resource goes by, AWS's own first; then those of each thing that the fix changes besides."""
    tags: Mapping[str, str] = field(default_factory=dict)
    before: Any = None
    after: Any = None
    reader: Session | None = None

    @property
    def own_arn(self) -> str:
        """AWS's own ARN, where it isn't the one that records have."""
        own = self.names[0][0]
        return "" if own == self.resource.arn else own


def without_state(rule: Rule, resource: Resource) -> Subject:
    """What a tripwire speaks of: nothing is read, and no fix follows."""
    return Subject(rule=rule, resource=resource, names=((resource.arn,),))


def look_up(
    settings: Settings, rule: Guardrail[Any], resource: Resource, states: tuple[Any, Any], reader: Session
) -> Subject:
    """Read what the settings ask for; `states` are what is there and what is to be, None without a fix.

    The resource being gone is the caller's business, as with a guardrail's reads.
    """
    before, after = states
    touched = rule.fix.touches(resource, before, after) if rule.fix else ()
    return Subject(
        rule=rule,
        resource=resource,
        names=tuple(names_of(each, reader) for each in (resource, *touched)),
        tags=resource.tags(reader) if settings.needs_tags(rule.id) or settings.recorded_tags else {},
        before=before,
        after=after,
        reader=reader,
    )


def permit(context: Context, subject: Subject, actor: Actor, act: Act) -> Permit:
    """How far Snapback may go with this subject: a write is allowed only by the mode `fix`."""
    return next(_weakened(context, subject, actor, act), Permit(Mode.FIX))


def _weakened(context: Context, subject: Subject, actor: Actor, act: Act) -> Iterator[Permit]:
    """What keeps Snapback from writing; the first counts, and what comes after it is not asked."""
    settings, rule = context.settings, subject.rule
    mode = settings.mode_of(rule, subject.resource.account, subject.tags)
    if act in _FIXES:
        if exempt := settings.exemption(rule.id, subject.names[0], actor, context.now()):
            yield Permit(Mode.OFF, "exempt", f"exempt until {exempt.expires} by {exempt.owner}: {exempt.reason}")
        if mode is Mode.OFF:
            yield Permit(Mode.OFF, "off", f"{rule.id} is off in the settings")
    if settings.trouble and act is not Act.UNDO:
        yield Permit(Mode.ALERT, "trouble", settings.trouble)
    mode = _allowed(settings, subject, mode) if act is Act.FIX else Mode.FIX
    if mode is Mode.ALERT:
        yield Permit(mode, "alert")
    if never := settings.never(*subject.names):
        yield Permit(Mode.ALERT, "never_touch", never)
    if mode is Mode.ASK:
        yield Permit(mode, "ask")
    if paused := context.ledger.paused():
        yield Permit(Mode.ASK, "paused", f"all writes are {paused}; `snapback resume` resumes them")
    if act is Act.FIX and (doubt := _doubt(subject, actor)):
        yield Permit(Mode.ASK, "approval", doubt)


def names_of(thing: Resource | str, reader: Session) -> tuple[str, ...]:
    """The ARNs that settings may know it by: AWS's own, and those without a path."""
    names = thing.arns(reader) if isinstance(thing, Resource) else (thing,)
    return tuple(dict.fromkeys([*names, *map(without_path, names)]))


def _allowed(settings: Settings, subject: Subject, mode: Mode) -> Mode:
    """The mode after the rule's own limits. Where the fix would change nothing, it is an alert."""
    rule = subject.rule
    if not isinstance(rule, Guardrail) or subject.after == subject.before:
        return weakest(mode, Mode.ALERT)
    return settings.allowed(rule, mode)


def _doubt(subject: Subject, actor: Actor) -> str | None:
    rule = subject.rule
    assert isinstance(rule, Guardrail)
    assert rule.fix is not None
    assert subject.reader is not None
    try:
        return rule.fix.needs_approval(subject.resource, subject.before, subject.after, actor, subject.reader)
    except Exception as error:
        if refusal := refusal_of(error, rule, subject.resource):
            return f"Snapback can't check whether the fix would do harm: {refusal.why(f'guard_{rule.service}')}"
        raise
