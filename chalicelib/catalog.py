"""Finds guardrails and tripwires by folder: one Lambda function a service folder, one file a rule."""

from __future__ import annotations

import json
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalicelib.core.pattern import LIMIT, SCHEDULED, Index, Pattern, any_of
from chalicelib.core.rule import Guardrail, Rule

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_HERE = Path(__file__).parent
_FOLDERS = ("guardrails", "tripwires")
INDEX = _HERE / "heard.json"
"""Which events each rule hears. It is in the zip alone; without it, all rules of a service are imported to know."""


@cache
def services() -> tuple[str, ...]:
    """The service folders that hold a rule; imports nothing."""
    return tuple(sorted({path.parent.name for folder in _FOLDERS for path in (_HERE / folder).glob("*/[a-z]*.py")}))


@cache
def rules(service: str) -> tuple[Rule, ...]:
    """The rules of one service, imported on the first call."""
    return tuple(_load(path.parent.parent.name, service, path.stem) for path in _files(service))


def _files(service: str) -> list[Path]:
    return sorted(path for folder in _FOLDERS for path in (_HERE / folder / service).glob("[a-z]*.py"))


def rules_for(service: str, envelope: Any) -> tuple[Rule, ...]:
    """The rules of one service that an event may be for; packaged, no others are imported."""
    names, index = _index(service)
    return tuple(_load(*names[number].split(".")) for number in index.candidates(envelope))


def indexes() -> dict[str, Any]:
    """What packaging puts into INDEX: by service, its rules' files and which events they hear."""
    made = {service: _made_index(service) for service in services()}
    return {service: {"names": names, **vars(index)} for service, (names, index) in made.items()}


@cache
def _index(service: str) -> tuple[Sequence[str], Index]:
    packaged = _packaged().get(service)
    if packaged is None:
        return _made_index(service)
    return packaged["names"], Index(packaged["size"], packaged["exact"], packaged["open_ended"])


@cache
def _packaged() -> dict[str, Any]:
    return json.loads(INDEX.read_bytes()) if INDEX.is_file() else {}


def _made_index(service: str) -> tuple[Sequence[str], Index]:
    names = [f"{path.parent.parent.name}.{service}.{path.stem}" for path in _files(service)]
    return names, Index.of([each.on for each in rules(service)])


def rule(id: str) -> Rule:
    """One rule by its id. Raises LookupError when there is none."""
    service, _, name = id.partition(".")
    for folder in _FOLDERS:
        if name.isidentifier() and (_HERE / folder / service / f"{name}.py").is_file():
            return _load(folder, service, name)
    raise LookupError(f"no guardrail {id!r} in this version of Snapback; `snapback catalog` lists them")


def advice(guardrail: str) -> str:
    """What a rule's docs say, on one line; nothing for one that this version doesn't have."""
    try:
        doc = rule(guardrail).doc
    except LookupError:
        return ""
    return " ".join(doc.partition("\n")[2].split())


@cache
def all_rules() -> tuple[Rule, ...]:
    return tuple(rule for service in services() for rule in rules(service))


def guardrails() -> tuple[Guardrail[Any], ...]:
    return tuple(rule for rule in all_rules() if isinstance(rule, Guardrail))


@cache
def of_home() -> frozenset[str]:
    """The services whose rules are all about Snapback's own stack: member accounts forward nothing for them, and have no fixer."""
    return frozenset(service for service in services() if all(each.home_only for each in rules(service)))


@cache
def pattern(service: str) -> Pattern:
    """What a service's function hears: its rules' patterns, those that differ in names only merged."""
    return any_of(*_branches(service))


@cache
def patterns(service: str) -> tuple[Pattern, ...]:
    """The same as patterns of EventBridge rules: what is too long for one is in several, and an event is for one of them."""
    packed: list[list[Pattern]] = [[]]
    for branch in _branches(service):
        if packed[-1] and len(json.dumps(any_of(*packed[-1], branch), separators=(",", ":"))) > LIMIT:
            packed.append([])
        packed[-1].append(branch)
    return tuple(any_of(*branches) for branches in packed)


def _branches(service: str) -> list[Pattern]:
    merged: dict[str, Pattern] = {}
    for each in rules(service):
        for one in each.on.get("$or", [each.on]):
            if one == SCHEDULED:
                continue  # EventBridge Scheduler calls the function directly, without a rule.
            detail = one.get("detail", {})
            key = repr([one["source"], one["detail-type"], {k: v for k, v in detail.items() if k != "eventName"}])
            if "eventName" not in detail or key not in merged:
                merged.setdefault(key, one)
                continue
            names = [*merged[key]["detail"]["eventName"], *detail["eventName"]]
            merged[key] = {**one, "detail": {**detail, "eventName": _unique(names)}}
    return [left for one in merged.values() if (left := _left_of(one, merged.values()))]


def _left_of(one: Pattern, all_of_them: Collection[Pattern]) -> Pattern | None:
    """A pattern without the calls that a wider one of the same service asks for anyway; None when none is left."""
    detail = one.get("detail", {})
    if "eventName" not in detail:
        return one
    names = detail["eventName"]
    for other in all_of_them:
        wider = other.get("detail", {})
        rest = wider.keys() - {"eventName"}
        same = other is not one and other["source"] == one["source"] and other["detail-type"] == one["detail-type"]
        if same and "eventName" in wider and all(detail.get(key) == wider[key] for key in rest):
            names = [name for name in names if name not in wider["eventName"]]
    return {**one, "detail": {**detail, "eventName": _unique(names)}} if names else None


def _unique(names: list[Any]) -> list[Any]:
    """Each name or `{"prefix": …}` once, names first."""
    first = sorted({name for name in names if isinstance(name, str)})
    prefixes = sorted({name["prefix"] for name in names if not isinstance(name, str)})
    return [*first, *({"prefix": prefix} for prefix in prefixes)]


def has_grace(service: str) -> bool:
    """Whether a service's function has events delivered again later."""
    return any(isinstance(each, Guardrail) and each.grace for each in rules(service))


@cache
def _load(folder: str, service: str, name: str) -> Rule:
    found = getattr(import_module(f"chalicelib.{folder}.{service}.{name}"), name)
    if not isinstance(found, Rule):
        raise TypeError(f"chalicelib/{folder}/{service}/{name}.py: {name} is neither a guardrail nor a tripwire")
    return found
