"""What the engine needs from the world outside; `aws` fills it in."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, TypedDict, Unpack

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from chalicelib.core.event import Actor
    from chalicelib.core.record import Record
    from chalicelib.core.session import Session
    from chalicelib.core.settings import Limits
    from chalicelib.core.types import Close, Severity, State, Status


class Sessions(Protocol):
    """Where sessions come from."""

    def reader(self, account: str, region: str) -> Session:
        """A fresh reader session: it remembers nothing of an earlier one."""

    def writer(self, account: str, region: str, record: str, service: str, *, undo: bool = False) -> Session:
        """A session that may write what the fixes of a service folder do, for one record.

        With `undo`, what the undos do of those fixes that have `undo_writes`.
        """


class Changed(TypedDict, total=False):
    """What of a record a step may change besides its status and history."""

    actor: Actor
    after: State | None
    attempts: int
    before: State | None
    calls: tuple[str, ...]
    covered_by: str
    document: str
    error: str
    reason: str
    undone: State | None


OTHERS = "others"
"""The cause in place of each that there are too many of."""


class Standing(NamedTuple):
    """A cause that keeps something from being judged: the record that stands for it, the ARN which that is about, and how severe.

    `times` counts what has no record of its own, `counted_at` is when the last was counted, and `arns` are the first few.
    """

    record: str
    arn: str
    severity: Severity | None = None
    exempt_until: datetime | None = None
    times: int = 0
    counted_at: datetime | None = None
    actions: tuple[str, ...] = ()
    arns: tuple[str, ...] = ()


class Causes(Protocol):
    """Why something can't be judged, in items of their own: so that thousands of refusals make few records.

    `service` is the folder of the guardrail that met it.
    """

    def begin(self, service: str, cause: str, record: str, arn: str, severity: Severity) -> Standing:
        """The cause, for which `record` stands from now on, unless another does that is as severe.

        Raises StepRefused("capped") above 77 such records a day.
        """

    def has_room(self, service: str, record: str) -> bool:
        """Whether a record of its own may stand beside the one that stands for the cause: today's first 20 may.

        Asked again about the same record, the answer is the same: an event is delivered more than once.
        """

    def count(
        self, service: str, cause: str, times: int, actions: Collection[str], arns: Collection[str] = ()
    ) -> None: ...

    def get(self, service: str, cause: str) -> Standing | None: ...

    def end(self, service: str, cause: str, record: str) -> None:
        """The next refusal begins it anew; nothing happens where another record stands for it."""

    def exempt(self, service: str, cause: str, until: datetime) -> None: ...


class Ledger(Protocol):
    """The table of records; each method is one conditional write or one read."""

    @property
    def causes(self) -> Causes: ...

    def open(self, record: Record, event_time: datetime, limits: Limits) -> Record:
        """Write a new record and take its lock.

        Answers the record as it stands: the one given, or an earlier one of the same id whose holder failed or
        died, now ours, with the `before` that it first wrote. Raises StepRefused: `duplicate` (this event, or this
        very state, is on record), `exempt` (exempt since an undo or a person's click), `busy` (someone holds the
        lock), `fighting` (it was fixed as often as the limits allow).
        """

    def count_fix(self, record: Record, limits: Limits) -> None:
        """Count a fix of this guardrail in this account and minute. Raises Refused("capped") above the limit."""

    def move(
        self,
        record: Record,
        status: Status,
        *,
        by: str,
        note: str = "",
        why: Close = "",
        looked_at: datetime | None = None,
        exempt_until: datetime | None = None,
        holding: bool = False,
        **changed: Unpack[Changed],
    ) -> Record:
        """One step of a record's life. Raises StepRefused("moved") when it is no longer as `record` says.

        A step to a status under way takes the lock, or, `holding` it, needs it to be still the record's.
        """

    def paused(self) -> str:
        """Who paused all writes, when and why, or nothing; at most half a minute old."""

    def note(self, record: Record, *, by: str, note: str, what: str = ..., offered: str = ...) -> Record:
        """Add a step to the history by which nothing changes, one of `record.ASIDE`. Raises StepRefused("moved") when the record moved on."""

    def get(self, id: str) -> Record | None: ...

    def last_of(self, slot: str) -> Record | None:
        """The latest record of a slot, whatever became of it; as `former` answers."""

    def former(self, id: str) -> Record | None:
        """The record that a slot names, if this version and this function can read it."""

    def known(self, id: str) -> Record | None:
        """A record, if it is there and this version can read it; one that can't be read is logged."""

    def records(self, *statuses: Status) -> Iterable[Record]:
        """All of these statuses, or all."""

    def undo_begun(self, record: Record) -> bool:
        """Whether the undo that a record is under way with was begun by `move`, by whoever may, as it stands."""

    def fixed(self, document: str) -> list[str]:
        """The latest records whose fixes wrote a document, the latest first; some may be undone already."""


class WhoChanged(Protocol):
    """Who last wrote to a resource since a time, as far as the trail can tell; None when it can't."""

    def __call__(self, record: Record, since: datetime) -> Actor | None: ...
