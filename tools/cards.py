"""A rule's card: `<name>.yaml` beside the rule's `<name>.py`. What the rule or a table of tools/ already says isn't in it.

A text that begins with "none, because " stands for what a rule doesn't have. Read by `make generate` and tests only.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import yaml
from msgspec import Meta, Struct

from chalicelib import catalog
from chalicelib.core.rule import Guardrail
from snapback.deploy.iam_policies import fixer_of, fixers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from chalicelib.core.rule import Rule

ROOT = Path(__file__).parents[1]
TECHNIQUES = Path(__file__).parent / "techniques.toml"
NONE = "none, because "

Prose = Annotated[str, Meta(min_length=20)]


class BadCard(Exception):
    """Says which file and key is wrong, and what to write there."""


class _Strict(Struct, forbid_unknown_fields=True):
    pass


class RightWay(_Strict):
    """The right configuration, as one snippet for each tool, each of which may be `none, because …`."""

    cloudformation: Prose
    """A template: `Resources` and what they need."""
    terraform: Prose
    cli: Prose
    """Commands of the AWS CLI version 2, one a line; a line may go on after a backslash."""


class Request(_Strict):
    """A request to AWS: the IAM action, the resource's ARN, the condition keys' values that AWS would know."""

    action: str
    resource: str
    context: dict[str, str | list[str]] = {}
    principal: str = "arn:aws:iam::123456789012:role/app"
    """The caller's role, as `aws:PrincipalArn` has it."""


class Setting(_Strict, tag_field="kind", tag="setting"):
    """A setting of AWS that refuses the unsafe change."""

    text: Prose
    undo: Prose
    """Which undos the setting would refuse."""


class Declarative(_Strict, tag_field="kind", tag="declarative_policy"):
    """A declarative policy of AWS Organizations."""

    text: Prose
    policy: dict[str, Any]
    undo: Prose
    """Which undos the policy would refuse: a declarative policy has no exceptions for roles."""


class Statement(_Strict, rename="pascal"):
    """A Deny: `Effect`, an RCP's `Principal` and the exception for Snapback's own roles are added to it."""

    action: Annotated[tuple[str, ...], Meta(min_length=1)]
    resource: tuple[str, ...] = ("*",)
    condition: dict[str, dict[str, str | list[str]]] = {}


class _Deny(_Strict, tag_field="kind"):
    text: Prose
    """What it refuses, for whom it is right, and what it doesn't stop."""
    statement: Statement
    refuses: Annotated[tuple[Request, ...], Meta(min_length=1)]
    """The calls that make the resource unsafe."""
    passes: Annotated[tuple[Request, ...], Meta(min_length=1)]
    """The closest calls that are safe."""


class ServiceControlPolicy(_Deny, tag="scp"):
    pass


class ResourceControlPolicy(_Deny, tag="rcp"):
    pass


Prevention = Setting | Declarative | ServiceControlPolicy | ResourceControlPolicy


class Call(_Strict, tag_field="kind", tag="call"):
    """An API call that tells who uses what the fix would take away or, without a fix, what to check before acting."""

    action: str
    """The IAM action, as in `iam:GetAccessKeyLastUsed`."""
    shows: Prose


class TrailEvents(_Strict, tag_field="kind", tag="events"):
    """CloudTrail events that show the use."""

    names: Annotated[tuple[str, ...], Meta(min_length=1)]
    """As in `s3:GetObject`: the first word of the event's source, and its name."""
    shows: Prose


class Log(_Strict, tag_field="kind", tag="log"):
    """A log of AWS that shows the use."""

    name: str
    """As AWS names it: one of `LOGS`."""
    shows: Prose


Use = Call | TrailEvents | Log

LOGS = frozenset(
    {
        "CloudTrail Insights",
        "CloudWatch Logs of the function",
        "CloudWatch metrics",
        "EKS audit log",
        "ELB access logs",
        "GuardDuty findings",
        "IAM Access Analyzer findings",
        "Route 53 Resolver query logs",
        "S3 server access logs",
        "Transit Gateway flow logs",
        "VPC Flow Logs",
    }
)


class Absent(str):
    """`none, because …`"""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Card:
    """What a person asks of a rule, beside its code."""

    why: str
    """One sentence that an on-call person understands: what happens to them if nobody does anything."""
    right_way: RightWay | Absent
    technique: tuple[str, ...] | Absent
    """Ids of MITRE ATT&CK, which tools/techniques.toml has, as in `T1530`."""
    prevention: tuple[Prevention, ...] | Absent
    uses: tuple[Use, ...] | Absent


_SOME = Meta(min_length=1)
_TYPES: dict[str, tuple[Any, str]] = {
    "why": (Prose, "one sentence that an on-call person understands"),
    "right_way": (RightWay, "`cloudformation`, `terraform` and `cli`: each a snippet"),
    "technique": (Annotated[tuple[str, ...], _SOME], "a list of MITRE ATT&CK ids that tools/techniques.toml has"),
    "prevention": (
        Annotated[tuple[Prevention, ...], _SOME],
        "a list, each with `kind`: setting, scp, rcp or declarative_policy",
    ),
    "uses": (Annotated[tuple[Use, ...], _SOME], "a list, each with `kind` (call, events or log) and what it `shows`"),
}
"""Each key's type, and what to write there; all but `why` may be `none, because …`."""


