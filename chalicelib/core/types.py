"""The words that everything else is made of. Imports nothing from Snapback."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, Self, TypeAlias

State: TypeAlias = Mapping[str, Any]
"""A small JSON object: what a fix reads, makes safe, writes and puts back."""


class Severity(StrEnum):
    """AWS Security Hub's labels, without INFORMATIONAL."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Graded(str):
    """Why a resource is unsafe, where this finding is more or less severe than its guardrail's others."""

    __slots__ = ("severity",)

    def __new__(cls, reason: str, severity: Severity) -> Self:
        made = super().__new__(cls, reason)
        made.severity = severity
        return made

    def __getnewargs__(self) -> tuple[str, Severity]:  # type: ignore[override]
        """For copies, as `asdict` makes them."""
        return str(self), self.severity

    def __add__(self, more: str) -> Graded:
        return Graded(str(self) + more, self.severity)

    severity: Severity


Tone: TypeAlias = Literal["good", "bad", "open", "quiet"]
"""How a status is shown: in green, as a failure, as something that waits for somebody, or as nothing to look at."""


Left: TypeAlias = Literal["open", "asked", "safe", "exempt", "unknown", "judged"]
"""How a status or step leaves what was found: `unknown` is neither safe nor unsafe; `judged` says that another record tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What the engine, channels, pages, exports and the command line need to know of a status."""

    word: str
    """Of a message's headline."""
    said: str
    """What a message says was done: a text with the fields `by`, `note`, `does`, `what` and `error`."""
    tone: Tone
    left: Left
    """How it leaves what was found, in the words of other tools' workflows."""
    under_way: bool = False
    """Someone holds the lock, until their lease runs out; another step follows, and this one is not sent."""
    settled: bool = True
    """Whether the same state seen again would be news."""
    written: bool = True
    """Whether the fix was written; if not, messages say what it would do."""
    undoable: bool = False
    exemptable: bool = False
    on_demand: bool = False
    """Whether a person may have the fix done that nobody asked them about."""
    needs_person: bool = False
    unsafe: bool = False
    """Whether something unsafe is, or may be, still there."""


class Status(StrEnum):
    """found → alerted | asking | fixing → fixed | still_unsafe | failed → undoing → undone; or gone, expired, fighting.

    `unjudged` → expired or gone: Snapback could not check the resource, and now it can.
    `fighting`: fixed so often within a while that somebody must be doing it again; Snapback has stopped. A new status
    is one row here: all who show or judge statuses read its traits.
    """

    traits: Traits

    def __new__(cls, value: str, traits: Traits | None = None) -> Self:
        if traits is None:
            raise TypeError(f"status {value!r} has no traits")
        member = str.__new__(cls, value)
        member._value_ = value
        member.traits = traits
        return member

    ALERTED = (
        "alerted",
        Traits(
            word="alert",
            said="Alert only; nothing was changed{note}.{does}",
            tone="open",
            left="open",
            settled=False,
            written=False,
            exemptable=True,
            on_demand=True,
            unsafe=True,
        ),
    )
    ASKING = (
        "asking",
        Traits(
            word="approval needed",
            said="Nothing changes until somebody approves the fix{note}.{does}",
            tone="open",
            left="asked",
            settled=False,
            written=False,
            exemptable=True,
            needs_person=True,
            unsafe=True,
        ),
    )
    UNJUDGED = (
        "unjudged",
        Traits(
            word="could not check",
            said="Snapback could not check whether the resource is safe. Nothing was changed. Snapback checks again every hour{note}.",
            tone="bad",
            left="unknown",
            settled=False,
            written=False,
            exemptable=True,
            needs_person=True,
            unsafe=True,
        ),
    )
    FIGHTING = (
        "fighting",
        Traits(
            word="fixing stopped",
            said="Snapback has stopped fixing the resource for now{note}.{does}",
            tone="bad",
            left="open",
            written=False,
            exemptable=True,
            on_demand=True,
            needs_person=True,
            unsafe=True,
        ),
    )
    FIXING = (
        "fixing",
        Traits(word="fixing", said="The fix is under way{note}.", tone="open", left="open", under_way=True),
    )
    FIXED = (
        "fixed",
        Traits(
            word="fixed",
            said="Fixed{by} and verified safe{note}.{does}",
            tone="good",
            left="safe",
            undoable=True,
        ),
    )
    STILL_UNSAFE = (
        "still_unsafe",
        Traits(
            word="still unsafe",
            said="The fix was written{by}, but the resource is still unsafe{note}.{does}",
            tone="bad",
            left="open",
            undoable=True,
            exemptable=True,
            on_demand=True,
            unsafe=True,
        ),
    )
    FAILED = (
        "failed",
        Traits(
            word="{what} failed",
            said="The {what}{by} failed{note}: {error}. The resource may be unsafe.",
            tone="bad",
            left="open",
            undoable=True,
            exemptable=True,
            on_demand=True,
            needs_person=True,
            unsafe=True,
        ),
    )
    UNDOING = (
        "undoing",
        Traits(word="undoing", said="The undo is under way{note}.", tone="open", left="open", under_way=True),
    )
    UNDONE = (
        "undone",
        Traits(word="undone", said="Undone{by}: Snapback's change is reversed{note}.", tone="good", left="exempt"),
    )
    GONE = (
        "gone",
        Traits(
            word="gone", said="The resource no longer exists; nothing is left to fix{note}.", tone="quiet", left="safe"
        ),
    )
    EXPIRED = (
        "expired",
        Traits(word="closed", said="Closed{by} without a change{note}.", tone="quiet", left="asked", written=False),
    )


def having(trait: str) -> frozenset[Status]:
    """The statuses that have a trait."""
    return frozenset(status for status in Status if getattr(status.traits, trait))


class Unrecorded(StrEnum):
    """What may become of a guardrail and a resource without a record of its own; `gone` is a `Status` too."""

    COMPLIANT = "compliant"
    OFF = "off"
    EXEMPT = "exempt"
    DUPLICATE = "duplicate"
    WAITING = "waiting"


UNDER_WAY = having("under_way")
REFUSED = "refused"
"""A step without a change: somebody without permission tried to decide."""
REMINDED, ESCALATED = "reminded", "escalated"
"""Steps without a change: a reminder of a question, and its escalation to more people."""
SECOND_WANTED = "second_wanted"
"""A step without a change: it may be the decider's own change, so a second person must decide too."""
SHOWN = "undo_shown"
"""A step without a change: somebody asked for an undo, others have changed the resource too, and Snapback showed what the undo would write."""
ASIDE = frozenset({REFUSED, REMINDED, ESCALATED, SECOND_WANTED, SHOWN})
"""Steps by which nothing changed."""
ACTIONS = ("approve", "fix", "retry", "undo", "undo-anyway", "exempt")
"""What a person may ask for about a record: `fix` what is only reported, `retry` a fix that failed; `undo-anyway` is the
undo that was shown, beside others' changes."""
Close: TypeAlias = Literal["", "safe", "exempt", "unanswered", "judged"]
"""Why a step closed a question without a fix; `judged`: what could not be seen was, and another record tells of it."""


class Mode(StrEnum):
    """How far a guardrail may go, weakest first."""

    OFF = "off"
    ALERT = "alert"
    ASK = "ask"
    FIX = "fix"


def weakest(*modes: Mode) -> Mode:
    return min(modes, key=list(Mode).index)
