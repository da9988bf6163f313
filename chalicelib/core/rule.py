"""The vocabulary of a guardrail's author: `@guardrail`, `@tripwire`, `Fix`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import timedelta
from inspect import cleandoc
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from chalicelib.core.errors import CannotJudge
from chalicelib.core.pattern import SCHEDULED
from chalicelib.core.types import Graded

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Actor, Event
    from chalicelib.core.pattern import Pattern
    from chalicelib.core.resource import Resource
    from chalicelib.core.session import Session
    from chalicelib.core.types import Severity, State

R = TypeVar("R", bound="Resource")


@dataclass(frozen=True, slots=True)
class FixContext:
    """What a fix may use besides the state: the baseline, and who made the change and when, if an event says so."""

    baseline: Baseline
    actor: Actor | None = None
    at: datetime | None = None


class Fix(ABC, Generic[R]):
    """A piece of state of a resource, and how it is made safe. The docstring's first line is shown in chat.

    Undo, preview, approval, bookkeeping and drift checks all come from these three methods.
    """

    document: ClassVar[str]
    """What a write replaces or edits, as in `s3:bucket-policy`: fixes that share one take turns."""
    reads: ClassVar[tuple[str, ...]]
    """IAM actions that `read` needs."""
    writes: ClassVar[tuple[str, ...]]
    """IAM actions that `write` needs, its own reads included."""
    undo_writes: ClassVar[tuple[str, ...]] = ()
    """Those of `writes` that only an undo sends: a role has them that only `act` may assume."""
    reversible: ClassVar[bool] = True
    """Whether `write(before)` puts everything back; if not, it is never run without approval."""
    added: ClassVar[tuple[str, ...]] = ()
    """Keys of the state that records of earlier versions lack: of these, an undo leaves what is there."""
    approval_reads: ClassVar[tuple[str, ...]] = ()
    """IAM actions that `needs_approval` and `undo_refusal` need."""
    settles_within: ClassVar[timedelta] = timedelta()
    """How long AWS says that reads may tell the old state after a write; zero where no page of AWS has a number.

    From the write until then, an old read proves nothing: the record stays under way, at no attempt. A state that
    AWS names while it works is another matter: there `read` raises NotYet. tools/delays.toml has what AWS's pages say.
    """

    @abstractmethod
    def read(self, resource: R, aws: Session) -> State:
        """The present state. If the resource is gone, let AWS's error pass: the engine handles it."""

    @abstractmethod
    def safe(self, state: State, context: FixContext) -> State:
        """What the state should be: the least change that makes it safe. Pure, and `safe(safe(s)) == safe(s)`.

        An equal state says that there is nothing this fix can do; the finding is then reported, not fixed.
        """

    @abstractmethod
    def write(self, resource: R, state: State, aws: Session) -> State | None:
        """Write this state, whatever the present state is. The engine calls it again after a failure halfway.

        Answers what it wrote, where that depends on the moment and so isn't `state`.
        """

    def owner(self, resource: R, state: State) -> str:  # noqa: ARG002
        """The ARN of the document's owner: by default the resource's own."""
        return resource.arn

    def take_back(self, before: State, after: State, now: State) -> State | None:
        """`now` without the edit from `before` to `after`, if others edited it since; None if the edits can't be separated.

        Here: of flat states, each value that the edit changed and that is still as the edit left it.
        """
        flat = all(
            isinstance(value, (str, int, float, type(None)))
            for state in (before, after, now)
            for value in state.values()
        )
        edited = [key for key in before if before[key] != after.get(key)]
        if not flat or before.keys() != now.keys() or any(now[key] != after.get(key) for key in edited):
            return None
        return {**now, **{key: before[key] for key in edited}}

    def still_unsafe(self, resource: R, before: State, aws: Session) -> str | None:  # noqa: ARG002
        """Why the resource is still unsafe after the write, in a part that the guardrail doesn't evaluate."""
        return None

    def needs_approval(self, resource: R, before: State, after: State, actor: Actor, aws: Session) -> str | None:  # noqa: ARG002
        """Why a person is asked first, though the mode is `fix`: it would lock people out, say. Asked only then.

        `actor` did what the event tells of.
        """
        return None

    def undo_refusal(self, resource: R, target: State, aws: Session) -> str | None:  # noqa: ARG002
        """Why AWS would now refuse to write what an undo restores; evaluated before the undo begins."""
        return None

    def touches(self, resource: R, before: State, after: State) -> tuple[Resource | str, ...]:  # noqa: ARG002
        """What a write changes besides the resource, such as a key's user: `never_touch` holds for these too.

        Each as a resource, or by AWS's own ARN, with `*` for a part that no state holds. An undo touches the same.
        """
        return ()

    @property
    def summary(self) -> str:
        return cleandoc(self.__doc__ or type(self).__name__).partition("\n")[0]


