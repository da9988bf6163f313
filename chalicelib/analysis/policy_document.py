"""Policy documents: parsed, and edited so that every other byte stays."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

from chalicelib.analysis.globs import completed, matches
from chalicelib.core.errors import CannotJudge

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping


T = TypeVar("T")
Policy: TypeAlias = "str | Mapping[str, Any] | None"
Span: TypeAlias = tuple[int, int]
EQUALITY = frozenset({"stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike", "ipaddress"})
ALWAYS_PRESENT = frozenset(
    {
        "aws:currenttime",
        "aws:epochtime",
        "aws:principalaccount",
        "aws:principaltype",
        "aws:requestedregion",
        "aws:securetransport",
        "aws:useragent",
        "aws:userid",
        "aws:viaawsservice",
    }
)
"""The keys that AWS documents as part of every request, anonymous ones included. Not aws:SourceIp, which requests through
a VPC endpoint don't have, nor aws:PrincipalArn, which unsigned ones don't.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""
_OWN_ACCOUNT = r"(?i)\$\{aws:(Principal|Resource)Account\}"
DELETED_PRINCIPAL = r"A(?:IDA|ROA)[A-Z0-9]{12,}(?::[^\"]*)?"


class Condition(NamedTuple):
    """One line of a Condition block; keys are lower-cased, because IAM ignores their case."""

    operator: str
    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, in one form: policies may write the same in several ways.

    `account` is the holder's, where an identity policy's is known. Nothing in it raises. What can't be read, as a number for a name, is everything in an Allow and nothing in a Deny:
    a condition of which one value can't be read is one with an operator that nobody knows.
    """

    index: int
    raw: Mapping[str, Any]
    account: str = ""
    _names: dict[str, tuple[bool, list[str]]] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What `names` answered: it is asked for each step of each path to power."""

    @property
    def weight(self) -> int:
        """Roughly how much there is to evaluate: the conditions' values and the principals."""
        listed = chain.from_iterable(
            as_list(values)
            for block in (self.raw.get("Condition"), self.raw.get("Principal"), self.raw.get("NotPrincipal"))
            for inner in (block.values() if isinstance(block, dict) else ())
            for values in (inner.values() if isinstance(inner, dict) else (inner,))
        )
        return 1 + sum(1 for _ in listed)

    @property
    def effect(self) -> str:
        """Allow or Deny; empty of a statement that can't be read."""
        effect = self.raw.get("Effect")
        return effect if effect in ("Allow", "Deny") else ""

    def principals(self) -> Iterator[tuple[str, str]]:
        """Kind and value, as in ("AWS", "*"); an Allow with NotPrincipal allows everybody else: ("AWS", "*").

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
        """
        if "NotPrincipal" in self.raw:
            yield "AWS", "*"
        for kind, value in named_principals(self.raw.get("Principal", {})):
            if isinstance(value, str):
                yield kind, value
            elif self.effect == "Allow":
                yield "AWS", "*"

    def names(self, element: str) -> tuple[bool, list[str]]:
        """The patterns of Action or Resource, and whether they say what it is not about, as in NotAction."""
        if element not in self._names:
            self._names[element] = self._read_names(element)
        return self._names[element]

    def _read_names(self, element: str) -> tuple[bool, list[str]]:
        inverted = f"Not{element}" in self.raw
        listed = as_list(self.raw.get(f"Not{element}" if inverted else element, []))
        readable = [each for each in listed if isinstance(each, str)]
        if len(readable) < len(listed) and inverted == (self.effect == "Deny"):
            readable.append("*")
        if self.account:
            readable = [re.sub(_OWN_ACCOUNT, self.account, each) for each in readable]
        return inverted, readable

    def actions(self) -> list[str]:
        """Of Action; empty when NotAction is used."""
        inverted, patterns = self.names("Action")
        return [] if inverted else patterns

    def conditions(self) -> Iterator[Condition]:
        block = self.raw.get("Condition", {})
        for operator, keys in block.items() if isinstance(block, dict) else [("", block)]:
            for key, values in keys.items() if isinstance(keys, dict) else [("", None)]:
                listed = as_list(values)
                if listed and all(isinstance(each, str | int | float) for each in listed):
                    yield Condition(operator, key.lower(), tuple(map(_condition_value, listed)))
                else:
                    yield Condition("", key.lower(), ())

    def limiting(self) -> Iterator[Condition]:
        """The conditions that some requests don't meet. A Null that demands a key which every request has is left out."""
        for each in self.conditions():
            demands = each.operator.lower() == "null" and {*map(str.lower, each.values)} == {"false"}
            if not (demands and each.key in ALWAYS_PRESENT):
                yield each

    def narrowing(self, also_there: Collection[str] = ()) -> Iterator[Condition]:
        """Those that hold only if the key is there and has one of the values; the operator is lower-cased and bare.

        ForAllValues and IfExists also hold without the key, unless a Null condition demands it or each request has it.
        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
        """
        demanded = {
            key
            for operator, key, values in self.conditions()
            if (operator.lower(), *map(str.lower, values)) == ("null", "false")
        }
        for operator, key, values in self.conditions():
            bare = operator.lower().removeprefix("foranyvalue:")
            if key in demanded or key in ALWAYS_PRESENT or key in also_there:
                bare = bare.removeprefix("forallvalues:").removesuffix("ifexists")
            if bare in EQUALITY:
                yield Condition(bare, key, values)


