"""Whom a record is told, when, and in how many messages. Pure: the outbox does what is decided here."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from chalicelib.analysis.text import cut
from chalicelib.core.types import ESCALATED, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from chalicelib.core.record import Record
    from chalicelib.core.settings import Direct, Quiet, Settings
    from chalicelib.notify.held import Held
    from chalicelib.notify.message import Message


NEVER_QUIET = frozenset({"high", "critical"})
SHOWN = 30
"""Lines of a summary; what is more is counted in a last one."""
FIRST_PAUSE, LONGEST_PAUSE = 30.0, 600.0
"""Seconds that a channel rests after its first failure, and at most when it doesn't say how long."""
LONGEST_ASKED = 3600.0
"""Seconds that a channel rests at most, whatever it asks for."""
_SEVERITIES = ("low", "medium", "high", "critical")
_ADDRESS = re.compile(r"[a-z0-9.!$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9.-]{1,190}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Many messages in one. All text is on one line, without secrets and invisible characters, and not escaped.

    `lines` are a part of them, `count` and `messages` (their ids) all; `records` are the ids of their records, `since`
    is when the first one was meant to be told (ISO 8601), `commands` are what a person may do, by name.
    """

    headline: str
    severity: str
    lines: tuple[str, ...]
    count: int
    messages: tuple[str, ...]
    records: tuple[str, ...]
    since: str
    commands: dict[str, str]

    @property
    def id(self) -> str:
        """Equal for each delivery of the same summary."""
        return f"sum-{hashlib.blake2b(' '.join(sorted(self.messages)).encode(), digest_size=8).hexdigest()}"

    @property
    def text(self) -> str:
        """All of it as plain text, for channels that know no more."""
        commands = (f"To {name}: {command}" for name, command in self.commands.items())
        return "\n".join([self.headline, "", *self.lines, "", *commands])


def recipients(record: Record, settings: Settings, channels: Iterable[str]) -> tuple[str, ...]:
    """The names of those who are told of a record's latest step; `channels` are all that there are.

    Those of the first route that fits, or all; those that a question was escalated to, from then on; and, as
    `<channel>@<address>`, the people who are told directly.
    """
    fitting = (
        route.channels
        for route in settings.routes
        if fnmatchcase(record.guardrail, route.guardrail)
        and (not route.accounts or record.account in route.accounts)
        and (not route.severities or record.severity in route.severities)
        and all(key in record.tags and fnmatchcase(record.tags[key], glob) for key, glob in route.tags.items())
    )
    names = next(fitting, tuple(channels))
    escalated = settings.asking.escalate_to if any(step.status == ESCALATED for step in record.history) else ()
    direct = settings.direct
    people = (f"{direct.via}@{address}" for address in addresses(record, direct)) if direct else ()
    return tuple(dict.fromkeys((*names, *escalated, *people)))


def addresses(record: Record, direct: Direct) -> tuple[str, ...]:
    """The e-mail addresses of those who are told directly, in lower case, of our own domains only.

    Whoever starts a session names it and whoever sets a tag chooses its value: they choose who is told, nothing more.
    """
    named = [(record.actor.session, False)] if direct.actor else []
    named += [(record.tags[key], True) for key in direct.tags if key in record.tags]
    found: list[str] = []
    for name, short in named:
        address = name.strip().lower()
        if short and address and "@" not in address:
            address = f"{address}@{direct.domains[0]}"
        if _ADDRESS.fullmatch(address) and address.partition("@")[2] in direct.domains:
            found.append(address)
    return tuple(dict.fromkeys(found))


def quiet_until(severity: str, quiet: Quiet | None, now: datetime) -> datetime | None:
    """When the quiet hours end that a finding of this severity waits for; None when it doesn't wait."""
    if quiet is None or severity not in quiet.severities or severity in NEVER_QUIET:
        return None
    from zoneinfo import ZoneInfo

    local = now.astimezone(ZoneInfo(quiet.zone))
    start, end = (time.fromisoformat(each) for each in (quiet.start, quiet.end))
    at = local.time()
    if not (start <= at < end if start < end else at >= start or at < end):
        return None
    day = local.date() if at < end else local.date() + timedelta(days=1)
    # Of an hour that comes twice, as clocks go back, the second one: the end is never before now.
    return datetime.combine(day, end, local.tzinfo).replace(fold=1).astimezone(now.tzinfo)


def backoff(channel: str, tries: int, asked: float) -> float:
    """Seconds that a channel is left alone after so many failures: twice as long each time, and as long as it asks for.

    Up to a half of it is left out, by the channel's name, so that those which failed together don't come together.
    """
    digest = hashlib.blake2b(f"{channel} {tries}".encode(), digest_size=2).digest()
    longest = min(FIRST_PAUSE * float(2 ** min(tries - 1, 10)), LONGEST_PAUSE)
    return max(longest * (1 - int.from_bytes(digest) / 131072), min(asked, LONGEST_ASKED))


def batches(held: Iterable[Held], room: int) -> list[tuple[Held, ...]]:
    """What is due, as it is told: each tuple is one message, or the summary of many.

    What waits to be summed up with others is; of the rest, so much as there is room for is told by itself, and what is
    over that is summed up, so that nothing waits for long and no channel is flooded.
    """
    ordered = sorted(held, key=lambda each: each.order)
    together = _by(lambda each: (each.channel, each.batch), (each for each in ordered if each.batch))
    alone = [each for each in ordered if not each.batch]
    left = max(room - len(together), 1)
    if len(alone) > left:
        together += _by(lambda each: (each.channel, ""), alone[left - 1 :])
        alone = alone[: left - 1]
    return sorted([*together, *((each,) for each in alone)], key=lambda each: each[0].order)


def _by(key: Callable[[Held], tuple[str, str]], held: Iterable[Held]) -> list[tuple[Held, ...]]:
    """Groups, of which each keeps its order."""
    groups: dict[tuple[str, str], list[Held]] = {}
    for each in held:
        groups.setdefault(key(each), []).append(each)
    return [tuple(group) for group in groups.values()]


def summary_of(messages: Sequence[Message]) -> Summary:
    """One message for many, with the questions first: they are what a person has to answer."""
    asking = [message for message in messages if message.status == Status.ASKING]
    titles = Counter(message.title for message in messages).most_common()
    kinds = ", ".join(f"{count} x {title}" for title, count in titles[:3])
    kinds += f", and {sum(count for _, count in titles[3:])} others" if titles[3:] else ""
    accounts = {message.account for message in messages}
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
    )


def _line_of(message: Message) -> str:
    what = "approve" if message.status == Status.ASKING else "show"
    where = f"{cut(message.resource, 200)} ({message.account}, {message.region})"
    return f"{message.headline} · {where} · snapback {what} {message.record}"
