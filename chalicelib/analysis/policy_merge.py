"""One's own edit of a policy taken back, on the policy as it is now: what others did to it since stays.

A statement is known by what it says without its principals; principals are a set. So an edit is found again where
another statement was added, taken out or moved, and where a principal was added beside ours.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib.analysis.policy_document import as_list, named_principals

if TYPE_CHECKING:
    from collections.abc import Mapping


class Merged(NamedTuple):
    """The policy without the edit; None where nothing is left of it."""

    document: Mapping[str, Any] | None


class _Statement(NamedTuple):
    key: str
    principals: frozenset[tuple[str, str]]
    raw: Mapping[str, Any]


class _Conflict(Exception):
    """The edit isn't found exactly once."""


def take_back_text(before: str | None, after: str | None, now: str | None) -> tuple[str | None] | None:
    """`take_back` for policies as text; the former text itself where it says the same. None when it can't be done."""
    merged = take_back(*((json.loads(text) if text else None) for text in (before, after, now)))
    if merged is None:
        return None
    if merged.document is None or (before and json.loads(before) == merged.document):
        return (before if merged.document else None,)
    return (json.dumps(merged.document, ensure_ascii=False),)


def take_back(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, now: Mapping[str, Any] | None
) -> Merged | None:
    """`now` without the edit that made `after` of `before`; None when that edit isn't found exactly once."""
    if now is None and after is not None:
        return None
    former, made, found = (_statements(document) for document in (before, after, now))
    try:
        left = _taken_back(former, made, found)
    except _Conflict:
        return None
    if not left:
        return Merged(None)
    base = now if now is not None else before
    assert base is not None
    return Merged({**base, "Statement": [each.raw for each in left]})


def _statements(document: Mapping[str, Any] | None) -> list[_Statement]:
    found = []
    for raw in as_list(document.get("Statement", [])) if document else []:
        rest = {name: value for name, value in raw.items() if name != "Principal"}
        principals = frozenset(named_principals(raw["Principal"])) if "Principal" in raw else frozenset()
        found.append(_Statement(json.dumps(rest, sort_keys=True), principals, raw))
    return found


def _taken_back(former: list[_Statement], made: list[_Statement], now: list[_Statement]) -> list[_Statement]:
    left = list(now)
    kinds = defaultdict[str, tuple[list[_Statement], list[_Statement]]](lambda: ([], []))
    for each in former:
        kinds[each.key][0].append(each)
    for each in made:
        kinds[each.key][1].append(each)
    for key, (were, are) in kinds.items():
        removed = Counter(each.principals for each in were) - Counter(each.principals for each in are)
        added = Counter(each.principals for each in are) - Counter(each.principals for each in were)
        if removed and added:
            _widen(key, removed, added, left, were)
        elif added:
            _remove(key, added, left)
        else:
            _put_back(removed, former, were, left)
    return left


def _widen(
    key: str,
    removed: Counter[frozenset[tuple[str, str]]],
    added: Counter[frozenset[tuple[str, str]]],
    left: list[_Statement],
    were: list[_Statement],
) -> None:
    """Principals were taken out of one statement: they go back into it."""
    places = [place for place, each in enumerate(left) if each.key == key]
    exact = [place for place in places if left[place].principals in added]
    if removed.total() != 1 or added.total() != 1 or len(exact or places) != 1:
        raise _Conflict
    (place,) = exact or places
    (before,), (after,) = removed, added
    wanted = left[place].principals | (before - after)
    raw = next((each.raw for each in were if each.principals == wanted), None)
    left[place] = _Statement(key, wanted, raw or {**left[place].raw, "Principal": _principals(wanted)})


def _remove(key: str, added: Counter[frozenset[tuple[str, str]]], left: list[_Statement]) -> None:
    """Statements were added: they go, if each is there exactly once."""
    for principals, times in added.items():
        ours = [each for each in left if each.key == key and each.principals == principals]
        if len(ours) != times:
            raise _Conflict
        for each in ours:
            left.remove(each)


def _put_back(
    removed: Counter[frozenset[tuple[str, str]]],
    former: list[_Statement],
    were: list[_Statement],
    left: list[_Statement],
) -> None:
    """Statements were taken out: they go back to about where they were, unless somebody else put them back already."""
    if not removed:
        return
    gone = [each for each in were if each.principals in removed]
    if len(gone) != removed.total() or any(each.key == gone[0].key and each.principals in removed for each in left):
        raise _Conflict
    for each in gone:
        left.insert(min(former.index(each), len(left)), each)


def _principals(pairs: frozenset[tuple[str, str]]) -> Any:
    if pairs == {("AWS", "*")}:
        return "*"
    kinds = defaultdict[str, list[str]](list)
    for kind, value in sorted(pairs):
        kinds[kind].append(value)
    return {kind: values if len(values) > 1 else values[0] for kind, values in kinds.items()}