def statements(policy: Policy, account: str = "") -> list[Statement]:
    """The statements of a policy, given as text or parsed. No policy has none; text that is no policy gives one unreadable statement.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
    """
    if policy is None or policy == "":
        return []
    document = parsed(policy)
    listed = as_list(document.get("Statement")) if isinstance(document, dict) else [None]
    return [Statement(index, raw if isinstance(raw, dict) else {}, account) for index, raw in enumerate(listed)]


def parsed(policy: Policy) -> Any:
    """The parsed JSON, or None if the text isn't JSON."""
    try:
        return json.loads(policy) if isinstance(policy, str) else policy
    except (ValueError, RecursionError):
        return None


def judged(found: T, *policies: Policy) -> T:
    """What was found in these policies. Raises CannotJudge if that is nothing, and some statement can't be read."""
    for each in () if found else chain.from_iterable(map(statements, policies)):
        if not each.effect:
            raise CannotJudge(f"statement {each.index + 1} of a policy can't be read, and the others are safe")
    return found


def append(text: str, statement: Mapping[str, Any]) -> str:
    """The text with one more statement behind the others; every byte that was there stays.

    Raises ValueError for what is no policy, or has no statement.
    """
    written = json.dumps(statement, separators=(",", ":"), ensure_ascii=False)
    try:
        listed = _value(text, _skip(text, 0), "Statement") if statements(text) else None
    except (IndexError, RecursionError) as error:
        raise ValueError("not a policy") from error
    if listed is None:
        raise ValueError("a policy without a statement")
    start, end = listed
    if text[start] != "[":
        return f"{text[:start]}[{text[start:end]},{written}]{text[end:]}"
    last = _elements(text, listed)[-1][1]
    return f"{text[:last]},{written}{text[last:]}"


def without_deleted_principals(text: str) -> str | None:
    """The text without principals that have been deleted; None when no statement is left.

    Where a user or role was, a policy shows its id (`AROA…`). It gives nobody access, and AWS takes no policy that names it:
    neither a fix's nor an undo's.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
    """
    if not re.search(f'"{DELETED_PRINCIPAL}"', text):
        return text
    dead = {
        each.index: [value for _, value in each.principals() if re.fullmatch(DELETED_PRINCIPAL, value)]
        for each in statements(text)
    }
    return drop_principals(text, dead)


def drop(text: str, indexes: Iterable[int]) -> str | None:
    """The text without those statements, every other byte as it was; None when no statement is left."""
    return drop_principals(text, dict.fromkeys(indexes))


def drop_principals(text: str, principals: Mapping[int, Collection[str] | None]) -> str | None:
    """The text without those principals, by statement index; a statement goes when none is left, or if given None.

    Every other byte stays as it was, and so does a text of which nothing is to go, policy or not. None when no statement
    is left.
    """
    if not any(names is None or names for names in principals.values()):
        return text
    listed = _value(text, _skip(text, 0), "Statement") if statements(text) else None
    if listed is None:
        return None
    spans = _elements(text, listed)
    cuts: list[Span] = []
    gone = set()
    for index, span in enumerate(spans):
        if index in principals:
            names = principals[index]
            kept = None if names is None else _principal_cuts(text, span, names)
            if kept is None:
                gone.add(index)
            else:
                cuts += kept
    if len(gone) == len(spans):
        return None
    for start, end in sorted(cuts + _cuts(spans, gone), reverse=True):
        text = text[:start] + text[end:]
    return text


