"""Requests of those whom `KNOWN` doesn't hold, made of what a policy names: one that it allows is a way in."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_network
from itertools import product
from typing import TYPE_CHECKING, Any

from chalicelib.analysis.policy_document import Statement, as_list, statements
from tests.analysis.policy_pages import FRIEND, OBJECTS, ORG, OTHER_ORG, OWN, UNKNOWN, VENDOR
from tests.support.evaluator import Request

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

OURS = re.compile(rf"{OWN}|{FRIEND}|{ORG}\b|198\.51\.100\.")
"""What nobody else has as an account, an organization or an address."""
ALWAYS = {
    "aws:currenttime": ["2026-12-01T00:00:00Z"],
    "aws:requestedregion": ["eu-west-1"],
    "aws:resourceaccount": [OWN],
    "aws:resourceorgid": [ORG],
    "aws:securetransport": ["true"],
    "aws:useragent": ["curl/8", "x"],
    "aws:viaawsservice": ["false"],
}
"""What each request has."""
VARIABLE = re.compile(r"\$\{\s*([^,}\s]+:[^,}\s]+)")
_OF_THE_CALLER = {"aws:principalaccount", "aws:principalarn", "aws:principalisawsservice", "aws:principaltype"}


@dataclass(frozen=True)
class Caller:
    """Whom AWS takes the caller for; no name is an anonymous one."""

    name: str
    context: Mapping[str, Any] = field(default_factory=dict)


def outsiders(policy: list[dict[str, Any]]) -> list[Request]:
    found = statements({"Version": "2012-10-17", "Statement": policy})
    tried = product(_callers(found), dict.fromkeys(calls(found)), list(contexts(found, _OF_THE_CALLER)))
    return [
        Request(principal=caller.name, action=action, arn=arn, context=context | caller.context)
        for caller, (action, arn), context in tried
        # A vendor that tells our id is whom we meant.
        if VENDOR not in caller.name or context.get("sts:externalid", "x") == "x"
    ]


def contexts(policy: list[Statement], fixed: Collection[str]) -> Iterator[dict[str, Any]]:
    """What requests may hold of the keys that the policy asks about, but for the `fixed` ones."""
    keys = _values(policy, fixed)
    for values in product(*keys.values()):
        chosen = {key: value for key, value in zip(keys, values, strict=True) if value is not None}
        yield {key: first for key, (first, *_) in ALWAYS.items()} | chosen


def calls(policy: list[Statement]) -> Iterator[tuple[str, str]]:
    """What the Allow statements allow."""
    for each in policy:
        if each.raw["Effect"] == "Allow":
            actions, named = (as_list(each.raw.get(element, "*")) for element in ("Action", "Resource"))
            arns = [arn for arn in named if arn != "*"] or [OBJECTS]
            for action, arn, star in product(actions, arns, ("x", "")):
                yield "s3:GetObject" if action == "*" else action.replace("*", "GetObject"), arn.replace("*", star)


def _filled(value: str) -> str:
    return value.replace("*", "x").replace("?", "x")


def _callers(policy: list[Statement]) -> list[Caller]:
    """Of each kind that the policy names; and strangers."""
    arns = [f"arn:aws:iam::{UNKNOWN}:{kind}" for kind in ("role/stranger", "user/stranger", "root")]
    others = []
    for each in policy:
        for element in ("Principal", "NotPrincipal"):
            of_it = each.raw.get(element, {})
            for kind, values in (of_it if isinstance(of_it, dict) else {"AWS": of_it}).items():
                for value in as_list(values):
                    if kind == "AWS":
                        arns.append(value)
                    else:
                        others.append((kind, value))
        arns += [
            _filled(value)
            for _, key, values in each.conditions()
            if key in {"aws:principalarn", "aws:principalaccount"}
            for value in values
        ]
    found = [_anonymous()] + [_signed(arn) for arn in dict.fromkeys(map(_role, arns)) if arn and not OURS.search(arn)]
    return found + [_other(kind, value) for kind, value in dict.fromkeys(others)]


def _role(arn: str) -> str:
    if re.fullmatch(r"[0-9]{12}", arn):
        return f"arn:aws:iam::{arn}:role/app"
    return re.sub(r"(?<=:iam::)x(?=:)", UNKNOWN, arn) if arn.startswith("arn:") else ""


def _signed(arn: str) -> Caller:
    kind = {"user": "User", "root": "Account"}.get(re.split("[:/]", arn)[5], "AssumedRole")
    of_caller = {"aws:principalaccount": arn.split(":")[4], "aws:principalarn": arn, "aws:principaltype": kind}
    return Caller(arn, {"aws:principalisawsservice": "false"} | of_caller)


def _anonymous() -> Caller:
    return Caller("", {"aws:principalaccount": "anonymous", "aws:principaltype": "Anonymous"})


def _other(kind: str, name: str) -> Caller:
    if kind == "Service":
        return Caller(name, {"aws:principalisawsservice": "true", "aws:principalservicename": name})
    return Caller(name, {"aws:principalisawsservice": "false"})


def _values(policy: list[Statement], fixed: Collection[str]) -> dict[str, list[str | list[str] | None]]:
    """What callers may have of each key: what the policy names, if it isn't ours alone, something else, or nothing."""
    found: dict[str, list[Any]] = {}
    for each in policy:
        for operator, key, values in each.conditions():
            variables = [name.lower() for value in values for name in VARIABLE.findall(value)]
            for name in [key, *variables]:
                if name not in fixed:
                    found.setdefault(name, [*ALWAYS.get(name, [None])])
            if key in found and key not in {"aws:resourceaccount", "aws:resourceorgid"}:
                found[key] += _named(operator.lower(), values)
            for name in variables:
                if name.startswith("aws:principaltag/"):
                    found[name] += ["x", UNKNOWN]
    found = {key: [*of_key, "x"] if of_key == [None] else of_key for key, of_key in found.items()}
    return {key: [each for at, each in enumerate(of_key) if each not in of_key[:at]] for key, of_key in found.items()}


def _named(operator: str, values: tuple[str, ...]) -> Iterator[Any]:
    """What a condition names, and something else of its type."""
    if "bool" in operator or operator == "null":
        yield from ("true", "false") if "bool" in operator else ()
        return
    for text in _other_values(operator) + [_filled(value) for value in values if "${" not in value]:
        for each in _of_type(operator, text):
            if not OURS.search(each):
                yield [each] if operator.startswith("for") else each


def _other_values(operator: str) -> list[str]:
    if "ipaddress" in operator:
        return ["203.0.113.99"]
    if "arn" in operator:
        return [f"arn:aws:x:eu-west-1:{UNKNOWN}:x"]
    return [] if "date" in operator or "numeric" in operator else ["x", OTHER_ORG, UNKNOWN]


def _of_type(operator: str, text: str) -> list[str]:
    """One on either side, where it is a limit."""
    if "ipaddress" in operator:
        network = ip_network(text, strict=False)
        return [str(network[0]), str(network[-1])]
    if "date" in operator:
        limit = datetime.fromisoformat(text)
        return [(limit + timedelta(hours=hours)).isoformat().replace("+00:00", "Z") for hours in (-1, 1)]
    if "numeric" in operator:
        return [str(float(text) + more) for more in (-1, 0, 1)]
    return [text]
