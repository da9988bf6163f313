"""One message for many."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.core.types import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.notify.message import Message

SHOWN = 30
"""Lines of a summary; what is more is counted in a last one."""
_SEVERITIES = ("low", "medium", "high", "critical")


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Many messages in one. All text is on one line, without secrets and invisible characters, and not escaped.

    `lines` are a part of them, `count` and `messages` (their ids) all; `records` are the ids of their records, `since`
    is when the first one was meant to be sent (ISO 8601), `commands` are what a person may do, by name.
    """

    headline: str
    severity: str
    lines: tuple[str, ...]
    count: int
    messages: tuple[str, ...]
    records: tuple[str, ...]
    since: str
    commands: dict[str, str]
    shown: tuple[Message, ...] = ()
    """The messages that the lines are of, in the same order."""

    @property
    def id(self) -> str:
        """Equal for each delivery of the same summary."""
        return f"sum-{hashlib.blake2b(' '.join(sorted(self.messages)).encode(), digest_size=8).hexdigest()}"

    @property
    def text(self) -> str:
        """All of it as plain text, for channels that know no more."""
        commands = (f"To {name}: {command}" for name, command in self.commands.items())
        return "\n".join([self.headline, "", *self.lines, "", *commands])


def summary_of(messages: Sequence[Message]) -> Summary:
    """One message for many, with the questions first: they are what a person has to answer."""
    asking = [message for message in messages if message.status == Status.ASKING]
    titles = Counter(message.finding for message in messages).most_common()
    kinds = ", ".join(f"{count} x {title}" for title, count in titles[:3])
    kinds += f", and {sum(count for _, count in titles[3:])} others" if titles[3:] else ""
    accounts = {message.shown_account for message in messages}
    where = f" in account {next(iter(accounts))}" if len(accounts) == 1 else f" in {len(accounts)} accounts"
    severity = max((message.severity for message in messages), key=_SEVERITIES.index)
    listed = [*asking, *(message for message in messages if message.status != Status.ASKING)]
    lines = [_line_of(message) for message in listed[:SHOWN]]
    if len(listed) > SHOWN:
        lines.append(f"… and {len(listed) - SHOWN} more")
    commands = {"see all": "snapback records", "see one": "snapback show RECORD"}
    if asking:
        commands |= {"see all questions": "snapback records --status asking", "approve one": "snapback approve RECORD"}
    return Summary(
        headline=f"{severity.upper()} · {len(messages)} messages: {kinds}{where}",
        severity=severity,
        lines=tuple(lines),
        count=len(messages),
        messages=tuple(message.id for message in messages),
        records=tuple(dict.fromkeys(message.record for message in messages)),
        since=min(message.at for message in messages),
        commands=commands,
        shown=tuple(listed[:SHOWN]),
    )


def _line_of(message: Message) -> str:
    what = next(iter(message.commands.values()))
    return f"{message.symbol} {message.heading(150)} · {message.region} · {what}"
