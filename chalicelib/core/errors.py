"""What the engine and the core raise."""

from __future__ import annotations

from typing import Literal, TypeAlias

Reason: TypeAlias = Literal["duplicate", "exempt", "busy", "moved", "fighting", "capped"]
"""Why the ledger refuses a step."""


class OutOfTime(Exception):
    """The function would be stopped before a fix is proved; nothing was written, and the event is delivered again."""


class FixFailed(Exception):
    """A write raised and the resource is still unsafe. The record says `failed`, and its message goes out."""


class CannotAct(Exception):
    """A person asked for what can't be done with this record; the text says why, and what to do instead."""


class Drifted(CannotAct):
    """The resource is no longer as we left it; an undo would overwrite what somebody did since."""


class NotBelieved(Exception):
    """An envelope that is no event of AWS about one account; says which field is wrong."""


class NotYet(Exception):
    """What was written is taken, and AWS is still at it, for minutes; raised by `read`, when nobody can say how it ends.

    The record stays under way, and is looked at again every five minutes.
    """


class Refused(Exception):
    """The ledger did not open or move a record; `why` is one of the words below."""

    def __init__(self, why: Reason, record: str = "") -> None:
        super().__init__(f"{why} {record}".strip())
        self.why, self.record = why, record
