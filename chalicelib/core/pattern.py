"""EventBridge event patterns: made for guardrails, and matched as AWS does."""

from __future__ import annotations

import json
import operator
import re
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator
    from ipaddress import IPv4Network, IPv6Network

Pattern: TypeAlias = dict[str, Any]
Fields: TypeAlias = dict[str, list[Any]]
"""What is asked of each field, by its dotted path. All must hold; of one field's list, any."""
Elements: TypeAlias = frozenset[tuple[Any, int]]
"""Where a value is: which element of each array on the way to it."""

API_CALL = "AWS API Call via CloudTrail"
"""The detail-type of CloudTrail's management events that were calls."""
LIMIT = 2048
"""Characters of compact JSON in a rule's pattern; AWS takes no more."""
NUMBERS = 5_000_000_000
"""AWS compares numbers no further from zero than this."""
OPERATORS = {
    "prefix": 'a string or {"equals-ignore-case": a string}',
    "suffix": 'a string or {"equals-ignore-case": a string}',
    "equals-ignore-case": "a string",
    "wildcard": r"a string without **, and with \ only as \* or \\",
    "exists": "true or false",
    "cidr": "a range of addresses as in 10.0.0.0/8 or 2001:db8::/32, never a single one",
    "numeric": '["=", 1], ["<", 1] (or <=, >, >=) or [">", 0, "<=", 5], within 5e9 of zero',
    "anything-but": "strings or numbers (one, or a list of one kind) or {operator: strings} with prefix, suffix, "
    "wildcard or equals-ignore-case; nothing empty",
}
_COMPARE = {"=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_BUT = {"prefix", "suffix", "wildcard", "equals-ignore-case"}
_RESERVED = {*OPERATORS, *_COMPARE, "exactly", "regex", "not-wildcard", "not-equals-ignore-case", "in-date-range"}
_RESERVED |= {"date-after", "date-on-or-after", "date-before", "date-on-or-before"}
_RESERVED |= {"ip-address-in-range", "ip-address-not-in-range"}
"""Names that AWS keeps out of `$or`."""


class BadPattern(ValueError):
    """AWS would reject this pattern; the text says what, where, and what is allowed."""


def cloudtrail(source: str, *names: str, failed: bool = False) -> Pattern:
    """Calls of one service by eventName, as in `cloudtrail("s3", "PutBucketAcl")`.

    `source` is eventSource without `.amazonaws.com`. Failed calls are left out unless `failed`.
    """
    detail: dict[str, Any] = {"eventSource": [f"{source}.amazonaws.com"], "eventName": list(names)}
    if not failed:
        detail["errorCode"] = [{"exists": False}]
    return {"source": [{"prefix": "aws."}], "detail-type": [API_CALL], "detail": detail}


def native(source: str, detail_type: str, **detail: list[Any]) -> Pattern:
    """A service's own event, as in `native("aws.ecr", "ECR Image Scan", **{"scan-status": ["COMPLETE"]})`."""
    pattern: Pattern = {"source": [source], "detail-type": [detail_type]}
    return {**pattern, "detail": detail} if detail else pattern


def any_of(*patterns: Pattern) -> Pattern:
    """An event of any of these; one pattern stays as it is."""
    return patterns[0] if len(patterns) == 1 else {"$or": list(patterns)}


def check(pattern: Pattern) -> None:
    """Raise BadPattern for what AWS would reject, so that it fails in a test and not in a deployment."""
    for fields in _branches(pattern):
        for path, rules in fields.items():
            for rule in rules:
                try:
                    _holds(rule, "")
                except BadPattern as error:
                    raise BadPattern(f"{path}: {error}") from None
    size = len(json.dumps(pattern, separators=(",", ":"), ensure_ascii=False))
    if size > LIMIT:
        raise BadPattern(f"the pattern has {size} characters as compact JSON; AWS allows {LIMIT}")


def matches(pattern: Pattern, event: Any) -> bool:
    """Whether AWS would deliver `event` to a rule with this pattern.

    What AWS rejects raises BadPattern when it is come across; `check` finds it all, and says where.
    """
    return any(_all_hold(fields, event) for fields in _branches(pattern))


def _branches(pattern: Any, path: str = "", *, in_or: bool = False) -> list[Fields]:
    """The pattern without `$or`: multiplied out into alternatives, as AWS does."""
    if not isinstance(pattern, dict) or not pattern:
        raise BadPattern(f"{path or 'the pattern'}: must be an object with at least one field")
    branches: list[Fields] = [{}]
    for key, value in pattern.items():
        at = f"{path}.{key}" if path else key
        if key == "$or" and _alternatives(value):
            options = [branch for option in value for branch in _branches(option, path, in_or=True)]
        elif in_or and key in _RESERVED:
            raise BadPattern(f"{at}: AWS reserves the name {key!r} inside $or; take it out of $or, or repeat the rule")
        elif isinstance(value, dict):
            options = _branches(value, at, in_or=in_or)
        elif isinstance(value, list) and value:
            options = [{at: value}]
        else:
            raise BadPattern(f"{at}: {value!r} must be an object, or an array with at least one value")
        branches = [_joined(one, other) for one in branches for other in options]
    return branches


def _alternatives(value: Any) -> bool:
    """Whether this is what `$or` takes; with anything else it is a field that happens to be called `$or`."""
    return (
        isinstance(value, list)
        and len(value) > 1
        and all(isinstance(option, dict) and _RESERVED.isdisjoint(option) for option in value)
    )


def _joined(one: Fields, other: Fields) -> Fields:
    if twice := one.keys() & other.keys():
        raise BadPattern(f"{min(twice)}: given twice, and AWS would keep only the last; give each field once")
    return {**one, **other}


def _all_hold(fields: Fields, event: Any) -> bool:
    # Sorted as AWS does: what `exists: false` sees in arrays depends on the fields before it.
    ways: set[Elements] = {frozenset()}
    for path in sorted(fields):
        leaves, rules = list(_leaves(event, path.split("."))), fields[path]
        ways = {way for before in ways for way in _ways(before, leaves, rules)}
        if not ways:
            return False
    return True


def _ways(before: Elements, leaves: list[tuple[Any, Elements]], rules: list[Any]) -> Iterator[Elements]:
    """The array elements that may still hold all fields once this field's rules are met too."""
    reached = [(value, both) for value, elements in leaves if len(dict(both := before | elements)) == len(both)]
    for value, both in reached:
        if any(_holds(rule, value) for rule in rules):
            yield both
    if not reached and {"exists": False} in rules:
        yield before


def _leaves(node: Any, keys: list[str], at: tuple[Any, ...] = (), elements: Elements = frozenset()) -> Iterator[Any]:
    """The scalars at a path, each with its array elements. An event's own keys may have dots too."""
    if isinstance(node, dict):
        for end in range(1, len(keys) + 1):
            if (key := ".".join(keys[:end])) in node:
                yield from _leaves(node[key], keys[end:], (*at, key), elements)
    elif isinstance(node, list):
        for index, item in enumerate(node):
            if isinstance(item, dict | list):
                yield from _leaves(item, keys, (*at, index), elements | {(at, index)})
            elif not keys:
                yield item, elements
    elif not keys:
        yield node, elements


def _holds(rule: Any, value: Any) -> bool:
    """Whether one scalar meets one entry of a field's list. Looks at all of the rule, whatever the value."""
    if rule is None or isinstance(rule, str | int | float):
        return bool(rule == value) and isinstance(rule, bool) == isinstance(value, bool)
    text = value if isinstance(value, str) else None
    match rule if isinstance(rule, dict) and len(rule) == 1 else None:
        case {"prefix": str(start)}:
            return text is not None and text.startswith(start)
        case {"prefix": {"equals-ignore-case": str(start), **rest}} if not rest:
            return text is not None and text.lower().startswith(start.lower())
        case {"suffix": str(end)}:
            return text is not None and text.endswith(end)
        case {"suffix": {"equals-ignore-case": str(end), **rest}} if not rest:
            return text is not None and text.lower().endswith(end.lower())
        case {"equals-ignore-case": str(same)}:
            return text is not None and text.lower() == same.lower()
        case {"wildcard": str(wildcard)} if regex := _wildcard(wildcard):
            return text is not None and regex.fullmatch(text) is not None
        case {"exists": bool(exists)}:
            return exists
        case {"cidr": str(cidr)} if network := _network(cidr):
            return text is not None and _within(text, network)
        case {"numeric": [str(sign), bound]} if sign in _COMPARE and _number(bound):
            return _number(value) and bool(_COMPARE[sign](value, bound))
        case {"numeric": [(">" | ">=") as above, low, ("<" | "<=") as below, high]} if (
            _number(low) and _number(high) and low < high
        ):
            return _number(value) and bool(_COMPARE[above](value, low) and _COMPARE[below](value, high))
        case {"anything-but": {**inner}} if len(inner) == 1:
            [(name, operand)] = inner.items()
            texts = operand if isinstance(operand, list) else [operand]
            bad = {"prefix": "", "suffix": ""}.get(name)
            if name in _BUT and texts and all(isinstance(one, str) and one != bad for one in texts):
                return True not in [_holds({name: one}, value) for one in texts]
        case {"anything-but": operand}:
            values = operand if isinstance(operand, list) else [operand]
            if values and (all(isinstance(one, str) for one in values) or all(map(_number, values))):
                return not any(_holds(one, value) for one in values)
    shown = json.dumps(rule, default=str)
    if not isinstance(rule, dict):
        raise BadPattern(f"{shown} must be a string, number, true, false, null or {{operator: operand}}")
    if len(rule) == 1 and (name := next(iter(rule))) in OPERATORS:
        raise BadPattern(f"{shown}: {name} takes {OPERATORS[name]}")
    raise BadPattern(f"{shown} must be one operator of {', '.join(OPERATORS)}")


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -NUMBERS <= value <= NUMBERS


@lru_cache
def _wildcard(text: str) -> re.Pattern[str] | None:
    characters = re.findall(r"\\[*\\]|[^\\]", text)
    if "".join(characters) != text or ("*", "*") in pairwise(characters):
        return None
    pieces = [""]
    for character in characters:
        if character == "*":
            pieces.append("")
        else:
            pieces[-1] += re.escape(character[-1])
    first, *middle, last = pieces if len(pieces) > 1 else ("", *pieces)
    # Atomic groups take each piece where it is first found, so no text makes this slow.
    middle = [f"(?>.*?{piece})" for piece in middle]
    return re.compile("".join([first, *middle, ".*" * (len(pieces) > 1), last]), re.DOTALL)


@lru_cache
def _network(text: str) -> IPv4Network | IPv6Network | None:
    from ipaddress import ip_network

    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return None
    return network if text.endswith(f"/{network.prefixlen}") and network.prefixlen < network.max_prefixlen else None


def _within(text: str, network: IPv4Network | IPv6Network) -> bool:
    from ipaddress import ip_address

    try:
        return ip_address(text) in network
    except ValueError:
        return False
