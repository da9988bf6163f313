"""EventBridge event patterns: made for guardrails, and matched as AWS does."""

from __future__ import annotations

import json
import operator
import re
from dataclasses import dataclass
from functools import lru_cache, partial
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

from chalicelib.core.errors import BadPattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

Pattern: TypeAlias = dict[str, Any]
Fields: TypeAlias = dict[str, list[Any]]
"""What is asked of each field, by its dotted path. All must hold; of one field's list, any."""
Elements: TypeAlias = frozenset[tuple[Any, int]]
"""Where a value is: which element of each array on the way to it."""

API_CALL = "AWS API Call via CloudTrail"
"""The detail-type of CloudTrail's management events that were calls."""
SCHEDULED: Pattern = {"source": ["aws.events"], "detail-type": ["Scheduled Event"]}
"""The clock's: time alone, or what no event tells of, may make it unsafe. Only the daily sweep, which asks every
guardrail about all resources of its kind (`Resource.all_in`), finds it then."""
LIMIT = 2048
"""Characters of compact JSON in a rule's pattern; AWS takes no more."""
EVEN_READS = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
"""The state in which a rule also sees calls that only read."""
_GLOBAL = frozenset(f"{service}.amazonaws.com" for service in ("iam", "organizations", "cloudfront", "route53"))
"""Services that report to one region of a partition, wherever they are called from."""
_FARTHEST = 5_000_000_000
"""From zero, of the numbers that AWS compares."""


def cloudtrail(source: str, *names: str, failed: bool = False, **narrower: Pattern) -> Pattern:
    """Calls of one service by eventName, as in `cloudtrail("s3", "PutBucketAcl")`.

    `source` is eventSource without `.amazonaws.com`, which CloudTrail writes in all partitions. Failed calls are left out
    unless `failed`. What else `detail` must hold goes by name: `userIdentity={…}`. Lambda may write the API's date behind a name, as in `AddPermission20150331v2`,
    and `Event.call` leaves it out: https://docs.aws.amazon.com/lambda/latest/dg/logging-using-cloudtrail.html.
    """
    dated = [{"prefix": f"{name}20"} for name in names] if source == "lambda" else []
    detail: dict[str, Any] = {"eventSource": [f"{source}.amazonaws.com"], "eventName": [*names, *dated], **narrower}
    if not failed:
        detail["errorCode"] = [{"exists": False}]
    return {"source": [{"prefix": "aws."}], "detail-type": [API_CALL], "detail": detail}


def about_reads(pattern: str) -> bool:
    """Whether a pattern, as JSON, asks for calls that CloudTrail says only read: STS's. A rule sees them in one state only.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail-management.html
    """
    return '"sts.amazonaws.com"' in pattern


def reports_to_one_region(pattern: Pattern) -> bool:
    """Whether all that it asks for are calls of services that report to one region of a partition."""
    return all(
        _GLOBAL.issuperset(each.get("detail", {}).get("eventSource", [""])) for each in pattern.get("$or", [pattern])
    )


def native(source: str, detail_type: str, **detail: list[Any]) -> Pattern:
    """A service's own event, as in `native("aws.ecr", "ECR Image Scan", **{"scan-status": ["COMPLETE"]})`."""
    pattern: Pattern = {"source": [source], "detail-type": [detail_type]}
    return {**pattern, "detail": detail} if detail else pattern


def analyzed(resource_type: str) -> Pattern:
    """IAM Access Analyzer found that somebody outside has access to a resource of this type.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-eventbridge.html
    """
    about: dict[str, list[Any]] = {"status": ["ACTIVE"], "isDeleted": [False], "resourceType": [resource_type]}
    return native("aws.access-analyzer", "Access Analyzer Finding", **about)


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


def matches(pattern: Pattern, event: Any, seen: dict[str, Any] | None = None) -> bool:
    """Whether AWS would deliver `event` to a rule with this pattern.

    What AWS rejects raises BadPattern when it is come across; `check` finds it all, and says where. `seen` keeps what was
    found in the event, for further patterns and the same event.
    """
    opened = _OPENED.get(id(pattern))
    if opened is None or opened[0] is not pattern:
        # AWS checks the fields in this order, and the result of `exists: false` in arrays depends on the order.
        opened = _OPENED[id(pattern)] = (pattern, [sorted(fields.items()) for fields in _branches(pattern)])
    seen = {} if seen is None else seen
    return isinstance(event, dict) and any(_all_hold(fields, event, seen) for fields in opened[1])


_OPENED: dict[int, tuple[Pattern, list[list[tuple[str, list[Any]]]]]] = {}
"""Patterns that have been matched, by identity, multiplied out: a rule's pattern is the same object for each event."""


