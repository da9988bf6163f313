"""Whether several Deny statements together cover what an Allow statement allows. Pure.

A statement is a box over the action, the resource and one dimension a condition key. What is allowed is uncovered if
each Deny can be escaped in one of its dimensions, so that all escapes hold together; names are languages of globs. The
document has a budget: what can't be decided within it counts as not covered, and `Search.undecided` says so.

Addresses, numbers and dates are texts of bits here, their ranges globs with a mark before them, and dimensions of their
own beside the key's texts. A glob that ignores case has a mark too.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar, cast

from chalicelib.analysis.policy_document import ALWAYS_PRESENT

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from chalicelib.analysis.policy_document import Condition, Statement

STEPS = 20_000
"""States of globs that are walked through for one document, and what else takes as long: a tenth of a second."""
_NODE = 10
"""Steps that an escape costs by itself."""
_OTHER = "\U0010ffff"
"""Stands for every character that no glob names."""
_CASELESS = frozenset({"Action"})
_ANY_CASE, _ADDRESS, _NUMBER = "\0\1\2"
"""Marks; no policy may hold these characters."""
_BITS = 40
"""Of a number: twice a whole one, so that what lies between two is a value of its own."""
_ALL = {_ADDRESS: (_ADDRESS + "0" + "?" * 32, _ADDRESS + "1" + "?" * 128), _NUMBER: (_NUMBER + "?" * _BITS,)}
_ONE_OF, _OF_ADDRESS, _OF_NUMBER = "one of ", "address ", "number "
"""What the names of dimensions beside a key's own begin with."""
_ORDERS = ("lessthanequals", "greaterthanequals", "lessthan", "greaterthan", "equals")


T = TypeVar("T")


class Names(NamedTuple):
    """A set of texts: those that fit a glob of each group, and none of `but`; and whether a key may be missing."""

    groups: tuple[tuple[str, ...], ...] = ()
    but: tuple[str, ...] = ()
    present: bool = True
    absent: bool = True

    def meeting(self, other: Names) -> Names:
        return Names(
            self.groups + other.groups,
            self.but + other.but,
            self.present and other.present,
            self.absent and other.absent,
        )

    def without(self, other: Names) -> Names:
        """`other` has one group, or just `but`, or says only whether the key is there."""
        absent = self.absent and not other.absent
        if not other.present:
            return self._replace(absent=absent)
        if not other.groups and not other.but:
            return self._replace(present=False, absent=absent)
        return Names(
            self.groups + ((other.but,) if other.but else ()), self.but + sum(other.groups, ()), self.present, absent
        )


Constraint: TypeAlias = "tuple[str, Names]"
Box: TypeAlias = "Mapping[str, Names]"
_EVERYTHING = Names()
_BOOLEAN = ("aws:multifactorauthpresent", "aws:principalisawsservice", "aws:securetransport", "aws:viaawsservice")
_DOMAINS = {key: Names(absent=False) for key in ALWAYS_PRESENT} | {
    key: Names((("true", "false"),), absent=key not in ALWAYS_PRESENT) for key in _BOOLEAN
}
"""What requests may hold of a key, where that isn't everything."""


def names(statement: Statement) -> list[Constraint]:
    """What its Action and Resource say; nothing of one that it doesn't have, as a trust policy has no Resource."""
    found = []
    for element in ("Action", "Resource"):
        if {element, f"Not{element}"} & statement.raw.keys():
            inverted, patterns = statement.names(element)
            globs = tuple(each.lower() if element in _CASELESS else each for each in patterns)
            found.append((element, Names(but=globs, absent=False) if inverted else Names((globs,), absent=False)))
    return found