def path_of(rule: Rule) -> Path:
    folder = "guardrails" if isinstance(rule, Guardrail) else "tripwires"
    return ROOT / "chalicelib" / folder / rule.service / f"{rule.id.partition('.')[2]}.yaml"


@cache
def card_of(id: str) -> Card:
    """The card of a rule. Raises BadCard."""
    return read(path_of(catalog.rule(id)))


def read(path: Path) -> Card:
    """Raises BadCard."""
    where = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    try:
        found = yaml.load(path.read_text(), Loader=_Loader)  # noqa: S506 # nosec B506 - a SafeLoader
    except FileNotFoundError as error:
        raise BadCard(f"{where}: missing; write {', '.join(_TYPES)}") from error
    except yaml.YAMLError as error:
        raise BadCard(f"{where}: not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(found, dict):
        raise BadCard(f"{where}: not a mapping; write {', '.join(_TYPES)}")
    if unknown := found.keys() - _TYPES.keys():
        raise BadCard(f"{where}: no such key: {', '.join(map(str, unknown))}; there are {', '.join(_TYPES)}")
    return Card(**{key: _value(f"{where}: {key}", key, found.get(key)) for key in _TYPES})


def _value(where: str, key: str, found: Any) -> Any:
    kind, what = _TYPES[key]
    what += "" if key == "why" else f"; or `{NONE}…`"
    if found is None:
        raise BadCard(f"{where}: missing; write {what}")
    if key != "why" and isinstance(found, str) and found.removeprefix(NONE) not in {found, ""}:
        return Absent(found)
    try:
        return msgspec.convert(found, kind)
    except msgspec.ValidationError as error:
        raise BadCard(f"{where}: {error}; write {what}") from error


class _Loader(yaml.SafeLoader):
    """A key that stands twice is an error, as the first would be lost."""


def _once(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [key.value for key, _ in node.value]
    if twice := [key for key in keys if keys.count(key) > 1]:
        raise yaml.constructor.ConstructorError(None, None, f"the key {twice[0]!r} stands twice", node.start_mark)
    return dict(loader.construct_pairs(node, deep=True))


_Loader.add_constructor("tag:yaml.org,2002:map", _once)


@cache
def techniques() -> Mapping[str, str]:
    """The names of ATT&CK's techniques by their ids."""
    found: dict[str, str] = tomllib.loads(TECHNIQUES.read_text())["techniques"]
    return found


def texts(value: Any, at: str = "") -> Iterator[tuple[str, str]]:
    """Each text of a card that is prose, and its key. Code, ids and requests are none, and neither is a short name."""
    if isinstance(value, Struct | Card):
        for name in getattr(value, "__struct_fields__", _TYPES):
            yield from texts(getattr(value, name), f"{at}.{name}".lstrip("."))
    elif isinstance(value, tuple):
        for number, each in enumerate(value):
            yield from texts(each, f"{at}[{number}]")
    elif isinstance(value, str) and (
        value.startswith(NONE) or at.rpartition(".")[2] in {"why", "text", "undo", "shows"}
    ):
        yield at, value


def policy(each: ServiceControlPolicy | ResourceControlPolicy) -> dict[str, Any]:
    """The whole policy, with an exception for the roles of Snapback whose fixes and undos it would refuse."""
    denied = each.statement
    anyone = {"Principal": "*"} if isinstance(each, ResourceControlPolicy) else {}
    statement: dict[str, Any] = {
        "Effect": "Deny",
        **anyone,
        "Action": list(denied.action),
        "Resource": list(denied.resource),
    }
    if condition := _but(exempt(denied), denied.condition):
        statement["Condition"] = condition
    return {"Version": "2012-10-17", "Statement": [statement]}


def _but(roles: list[str], condition: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    if not roles:
        return condition
    others = condition.get("ArnNotLike", {})
    spared = others.get("aws:PrincipalArn", [])
    spared = [spared] if isinstance(spared, str) else spared
    return {**condition, "ArnNotLike": {**others, "aws:PrincipalArn": [*spared, *roles]}}


def exempt(denied: Statement) -> list[str]:
    """The ARNs of the fixers, in any account, that may send what it denies; of none where it names whom it refuses."""
    if any("aws:PrincipalArn" in keys for operator, keys in denied.condition.items() if "Not" not in operator):
        return []
    pattern = re.compile("|".join(map(_glob, denied.action)), re.IGNORECASE)
    return [f"arn:*:iam::*:role/{name}" for name, may in _fixers().items() if any(map(pattern.fullmatch, may))]


def _glob(action: str) -> str:
    return re.escape(action).replace(r"\*", ".*").replace(r"\?", ".")


@cache
def _fixers() -> Mapping[str, frozenset[str]]:
    """What each fixer may do, by the names of the roles."""
    return {
        name: frozenset(
            action
            for each in (fixer_of(service, undo=undo) or {"Statement": []})["Statement"]
            if each["Effect"] == "Allow"
            for action in each["Action"]
        )
        for name, (service, undo) in sorted(fixers().items())
    }
