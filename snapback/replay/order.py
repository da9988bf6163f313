"""Records of one second, in an order that makes sense: CloudTrail's times are seconds, and its files are in no order."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Any

from chalicelib.core.event import DATED, dig, text
from snapback.replay.aliases import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from snapback.replay.kept import Entry

_MAKES = re.compile(r"(Create|Run|Register|Allocate|Import)([A-Z]\w*)")
_ENDS = re.compile(r"Delete|Terminate|Deregister|Release")
_MOST = 2000
"""Records of one second that are looked through; more than that keep their order."""


def sensible(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Entries in time order; within a second, what makes a thing comes before the first that uses it."""
    for _, group in groupby(entries, key=lambda entry: entry.time.replace(microsecond=0)):
        together = list(group)
        yield from _makers_first(together) if 1 < len(together) <= _MOST else together


def _makers_first(entries: list[Entry]) -> list[Entry]:
    details = [dig(entry.envelope, "detail") for entry in entries]
    made = [_made(detail) for detail in details]
    if not any(made):
        return entries
    used = [_used(detail) for detail in details]
    order: list[int] = []
    for number, names in enumerate(made):
        users = [place for place, other in enumerate(order) if names & (used[other] - made[other])] if names else []
        order.insert(users[0] if users else len(order), number)
    return [entries[number] for number in order]


def _made(detail: Any) -> set[str]:
    """What a call makes: by the parameter that carries its noun, as `roleName` of `CreateRole`, and by the answer's ids."""
    found = _MAKES.fullmatch(DATED.sub("", text(detail, "eventName") or ""))
    if not found or text(detail, "errorCode"):
        return set()
    noun, asked = fold(found[2]), dig(detail, "requestParameters")
    pairs = asked.items() if isinstance(asked, dict) else ()
    named = {value for key, value in pairs if isinstance(value, str) and fold(str(key)).startswith(noun)}
    return {name for name in {*named, *_ids(dig(detail, "responseElements"), noun)} if len(name) > 1}


def _ids(answer: Any, noun: str) -> Iterator[str]:
    if isinstance(answer, dict):
        for key, value in answer.items():
            if isinstance(value, str) and fold(str(key)) in {f"{noun}id", f"{noun}arn", "arn", "groupid", "instanceid"}:
                yield value
            else:
                yield from _ids(value, noun)
    elif isinstance(answer, list):
        for each in answer:
            yield from _ids(each, noun)


def _used(detail: Any) -> set[str]:
    """Names in the request of a call, unless it ends what it names."""
    if _ENDS.match(text(detail, "eventName") or ""):
        return set()
    return set(texts(dig(detail, "requestParameters")))


def texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, and the last part of each path and ARN."""
    if isinstance(value, str):
        yield value
        yield re.split(r"[/:]", value)[-1]
    elif isinstance(value, dict):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)
