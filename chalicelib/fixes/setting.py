"""Settings of a resource that are put to their safe value; an undo puts the former value back."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from chalicelib.core.rule import Fix, FixContext, R

if TYPE_CHECKING:
    from chalicelib.core.types import State


class Setting(Fix[R]):
    """Settings with one safe value each: `read` answers them, and `write` writes those that it is given."""

    wanted: ClassVar[State]
    """The safe values. What else the state holds stays as it is."""

    def safe(self, state: State, context: FixContext) -> State:
        return {**state, **self.wanted}
