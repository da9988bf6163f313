"""What an analysis may cost, in counted steps: the same whatever the machine, and whatever was judged before."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from chalicelib.core.errors import CannotJudge

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEFT: ContextVar[list[int] | None] = ContextVar("_LEFT", default=None)


@contextmanager
def bounded(steps: int) -> Iterator[None]:
    """Within, `spend` has that much in all; an analysis within another one has what that one has left."""
    if _LEFT.get() is not None:
        yield
        return
    token = _LEFT.set([steps])
    try:
        yield
    finally:
        _LEFT.reset(token)


def spend(steps: int) -> None:
    """Raises CannotJudge when the analysis has spent more than it has; outside of one, nothing is counted."""
    left = _LEFT.get()
    if left is None:
        return
    left[0] -= steps
    if left[0] < 0:
        raise CannotJudge("its policies are too long or complex to judge; simplify them")
