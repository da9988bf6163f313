"""Real-shaped events, bent: any field at any depth dropped, replaced by another type or by hostile text, or wrapped."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from tests.support.events import HOME, cloudtrail_event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from chalicelib.core.pattern import Pattern

Path = tuple[str | int, ...]

HOSTILE = (
    "",
    " ",
    "*",
    "/",
    "..",
    "-",
    "x",
    "null",
    "arn:",
    "arn:aws:s3:::",
    "a" * 300,
    "\x00",
    "\u202e",
    "é",
    "\ud800",
    "{{7*7}}",
    "$(id)",
    "'; --",
    "<!channel>",
    "</script>",
    "\x1b[2J",
    "a\r\nINFO forged",
    "%00",
    "../../etc/passwd",
    "arn:aws:s3:us-east-1:999988887777:accesspoint/x",
    "arn:aws:cloudtrail:evil.example/#:123456789012:trail/x",
    "sg-0g0g0g0g",
    "snap-\n",
    "ami-0123456789abcdef0",
    "sha256:zz",
    "123456789012",
    "999988887777",
    "us-east-1",
    "eu-west-1",
    "evil.example#",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "2026-11-23T10:00:00",
    "HIDDEN_DUE_TO_SECURITY_REASONS",
    "****",
    "...",
)
"""Text that CloudTrail never writes, or that is somebody's to choose: it must stay text."""

_OTHERS: tuple[Any, ...] = (None, True, False, 0, -1, 22, 10**40, 1e308, float("nan"), [], {}, [None], [[]], [{}])
_TELLING = {("detail", "requestParameters"), ("detail", "responseElements")}
_KEYS = ("items", "content", "Host", "groupId", "accountId", "type")
_BENT = st.one_of(
    st.sampled_from(HOSTILE),
    st.sampled_from(_OTHERS),
    st.text(max_size=12),
    st.dictionaries(st.sampled_from(_KEYS), st.sampled_from([*HOSTILE, None, 1]), max_size=2),
)
_WRAPPED: tuple[Callable[[Any], Any], ...] = (
    lambda value: [value],
    lambda value: [value, value],
    lambda value: {"items": value},
    lambda value: {"items": [value]},
    lambda value: {"content": value},
    lambda value: {"x": value},
    str,
)


def places(value: Any, at: Path = ()) -> Iterator[Path]:
    """Every field and list element, at any depth."""
    if at:
        yield at
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*at, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*at, index))


def replaced(event: Any, path: Path, value: Any) -> Any:
    """A copy, of which only what is on the way to the field is new."""
    if not path:
        return value
    inner = copy.copy(event)
    inner[path[0]] = replaced(event[path[0]], path[1:], value)
    return inner


@st.composite
def bent(draw: st.DrawFn, events: Sequence[Any], most: int = 3) -> Any:
    """One of the events with one to `most` of its fields bent."""
    event = copy.deepcopy(draw(st.sampled_from(events)))
    for _ in range(draw(st.integers(1, most))):
        found = list(places(event))
        if not found:
            break
        # What names the resource, and how it was answered, is where shapes matter most.
        named = [path for path in found if path[:2] in _TELLING]
        only_named = draw(st.booleans())
        path = draw(st.sampled_from(named if named and only_named else found))
        parent = event
        for key in path[:-1]:
            parent = parent[key]
        how = draw(st.integers(0, 2))
        if how == 0:
            del parent[path[-1]]
        elif how == 1:
            parent[path[-1]] = copy.deepcopy(draw(_BENT))
        else:
            parent[path[-1]] = draw(st.sampled_from(_WRAPPED))(parent[path[-1]])
    return event


def example_of(pattern: Pattern) -> Any:
    """An event that a pattern lets through, in the shape that AWS gives the rest of it."""
    one = pattern.get("$or", [pattern])[0]
    event = cloudtrail_event("signin", "Any", {"userName": "mallory"}, {"ConsoleLogin": "Success"}, account=HOME)
    _fill(event, one)
    return event


def _fill(event: dict[str, Any], pattern: Pattern) -> None:
    for key, asked in pattern.items():
        if isinstance(asked, dict):
            _fill(event.setdefault(key, {}), asked)
        elif asked[0] == {"exists": False}:
            event.pop(key, None)
        else:
            event[key] = _meeting(asked[0])


def _meeting(rule: Any) -> Any:  # noqa: PLR0911 - one for each kind
    """A value that meets one entry of a pattern."""
    match rule:
        case {"prefix": str(start)}:
            return f"{start}signin"
        case {"suffix": str(end)}:
            return f"x{end}"
        case {"wildcard": str(text)}:
            return text.replace("*", "x")
        case {"equals-ignore-case": str(text)}:
            return text
        case {"anything-but": _} | {"exists": True}:
            return "other"
        case {"numeric": [*_, bound]}:
            return bound
    return rule