def caller(kind: str, value: str) -> list[Constraint]:
    """What the keys about a caller hold when it is this principal, which isn't a pattern; nothing where that isn't known.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principal-properties
    """
    if kind == "Service":
        return [("aws:principalisawsservice", _exactly("true")), ("aws:principalorgid", Names(present=False))]
    found = re.fullmatch(
        r"(?:arn:[a-z-]+:(?:iam|sts)::)?([0-9]{12})(:(?:role|user|federated-user)/[^*?]+)?(:.*)?", value
    )
    if kind != "AWS" or not found:
        return []
    own = (value,) if found[2] else tuple(f"arn:*:{service}::{found[1]}:*" for service in ("iam", "sts"))
    return [
        ("aws:principalaccount", _exactly(found[1])),
        ("aws:principalarn", _exactly(*own)),
        ("aws:principalisawsservice", _exactly("false")),
    ]


def _exactly(*globs: str) -> Names:
    return Names((globs,), absent=False)


def constraint(condition: Condition, *, of_deny: bool) -> Constraint | None:
    """What a condition says, rounded up for an Allow and down for a Deny; None where that isn't understood.

    Not understood are ForAllValues, BinaryEquals, variables, and numbers that aren't whole. ForAnyValue is about one of a
    key's values: a dimension beside the key's own.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    """
    operator, key, values = condition
    operator = operator.lower()
    if key.startswith((_ONE_OF, _OF_ADDRESS, _OF_NUMBER)):
        return None  # AWS has no such key, and the name would collide with a dimension's.
    of_any, operator = operator.startswith("foranyvalue:"), operator.removeprefix("foranyvalue:")
    bare = operator.removesuffix("ifexists")
    if bare == "null" and len(values) == 1:
        missing = values[0].lower() == "true"
        return key, Names(present=not missing, absent=missing)
    inverted = "not" in bare
    bare = bare.replace("not", "")
    wild = any(mark in each for each in values for mark in "*?")
    if wild and bare != "stringlike" and inverted != of_deny:
        return None  # Read as a glob, such a value would match more than it does in AWS.
    globs = None if any("${" in each for each in values) else _globs(bare, values)
    if globs is None:
        return None
    kind = {_ADDRESS: _OF_ADDRESS, _NUMBER: _OF_NUMBER}.get(globs[0][:1], "") if globs else ""
    absent = (inverted and not of_any) or operator.endswith("ifexists")
    meant = Names(but=globs, absent=absent) if inverted else Names((globs,), absent=absent)
    return f"{_ONE_OF if of_any else ''}{kind}{key}", meant


def _globs(operator: str, values: Sequence[str]) -> tuple[str, ...] | None:
    """What an operator without Not compares with, as globs."""
    if operator in {"stringequals", "stringlike", "arnequals", "arnlike"}:
        return tuple(values)
    if operator == "bool":
        return tuple(each.lower() for each in values)
    if operator == "stringequalsignorecase":
        return tuple(_ANY_CASE + each for each in values)
    if operator == "ipaddress":
        listed = [_bits_of_network(each) for each in values]
        return None if None in listed else tuple(each for each in listed if each)
    kind, order = re.fullmatch(r"(numeric|date|)(.*)", operator).groups()  # type: ignore[union-attr]
    numbers = [_whole(each, kind) for each in values]
    if not kind or order not in _ORDERS or None in numbers:
        return None
    return tuple(glob for each in numbers if each is not None for glob in _range(order, each))


def _bits_of_network(value: str) -> str | None:
    try:
        network = ip_network(value, strict=False)
    except ValueError:
        return None
    bits = f"{int(network.network_address):0{network.max_prefixlen}b}"[: network.prefixlen]
    return f"{_ADDRESS}{int(network.version == 6)}{bits}*"  # noqa: PLR2004 - IPv6


