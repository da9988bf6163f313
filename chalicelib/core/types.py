"""The words that everything else is made of. Imports nothing of ours."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeAlias

State: TypeAlias = Mapping[str, Any]
"""A small JSON object: what a fix reads, makes safe, writes and puts back."""


class Severity(StrEnum):
    """AWS Security Hub's labels, without INFORMATIONAL."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class Status(StrEnum):
    """found → alerted | asking | fixing → fixed | still_unsafe | failed → undoing → undone; or gone, expired, fighting.

    `fighting`: fixed so often within a while that somebody must be doing it again; Snapback has stopped.
    """

    ALERTED = "alerted"
    ASKING = "asking"
    FIGHTING = "fighting"
    FIXING = "fixing"
    FIXED = "fixed"
    STILL_UNSAFE = "still_unsafe"
    FAILED = "failed"
    UNDOING = "undoing"
    UNDONE = "undone"
    GONE = "gone"
    EXPIRED = "expired"


UNDER_WAY = frozenset({Status.FIXING, Status.UNDOING})
"""Someone holds the lock, until their lease runs out."""
REFUSED = "refused"
"""A step by which nothing changed: somebody wanted to decide who may not."""
REMINDED, ESCALATED = "reminded", "escalated"
"""Steps by which nothing changed: a question was asked again, and asked of more people."""
ASIDE = frozenset({REFUSED, REMINDED, ESCALATED})
"""Steps by which nothing changed."""
UNDOABLE = frozenset({Status.FIXED, Status.STILL_UNSAFE, Status.FAILED})


class Mode(StrEnum):
    """How far a guardrail may go, weakest first."""

    OFF = "off"
    ALERT = "alert"
    ASK = "ask"
    FIX = "fix"


def weakest(*modes: Mode) -> Mode:
    return min(modes, key=list(Mode).index)