@dataclass(frozen=True, eq=False)
class Rule:
    """What guardrails and tripwires share. `id` is `<service>.<file name>`; the docstring is the docs page."""

    id: str
    title: str
    doc: str
    severity: Severity
    on: Pattern
    controls: tuple[str, ...]
    home_only: bool
    """Whether it is about Snapback's own stack: no other account has to forward its events."""

    @property
    def service(self) -> str:
        return self.id.partition(".")[0]

    @property
    def needs_sweep(self) -> bool:
        """Whether the resource can become unsafe without an event, as with time: then only the daily sweep finds it."""
        return SCHEDULED in self.on.get("$or", [self.on])


@dataclass(frozen=True, eq=False)
class Guardrail(Rule, Generic[R]):
    """A question about the present state of one resource: why is it unsafe, or None."""

    evaluate: Callable[[R, Session], str | None]
    resource: type[R]
    reads: tuple[str, ...]
    fix: Fix[R] | None
    opt_in: bool
    grace: timedelta

    def __call__(self, resource: R, aws: Session) -> str | None:
        r"""Why it is unsafe. Half a character in it, from JSON's `"\ud800"`, becomes `?`: no store takes it."""
        try:
            reason = self.evaluate(resource, aws)
        except RecursionError as error:  # boto3 raises it too, when it parses a trust policy.
            raise CannotJudge("its content is nested too deeply to be read") from error
        whole = reason and reason.encode(errors="replace").decode()
        return Graded(whole, reason.severity) if whole and isinstance(reason, Graded) else whole


@dataclass(frozen=True, eq=False)
class Tripwire(Rule):
    """A question about one event that leaves no state to look at. It only alerts."""

    evaluate: Callable[[Event, Baseline], str | None]

    def __call__(self, event: Event, baseline: Baseline) -> str | None:
        return self.evaluate(event, baseline)


def guardrail(
    *,
    severity: Severity,
    resource: type[R],
    on: Pattern,
    reads: tuple[str, ...],
    fix: Fix[R] | None = None,
    controls: tuple[str, ...] = (),
    opt_in: bool = False,
    grace: timedelta = timedelta(),
    home_only: bool = False,
) -> Callable[[Callable[[R, Session], str | None]], Guardrail[R]]:
    """Make a function a guardrail.

    `on` is an event pattern (see `pattern.cloudtrail`), `reads` the IAM actions that the function needs, `controls`
    ids such as "S3.8" (Security Hub) and "CIS-5.0 2.1.4". With `opt_in`, only settings that name this very
    guardrail raise it above `alert`. `grace` is how long after the event it may still become safe by itself: a
    pipeline that makes a thing may need a while to finish it. It is whole minutes, and the settings can change it.
    """

    def made(evaluate: Callable[[R, Session], str | None]) -> Guardrail[R]:
        return Guardrail(
            **_described(evaluate),
            severity=severity,
            on=on,
            controls=controls,
            home_only=home_only,
            evaluate=evaluate,
            resource=resource,
            reads=reads,
            fix=fix,
            opt_in=opt_in,
            grace=grace,
        )

    return made


def tripwire(
    *, severity: Severity, on: Pattern, controls: tuple[str, ...] = (), home_only: bool = False
) -> Callable[[Callable[[Event, Baseline], str | None]], Tripwire]:
    """Make a function a tripwire; it answers why the event is worth telling, or None."""

    def made(evaluate: Callable[[Event, Baseline], str | None]) -> Tripwire:
        return Tripwire(
            **_described(evaluate), severity=severity, on=on, controls=controls, home_only=home_only, evaluate=evaluate
        )

    return made


def _described(function: Callable[..., Any]) -> dict[str, str]:
    if function.__module__.count(".") < 2:  # noqa: PLR2004 - a folder, a service, a name
        raise TypeError(f"{function.__module__}: put it in guardrails/<service>/<name>.py; its ID is made of that")
    _, service, name = function.__module__.rsplit(".", 2)
    if name != function.__name__:
        raise TypeError(f"{function.__module__}: the function must be named like its file, not {function.__name__}")
    doc = cleandoc(function.__doc__ or "")
    if not doc:
        raise TypeError(f"{function.__module__}: the docstring is the docs page and the chat title; write one")
    return {"id": f"{service}.{name}", "title": doc.partition("\n")[0].rstrip("."), "doc": doc}