def _whole(value: str, kind: str) -> int | None:
    """A whole number, or a date's seconds since 1970; None of what is neither, or far away."""
    if re.fullmatch(r"[+-]?[0-9]{1,11}", value):
        number = int(value)
    elif kind == "date":
        try:
            date = datetime.fromisoformat(value)
        except ValueError:
            return None
        if date.microsecond:
            return None
        number = int((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp())
    else:
        return None
    return number if abs(number) < 2 ** (_BITS - 2) else None


def _range(order: str, number: int) -> list[str]:
    """Globs of the bits of all numbers that are so ordered to this one: at most one a bit."""
    at, end = 2 * number + 2 ** (_BITS - 1), 2**_BITS - 1
    low, high = {
        "equals": (at, at),
        "lessthan": (0, at - 1),
        "lessthanequals": (0, at),
        "greaterthan": (at + 1, end),
        "greaterthanequals": (at, end),
    }[order]
    found = []
    while low <= high:
        aligned = (low & -low).bit_length() - 1 if low else _BITS
        free = min(aligned, (high - low + 1).bit_length() - 1)
        found.append(_NUMBER + f"{low:0{_BITS}b}"[: _BITS - free] + "*")
        low += 1 << free
    return found


def box(constraints: Sequence[Constraint]) -> dict[str, Names]:
    """Of several conditions on one of a key's values each may mean another: the first is taken."""
    found: dict[str, Names] = {}
    for dimension, meant in constraints:
        if dimension not in found or not dimension.startswith(_ONE_OF):
            found[dimension] = _in(found, dimension).meeting(meant)
    return found


def _in(a_box: Box, dimension: str) -> Names:
    """What a box allows in a dimension that it may say nothing about."""
    return a_box.get(dimension) or _DOMAINS.get(dimension, _EVERYTHING)


def format_left(left: Box, allowed: Box) -> str:
    """What Denies leave of a box, as in `s3:* but s3:get* on arn:aws:s3:::example/*, without aws:sourcevpce`."""
    what = " on ".join(_format_names(left[element]) for element in ("Action", "Resource") if element in left)
    keys = [each for each in left if each not in {"Action", "Resource"} and left[each] != allowed.get(each)]
    return ", ".join([*([what] if what else []), *(_format_key(each, left[each]) for each in keys)])


def _format_key(key: str, left: Names) -> str:
    if not left.present:
        return f"without {key}"
    if not left.absent and not left.but:
        return f"with a {key} that they spare"
    return f"with another {key}" + (" or none" if left.absent else "")


def _format_names(meant: Names) -> str:
    wanted = " within ".join(map(_format_globs, dict.fromkeys(reversed(meant.groups)))) or "all"
    return f"{wanted} but {_format_globs(meant.but)}" if meant.but else wanted


def _format_globs(globs: Sequence[str]) -> str:
    more = f" and {len(globs) - 3} more" if len(globs) > 3 else ""  # noqa: PLR2004 - enough to see what it is about
    return ", ".join(globs[:3]) + more


class Search:
    """All searches of one document for something in a box that no Deny takes away.

    `undecided` is whether one of them had to give up; whoever asks about something else resets it.
    """

    def __init__(self, steps: int = STEPS) -> None:
        self.undecided = False
        self.left = ""
        self.steps = steps
        self._known: dict[Hashable, Any] = {}

    def spend(self, steps: int) -> bool:
        """Whether that much was left."""
        self.steps -= steps
        self.undecided = self.undecided or self.steps < 0
        return self.steps >= 0

    def once(self, asked: Hashable, answer: Callable[[], T]) -> T:
        """The answer that was given to the same question of this document, or a new one."""
        if asked not in self._known:
            before, self.undecided = self.undecided, False
            self._known[asked] = answer(), self.undecided
            self.undecided = before
        found, undecided = self._known[asked]
        self.undecided = self.undecided or undecided
        return cast("T", found)

    def uncovered(self, allowed: Box, denies: Sequence[Sequence[Constraint]]) -> Box | None:
        """A part of the box that no Deny meets; None where they cover all of it."""
        asked = (tuple(sorted(allowed.items())), tuple(map(tuple, denies)))
        return self.once(asked, lambda: self._uncovered(allowed, denies))

    def _uncovered(self, allowed: Box, denies: Sequence[Sequence[Constraint]]) -> Box | None:
        if not self.spend(_NODE):
            return allowed
        ways = []
        for deny in denies:
            if any(self._empty(_in(allowed, where).meeting(meant)) for where, meant in deny):
                continue
            parts = [(where, _in(allowed, where).without(meant)) for where, meant in deny]
            escapes = [(where, part) for where, part in parts if not self._empty(part)]
            if not escapes:
                return None
            ways.append((escapes, deny))
        if not ways:
            return allowed
        escapes, escaped = min(ways, key=lambda way: len(way[0]))
        others = [deny for _, deny in ways if deny is not escaped]
        for where, part in escapes:
            if found := self._uncovered({**allowed, where: part}, others):
                return found
        return None

    def _empty(self, meant: Names) -> bool:
        if meant.absent:
            return False
        if not meant.present:
            return True
        found, steps = _walked(meant.groups, meant.but, max(self.steps, 0))
        return self.spend(steps) and not found


class _Glob(NamedTuple):
    """Positions of a glob as bits: where a star is, where any character fits, and where one does."""

    stars: int
    any_one: int
    at: Mapping[str, int]
    end: int

    def closed(self, state: int) -> int:
        """With the positions behind stars that stand for nothing."""
        while (more := state | (state & self.stars) << 1) != state:
            state = more
        return state

    def after(self, state: int, character: str) -> int:
        return self.closed(state & self.stars | (state & (self.any_one | self.at.get(character, 0))) << 1)

    def always(self, state: int) -> bool:
        """Whether whatever follows fits: a star at the end has been reached."""
        return bool(state & self.stars & self.end >> 1)


@lru_cache(4096)
def _glob(pattern: str) -> _Glob:
    at: dict[str, int] = {}
    any_case, pattern = pattern.startswith(_ANY_CASE), pattern.lstrip(_ANY_CASE + _ADDRESS + _NUMBER)
    for place, written in enumerate(pattern):
        for character in {written.lower(), written.upper()} if any_case else {written}:
            at[character] = at.get(character, 0) | 1 << place
    return _Glob(at.pop("*", 0), at.pop("?", 0), at, 1 << len(pattern))


def _walked(groups: tuple[tuple[str, ...], ...], but: tuple[str, ...], most: int) -> tuple[bool, int]:
    """Whether a text fits a glob of each group and none of `but`, and how many steps it took; after `most`, it may be.

    All globs are walked through at once, a character at a time. Of addresses and numbers there are no other texts than
    those of so many bits.
    """
    mark = next((each[:1] for group in (*groups, but) for each in group), "")
    groups = (*groups, _ALL[mark]) if mark in _ALL else groups
    if (steps := 1 + sum(len(group) for group in (*groups, but)) // 2) > most:
        return True, steps
    globs = [[_glob(each) for each in group] for group in (*groups, but)]
    named = {key for group in globs for each in group for key in each.at}
    characters = ["0", "1"] if mark in _ALL else [*sorted(named), _OTHER]
    price = 1 + sum(len(each) for group in (*groups, but) for each in group) // 500
    first = tuple(tuple(each.closed(1) for each in group) for group in globs)
    seen, waiting = {first}, [first]
    while waiting:
        state = waiting.pop()
        *wanted, unwanted = (
            [bool(at & glob.end) for at, glob in zip(*pair, strict=True)] for pair in zip(state, globs, strict=True)
        )
        if all(map(any, wanted)) and not any(unwanted):
            return True, steps
        for character in characters:
            steps += price
            if steps > most:
                return True, steps
            following = tuple(
                tuple(glob.after(at, character) for at, glob in zip(*pair, strict=True))
                for pair in zip(state, globs, strict=True)
            )
            dead = not all(any(group) for group in following[:-1]) or any(
                glob.always(at) for at, glob in zip(following[-1], globs[-1], strict=True)
            )
            if not dead and following not in seen:
                seen.add(following)
                waiting.append(following)
    return False, steps
