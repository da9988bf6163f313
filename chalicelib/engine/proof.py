"""What is there after a write: what the guardrail says of it, what of it can't be judged, and the state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.core.errors import CannotJudge
from chalicelib.engine.context import describe_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.core.record import Record
    from chalicelib.core.resource import Resource
    from chalicelib.core.rule import Guardrail
    from chalicelib.core.session import Session
    from chalicelib.engine.context import Context


def judged(
    rule: Guardrail[Any], resource: Resource, record: Record, reader: Session, *, written: bool = True
) -> tuple[str | None, CannotJudge | None]:
    """Why it is unsafe, and what of it can't be judged. Once it is written, also where the guardrail doesn't look."""
    assert rule.fix is not None
    assert record.before is not None
    unjudged: CannotJudge | None = None
    try:
        reason = rule(resource, reader)
    except CannotJudge as error:
        reason, unjudged = None, error
    if written and reason is None:
        reason = rule.fix.still_unsafe(resource, record.before, reader)
    return reason, unjudged


def proved(
    context: Context, rule: Guardrail[Any], resource: Resource, record: Record, pauses: Sequence[float], written: Any
) -> tuple[str | None, CannotJudge | None, Any]:
    """What `judged` says, and the state: looked at again while either is not as it was written."""
    fix = rule.fix
    assert fix is not None

    def read() -> tuple[str | None, CannotJudge | None, Any]:
        reader = context.reader(resource)
        return *judged(rule, resource, record, reader), fix.read(resource, reader)

    return context.settled(read, lambda found: (found[0], found[2]) == (None, written), pauses)


def as_far_as(unjudged: CannotJudge | None) -> list[str]:
    """What a record's note says of what can't be judged beside what was fixed."""
    return [f"as far as Snapback can check: {describe_error(unjudged).partition(': ')[2]}"] if unjudged else []