@dataclass(frozen=True)
class Index:
    """Which of many patterns an event may match, by its head: its detail-type, eventSource and eventName, a line each.

    `exact` has the heads that patterns ask for, `open_ended` how heads begin where a pattern asks for less; both with the
    patterns' numbers.
    """

    size: int
    exact: Mapping[str, Sequence[int]]
    open_ended: Mapping[str, Sequence[int]]

    @classmethod
    def of(cls, patterns: Sequence[Pattern]) -> Index:
        exact, open_ended = dict[str, list[int]](), dict[str, list[int]]()
        for number, pattern in enumerate(patterns):
            for fields in _branches(pattern):
                for head, whole in _heads(fields):
                    there = (exact if whole else open_ended).setdefault(head, [])
                    there += [] if number in there else [number]
        return cls(len(patterns), exact, open_ended)

    def candidates(self, event: Any) -> Sequence[int]:
        """The numbers of the patterns that are worth matching, in order; all of them for an event of an odd shape."""
        head = _head(event)
        if head is None:
            return range(self.size)
        more = [each for start, numbers in self.open_ended.items() if head.startswith(start) for each in numbers]
        return sorted({*self.exact.get(head, ()), *more})


_HEAD = ("detail-type", "detail.eventSource", "detail.eventName")


def _heads(fields: Fields) -> list[tuple[str, bool]]:
    """What the head of an event has to be, or, with False, how it has to begin."""
    starts = [""]
    for number, path in enumerate(_HEAD, 1):
        asked, last = fields.get(path), number == len(_HEAD)
        named = [_start(each) for each in asked or ()]
        if not named or None in named or not (last or all(isinstance(each, str) for each in asked or ())):
            return [(start, False) for start in starts]
        if last:
            return [
                (f"{start}{name}", isinstance(each, str))
                for start in starts
                for name, each in zip(named, asked or (), strict=True)
            ]
        starts = [f"{start}{name}\n" for start in starts for name in named]
    return []


def _start(rule: Any) -> str | None:
    """How a text begins that meets one entry of a field's list; None where that says nothing."""
    prefix = rule.get("prefix") if isinstance(rule, dict) else rule
    return prefix if isinstance(prefix, str) else None


def _head(event: Any) -> str | None:
    """None where a field is no text, or may be hidden in a key with a dot."""
    detail = event.get("detail") if isinstance(event, dict) else None
    if not isinstance(detail, dict) or any("." in key for key in event):
        return None
    parts = (event.get("detail-type"), detail.get("eventSource", ""), detail.get("eventName", ""))
    if not all(isinstance(part, str) and "\n" not in part for part in parts):
        return None
    return "\n".join(parts)


def _branches(pattern: Any, path: str = "", *, in_or: bool = False) -> list[Fields]:
    """The pattern with its `$or` multiplied out, as AWS does: each branch alone is enough."""
    if not isinstance(pattern, dict) or not pattern:
        raise BadPattern(f"{path or 'the pattern'}: must be an object with at least one field")
    branches: list[Fields] = [{}]
    for key, value in pattern.items():
        at = f"{path}.{key}" if path else key
        if key == "$or" and _alternatives(value):
            if len(value) == 1:
                raise BadPattern(f"{at}: must have two alternatives or more")
            options = [branch for option in value for branch in _branches(option, path, in_or=True)]
        elif in_or and key in _RESERVED:
            raise BadPattern(f"{at}: AWS reserves the name {key!r} inside $or; ask for it outside")
        elif isinstance(value, dict):
            options = _branches(value, at, in_or=in_or)
        elif isinstance(value, list) and value:
            options = [{at: value}]
        else:
            raise BadPattern(f"{at}: {_shown(value)} must be an object, or an array with at least one value")
        branches = [_joined(one, other) for one in branches for other in options]
    return branches


def _alternatives(value: Any) -> bool:
    """Whether this is what `$or` takes; with anything else it is a field that happens to be called `$or`."""
    options = value if isinstance(value, list) else []
    return bool(options) and all(isinstance(option, dict) and _RESERVED.isdisjoint(option) for option in options)


def _shown(value: Any) -> str:
    return json.dumps(value, default=str)


def _joined(one: Fields, other: Fields) -> Fields:
    if twice := one.keys() & other.keys():
        raise BadPattern(f"{min(twice)}: given twice, and AWS would keep only the last; give each field once")
    return {**one, **other}


def _all_hold(fields: list[tuple[str, list[Any]]], event: Any, seen: dict[str, Any]) -> bool:
    ways: set[Elements] = {frozenset()}
    for path, rules in fields:
        if path not in seen:
            seen[path] = list(_leaves(event, path.split(".")))
        leaves = seen[path]
        if len(leaves) == 1 and not leaves[0][1]:  # In no array, as nearly all are: the ways stay what they are.
            if not any(_holds(rule, leaves[0][0]) for rule in rules):
                return False
            continue
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
    """Whether one scalar meets one entry of a field's list. The whole entry is looked at, whatever the value."""
    if rule is None or isinstance(rule, (str, int, float)):
        return bool(rule == value) and isinstance(rule, bool) == isinstance(value, bool)
    if not isinstance(rule, dict):
        raise BadPattern(f"{_shown(rule)} must be a string, number, true, false, null or an object of one operator")
    [name, *more] = rule or [""]
    if more or name not in _OPERATORS:
        raise BadPattern(f"{_shown(rule)} must have one operator, of {', '.join(_OPERATORS)}")
    holds, takes = _OPERATORS[name]
    if (held := holds(rule[name], value)) is None:
        raise BadPattern(f"{_shown(rule)}: {name} takes {takes}")
    return held


