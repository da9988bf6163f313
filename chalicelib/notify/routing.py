"""Who gets messages about a record, when, and how many. Pure: the outbox does what is decided here."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, time, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from chalicelib.core.types import ESCALATED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from chalicelib.core.record import Record
    from chalicelib.core.settings import Direct, Quiet, Settings
    from chalicelib.notify.held import Held


SUMMARY = time(8)
"""Of each day, in UTC."""
NEVER_QUIET = frozenset({"high", "critical"})
FIRST_PAUSE, LONGEST_PAUSE = 30.0, 600.0
"""Seconds that a channel rests after its first failure, and at most when it doesn't say how long."""
LONGEST_ASKED = 3600.0
"""Seconds that a channel rests at most, whatever it asks for."""
_ADDRESS = re.compile(r"[a-z0-9.!$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9.-]{1,190}")


def recipients(record: Record, settings: Settings, channels: Iterable[str]) -> tuple[str, ...]:
    """The names of those who get a record's latest step; `channels` are all that there are.

    Those of the first route that fits, or all; those that a question was escalated to, from then on; and, as
    `<channel>@<address>`, the people who get direct messages.
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
    """The e-mail addresses of those who get direct messages, in lower case, of our own domains only.

    Whoever starts a session names it and whoever sets a tag chooses its value: they choose who gets a message, nothing more.
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


def next_summary(now: datetime) -> datetime:
    """When the daily summary of what can't be judged is next sent."""
    today = datetime.combine(now.astimezone(UTC).date(), SUMMARY, UTC)
    return today if now < today else today + timedelta(days=1)


def backoff(channel: str, tries: int, asked: float) -> float:
    """Seconds that a channel is left alone after so many failures: twice as long each time, and as long as it asks for.

    Up to a half of it is left out, by the channel's name, so that those which failed together don't come together.
    """
    digest = hashlib.blake2b(f"{channel} {tries}".encode(), digest_size=2).digest()
    longest = min(FIRST_PAUSE * float(2 ** min(tries - 1, 10)), LONGEST_PAUSE)
    return max(longest * (1 - int.from_bytes(digest) / 131072), min(asked, LONGEST_ASKED))


def batches(held: Iterable[Held], room: int) -> list[tuple[Held, ...]]:
    """What is due, as it is sent: each tuple is one message, or the summary of many.

    What waits to be summed up with others is; of the others, as many as there is room for are sent by themselves, and what is
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
