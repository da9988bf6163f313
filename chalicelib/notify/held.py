"""A message that waits for its channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.notify.message import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A message that waits for its channel until `due` (ISO 8601, UTC).

    `batch` is what it is summed up with then, if with anything; `origin` the channel that it was first meant for.
    """

    channel: str
    message: Message
    due: str
    batch: str = ""
    origin: str = ""

    @property
    def order(self) -> tuple[str, str, int]:
        return self.message.at, self.message.record, self.message.step