def _affix(test: Callable[[str, str], bool], operand: Any, value: Any) -> bool | None:
    match operand:
        case str():
            return isinstance(value, str) and test(value, operand)
        case {"equals-ignore-case": str(folded), **more} if not more:
            return isinstance(value, str) and test(value.lower(), folded.lower())
    return None


def _same_letters(operand: Any, value: Any) -> bool | None:
    return isinstance(value, str) and value.lower() == operand.lower() if isinstance(operand, str) else None


def _exists(operand: Any, _: Any) -> bool | None:
    return operand if isinstance(operand, bool) else None


def _like(operand: Any, value: Any) -> bool | None:
    wildcard = _wildcard(operand) if isinstance(operand, str) else None
    return wildcard and isinstance(value, str) and wildcard.fullmatch(value) is not None


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
    first, *rest = pieces
    if not rest:
        return re.compile(first)
    # An atomic group takes the first match of a piece and never tries another, so no text makes this slow.
    middle = "".join(f"(?>.*?{piece})" for piece in rest[:-1])
    return re.compile(f"{first}{middle}.*{rest[-1]}", re.DOTALL)


def _inside(operand: Any, value: Any) -> bool | None:
    if not isinstance(operand, str) or (network := _network(operand)) is None:
        return None
    try:
        return isinstance(value, str) and ip_address(value) in network
    except ValueError:
        return False


@lru_cache
def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        return None
    return network if text.endswith(f"/{network.prefixlen}") and network.prefixlen < network.max_prefixlen else None


def _numeric(operand: Any, value: Any) -> bool | None:
    match operand:
        case ["=" | "<" | "<=" | ">" | ">=" as sign, bound] if _number(bound):
            return _number(value) and bool(_COMPARE[sign](value, bound))
        case [">" | ">=" as over, low, "<" | "<=" as under, high] if _number(low) and _number(high) and low < high:
            return _number(value) and bool(_COMPARE[over](value, low) and _COMPARE[under](value, high))
    return None


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -_FARTHEST <= value <= _FARTHEST


def _anything_but(operand: Any, value: Any) -> bool | None:
    name, operand = next(iter(operand.items())) if isinstance(operand, dict) and len(operand) == 1 else (None, operand)
    unwanted = operand if isinstance(operand, list) else [operand]
    strings = all(isinstance(one, str) for one in unwanted)
    if name is None:
        allowed = unwanted and (strings or all(map(_number, unwanted)))
        return not any(_holds(one, value) for one in unwanted) if allowed else None
    allowed = unwanted and strings and name in _NEGATED and not (name in _AFFIXES and "" in unwanted)
    return True not in [_holds({name: one}, value) for one in unwanted] if allowed else None


_COMPARE = {"=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_AFFIXES = {"prefix", "suffix"}
_NEGATED = {*_AFFIXES, "equals-ignore-case", "wildcard"}
_OPERATORS: dict[str, tuple[Callable[[Any, Any], bool | None], str]] = {
    "prefix": (partial(_affix, str.startswith), 'a string or {"equals-ignore-case": a string}'),
    "suffix": (partial(_affix, str.endswith), 'a string or {"equals-ignore-case": a string}'),
    "equals-ignore-case": (_same_letters, "a string"),
    "wildcard": (_like, r"a string without **, where \ stands only before * or \ "),
    "exists": (_exists, "true or false"),
    "cidr": (_inside, "a range of addresses, as in 10.0.0.0/8 or 2001:db8::/32, and not a single one"),
    "numeric": (_numeric, '["=", 1], ["<", 1] (or <=, >, >=) or [">", 0, "<=", 5]; numbers go from -5e9 to 5e9'),
    "anything-but": (
        _anything_but,
        (
            "strings or numbers, one or a list of one kind, or an object of one of prefix, suffix, wildcard and "
            "equals-ignore-case, with one or a list of strings; no list, prefix or suffix may be empty"
        ),
    ),
}
_RESERVED = {*_OPERATORS, *_COMPARE, "exactly", "regex", "not-wildcard", "not-equals-ignore-case", "in-date-range"}
_RESERVED |= {"date-after", "date-on-or-after", "date-before", "date-on-or-before"}
_RESERVED |= {"ip-address-in-range", "ip-address-not-in-range"}
