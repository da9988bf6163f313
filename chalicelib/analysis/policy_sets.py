"""Whether several Deny statements together cover what an Allow statement allows. Pure.

A statement is a box over the action, the resource and one dimension a condition key. What is allowed is uncovered if
each Deny can be escaped in one of its dimensions, so that all escapes hold together; names are languages of globs. The
search has a budget: what it can't decide counts as not covered, and `Search.undecided` says so.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chalicelib.analysis.policy_document import Condition, Statement

NODES, STEPS = 2_000, 20_000
"""Escapes that are tried, and states of globs that are walked through, for one statement: a tenth of a second."""
_OTHER = "\U0010ffff"
"""Stands for every character that no glob names."""
_CASELESS = frozenset({"Action"})


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


def names(statement: Statement) -> list[Constraint]:
    """What its Action and Resource say; nothing of one that it doesn't have, as a trust policy has no Resource."""
    found = []
    for element in ("Action", "Resource"):
        if {element, f"Not{element}"} & statement.raw.keys():
            inverted, patterns = statement.names(element)
            globs = tuple(each.lower() if element in _CASELESS else each for each in patterns)
            found.append((element, Names(but=globs, absent=False) if inverted else Names((globs,), absent=False)))
    return found


def constraint(condition: Condition, *, of_deny: bool) -> Constraint | None:
    """What a condition says, rounded up for an Allow and down for a Deny; None where that isn't understood.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    """
    operator, key, values = condition
    operator = operator.lower()
    bare = operator.removesuffix("ifexists")
    if bare == "null" and len(values) == 1:
        missing = values[0].lower() == "true"
        return key, Names(present=not missing, absent=missing)
    inverted = "not" in bare
    bare = bare.replace("not", "")
    if bare not in {"stringequals", "stringlike", "arnequals", "arnlike", "bool"} or any(
        "${" in each for each in values
    ):
        return None
    wild = any(mark in each for each in values for mark in "*?")
    if wild and bare != "stringlike" and inverted != of_deny:
        return None  # A glob would be more than it is.
    absent = inverted or operator.endswith("ifexists")
    globs = tuple(each.lower() for each in values) if bare == "bool" else tuple(values)
    return key, Names(but=globs, absent=absent) if inverted else Names((globs,), absent=absent)


def box(constraints: Sequence[Constraint]) -> dict[str, Names]:
    found: dict[str, Names] = {}
    for dimension, meant in constraints:
        found[dimension] = found.get(dimension, _EVERYTHING).meeting(meant)
    return found


class Search:
    """One search for something in a box that no Deny takes away."""

    def __init__(self) -> None:
        self.undecided = False
        self._nodes = self._steps = 0

    def uncovered(self, allowed: Box, denies: Sequence[Sequence[Constraint]]) -> Box | None:
        """A part of the box that no Deny meets; None where they cover all of it."""
        self._nodes += 1
        if self._nodes > NODES or self.undecided:
            self.undecided = True
            return allowed
        ways = []
        for deny in denies:
            if any(self._empty(allowed.get(where, _EVERYTHING).meeting(meant)) for where, meant in deny):
                continue
            parts = [(where, allowed.get(where, _EVERYTHING).without(meant)) for where, meant in deny]
            escapes = [(where, part) for where, part in parts if not self._empty(part)]
            if not escapes:
                return None
            ways.append((escapes, deny))
        if not ways:
            return allowed
        escapes, escaped = min(ways, key=lambda way: len(way[0]))
        others = [deny for _, deny in ways if deny is not escaped]
        for where, part in escapes:
            if found := self.uncovered({**allowed, where: part}, others):
                return found
        return None

    def _empty(self, meant: Names) -> bool:
        if meant.absent:
            return False
        if not meant.present:
            return True
        left = STEPS - self._steps
        found, steps = _walked(meant.groups, meant.but, left)
        self._steps += steps
        self.undecided = self.undecided or steps > left
        return not found


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


@cache
def _glob(pattern: str) -> _Glob:
    at: dict[str, int] = {}
    for place, character in enumerate(pattern):
        at[character] = at.get(character, 0) | 1 << place
    return _Glob(at.pop("*", 0), at.pop("?", 0), at, 1 << len(pattern))


def _walked(groups: tuple[tuple[str, ...], ...], but: tuple[str, ...], most: int) -> tuple[bool, int]:
    """Whether a text fits a glob of each group and none of `but`, and how many steps it took; after `most`, it may be.

    All globs are walked through at once, a character at a time.
    """
    globs = [[_glob(each) for each in group] for group in (*groups, but)]
    characters = [*sorted({key for group in globs for each in group for key in each.at}), _OTHER]
    price = 1 + sum(len(each) for group in (*groups, but) for each in group) // 500
    first = tuple(tuple(each.closed(1) for each in group) for group in globs)
    seen, waiting, steps = {first}, [first], 0
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