def as_list(value: Any) -> list[Any]:
    """A lone value as a list of one, as policies take both."""
    return value if isinstance(value, list) else [value]


def named_principals(principal: Any) -> Iterator[tuple[str, Any]]:
    """Kind and value; a value that isn't text can't be read."""
    for kind, values in (principal if isinstance(principal, dict) else {"AWS": principal}).items():
        yield from ((kind, value) for value in as_list(values))


def _condition_value(value: str | float) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def covers(statement: Statement, action: str, resource: str) -> bool:
    """Whether the action and the resource fit a statement; its effect, principals and conditions are not asked."""
    return element_matches(statement, "Action", action) and element_matches(statement, "Resource", resource)


def element_matches(statement: Statement, element: str, name: str) -> bool:
    """Whether a name fits the Action or Resource of a statement, or its NotAction or NotResource."""
    inverted, patterns = statement.names(element)
    return any(_glob(pattern, name, statement.account) for pattern in patterns) != inverted


def in_account(pattern: str, account: str) -> bool:
    """Whether a pattern of ARNs may mean something of that account's, or of any account's where none is given.

    What names no account, as S3's buckets, may be anybody's, and so may a variable.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
    """
    if not account or not pattern.startswith("arn:"):
        return True
    named = completed(pattern).split(":", 5)[4]
    return not named or "$" in named or matches(named, account)


def _glob(pattern: str, name: str, account: str) -> bool:
    """IAM's wildcards. An identity policy reaches into no other account's IAM, and one of no known account into any."""
    if pattern.startswith("arn:"):
        if not in_account(pattern, account):
            return False
        pattern = re.sub(r"^arn:[^:]*:iam:[^:]*:[\d*?]*:", "arn:aws:iam::*:", completed(pattern))
    else:
        pattern = pattern.lower()
    return matches(pattern, name)


def _skip(text: str, at: int) -> int:
    while text[at] in " \t\r\n":
        at += 1
    return at


class _Member(NamedTuple):
    """A member of an object, or an element of an array, and where in the text it is."""

    name: str
    whole: Span
    value: Span


def _members(text: str, at: int) -> list[_Member]:
    """Of the object or array that starts there."""
    decode = json.JSONDecoder().raw_decode
    found = []
    in_object = text[at] == "{"
    at = _skip(text, at + 1)
    while text[at] not in "]}":
        start, name = at, ""
        if in_object:
            name, at = decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
        _, end = decode(text, at)
        found.append(_Member(name, (start, end), (at, end)))
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return found


def _value(text: str, at: int, name: str) -> Span | None:
    """The last one counts, as in json.loads."""
    return {member.name: member.value for member in _members(text, at)}.get(name)


def _elements(text: str, value: Span) -> list[Span]:
    """Where a list is allowed, one thing may stand for itself."""
    return [each.value for each in _members(text, value[0])] if text[value[0]] == "[" else [value]


def _cuts(spans: list[Span], gone: Collection[int]) -> list[Span]:
    """What to cut so that some of several remain: each takes one of its separators along."""
    first = min(set(range(len(spans))) - set(gone), default=0)
    return [(spans[i][0], spans[i + 1][0]) if i < first else (spans[i - 1][1], spans[i][1]) for i in gone]


def _principal_cuts(text: str, statement: Span, names: Collection[str]) -> list[Span] | None:
    """What to cut of a statement's Principal; None when nobody would be left."""
    principal = _value(text, statement[0], "Principal")
    if principal is None:
        return None if "*" in names and _value(text, statement[0], "NotPrincipal") else []
    if text[principal[0]] != "{":
        return None if json.loads(text[slice(*principal)]) in names else []
    kinds = _members(text, principal[0])
    cuts: list[Span] = []
    emptied = set()
    for number, kind in enumerate(kinds):
        values = _elements(text, kind.value)
        gone = [i for i, value in enumerate(values) if json.loads(text[slice(*value)]) in names]
        if gone and len(gone) == len(values):
            emptied.add(number)
        else:
            cuts += _cuts(values, gone)
    return None if emptied and len(emptied) == len(kinds) else cuts + _cuts([kind.whole for kind in kinds], emptied)
