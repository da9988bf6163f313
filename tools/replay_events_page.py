"""docs/replay-events.md: which of the events that rules hear a replay re-enacts, approximates or can't re-enact, and why.

From the tables that a replay uses itself; whether memory has a call is tried there.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore import xform_name
from botocore.model import ListShape, MapShape, Shape, StructureShape

from chalicelib import catalog
from chalicelib.core.pattern import API_CALL
from snapback.memory_aws.memory import MemoryAws
from snapback.replay.aliases import fold
from snapback.replay.calls import model_of, operations_of
from snapback.replay.direct import BESIDES, INSTEAD
from snapback.replay.hidden import BLIND, MADE_UP, NEEDED, TAGS
from snapback.replay.presupposed import ec2
from snapback.replay.presupposed.presuppose import BY_NAME
from snapback.replay.reenact import LACKS, lacks, no_call

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ACCOUNT = "111122223333"
_EXAMPLES: dict[str, Any] = {
    "blob": b"x",
    "boolean": True,
    "double": 1.0,
    "float": 1.0,
    "timestamp": "2026-01-01T00:00:00Z",
}
_ACCOUNT = {"AccountId": ACCOUNT}
_DEEPEST = 6
_INTRO = """# Which events a replay re-enacts

{made}
`snapback replay` makes each successful call of a log that changes something again, on an AWS in memory. This page lists each event that a guardrail or a tripwire hears.
What can't be re-enacted is `unjudged` for every guardrail that it concerns, with the reason, until a later call says all anew. A tripwire judges the event alone,
so it never needs more than the record.

| {heads} |
|{rule}
| {counts} |
"""


@dataclass(frozen=True, slots=True)
class Heard:
    """One event that rules hear. `why` it can't be re-enacted, or needn't be; `taken` is what replay takes for hidden parts."""

    source: str
    name: str
    rules: tuple[str, ...]
    kind: str
    why: str = ""
    taken: tuple[str, ...] = ()


_KINDS = {
    "re-enacted": "Re-enacted",
    "approximated": "Approximated",
    "not possible": "Not possible",
    "nothing": "Nothing to re-enact",
}


def page(made: str) -> str:
    found = heard()
    by_kind = {kind: [each for each in found if each.kind == kind] for kind in _KINDS}
    heads, counts = " | ".join(_KINDS.values()), " | ".join(str(len(each)) for each in by_kind.values())
    lines = [_INTRO.format(made=made, heads=heads, rule="---:|" * len(_KINDS), counts=counts)]
    lines += ["## Not possible", "", "| event | rules | why |", "|---|---|---|"]
    lines += [f"| {_event(each)} | {_rules(each)} | {each.why} |" for each in by_kind["not possible"]]
    lines += ["", "## Approximated", ""]
    lines += [
        "CloudTrail hides a part of these calls or leaves it out. The call is re-enacted with something in its place.",
        "",
    ]
    lines += ["| event | rules | what the replay takes |", "|---|---|---|"]
    lines += [f"| {_event(each)} | {_rules(each)} | {'; '.join(each.taken)} |" for each in by_kind["approximated"]]
    lines += [
        "",
        f"Where CloudTrail hides a call's tags, `{TAGS}` and guardrails whose mode depends on tags are `unjudged`.",
        "",
    ]
    lines += ["## Presupposed", ""]
    lines += [
        "A log starts in the middle. What these parameters name, and the log did not create, is made first, in a safe state.",
        "",
    ]
    lines += ["| service | parameters |", "|---|---|", *_presupposed(), ""]
    lines += ["## Nothing to re-enact", "", "The rule reads the event or the real state that it names.", ""]
    lines += ["| event | rules | why |", "|---|---|---|"]
    lines += [f"| {_event(each)} | {_rules(each)} | {each.why} |" for each in by_kind["nothing"]]
    lines += ["", "## Re-enacted", "", "| service | events |", "|---|---|"]
    services: dict[str, list[str]] = defaultdict(list)
    for each in by_kind["re-enacted"]:
        services[each.source].append(f"`{each.name}`")
    lines += [f"| {source} | {', '.join(names)} |" for source, names in services.items()]
    return "\n".join(lines) + "\n"


@cache
def heard() -> tuple[Heard, ...]:
    """Each event that rules name, in the order of the alphabet."""
    rules: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for rule in catalog.all_rules():
        for one in rule.on.get("$or", [rule.on]):
            for key in _named(one):
                rules[key].add(rule.id)
    with MemoryAws(ACCOUNT) as memory:
        return tuple(_judged(memory, *key, tuple(sorted(rules[key]))) for key in sorted(rules))


def _named(pattern: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The sources, names and detail-types of one alternative. Lambda's dated names are the plain ones, once more."""
    detail = pattern.get("detail", {})
    for kind in map(_plain, pattern.get("detail-type", ())):
        if kind == API_CALL and "eventSource" not in detail:
            yield "any service", "any call", ""
        elif kind == API_CALL:
            sources = [each.removesuffix(".amazonaws.com") for each in detail["eventSource"]]
            yield from ((each, name, kind) for each in sources for name in detail["eventName"] if isinstance(name, str))
        else:
            yield from ((_plain(each).removeprefix("aws."), kind, kind) for each in pattern.get("source", ()))


def _plain(matcher: Any) -> str:
    return matcher if isinstance(matcher, str) else f"{matcher['prefix']}…"


def _judged(memory: MemoryAws, source: str, name: str, kind: str, rules: tuple[str, ...]) -> Heard:
    if not kind:
        return Heard(source, name, rules, "nothing", "the rule asks who calls, not what")
    if kind != API_CALL:
        return Heard(source, name, rules, "nothing", "a service's own event, not a call")
    detail = {"eventSource": f"{source}.amazonaws.com", "eventName": name, "eventType": "AwsApiCall"}
    if why := no_call({"detail-type": kind, "detail": detail}):
        return Heard(source, name, rules, "nothing", why)
    operations = operations_of(source, name)
    if not operations:
        return Heard(source, name, rules, "not possible", "boto3 knows no such call")
    if not any(each in INSTEAD or _is_in_memory(memory, *each) for each in operations):
        return Heard(source, name, rules, "not possible", LACKS)
    taken = tuple(dict.fromkeys(each for operation in operations for each in _taken(*operation)))
    return Heard(source, name, rules, "approximated" if taken else "re-enacted", taken=taken)


def _is_in_memory(memory: MemoryAws, service: str, operation: str) -> bool:
    """Tried with made-up parameters, few and many: any other answer says that memory has the call."""
    call = getattr(memory.actor(service, ACCOUNT, "us-east-1"), xform_name(operation))
    shape = model_of(service).operation_model(operation).input_shape
    for depth in (0, 2):
        try:
            call(**(_example(shape, depth) if shape else {}))
        except Exception as error:  # noqa: BLE001 - moto raises anything for what isn't there
            if lacks(error):
                continue
        return True
    return False


def _example(shape: Shape, depth: int) -> Any:
    """What botocore takes: of a structure all members down to a depth, then only those that it needs."""
    least = int(shape.metadata.get("min", 1))
    match shape:
        case StructureShape():
            names = shape.members if depth > 0 else shape.required_members
            return {name: _ACCOUNT.get(name) or _example(shape.members[name], depth - 1) for name in names}
        case ListShape():
            return [_example(shape.member, depth)] * max(least, 1)
        case MapShape():
            return {}
    if shape.type_name == "string":
        return next(iter(shape.metadata.get("enum", ())), "x" * max(least, 1))
    return _EXAMPLES.get(shape.type_name, max(least, 1))


def _taken(service: str, operation: str) -> Iterator[str]:
    """What a replay takes for what CloudTrail hides of a call."""
    shape = model_of(service).operation_model(operation).input_shape
    members = dict.fromkeys(_members(shape)) if shape else {}
    for member in members:
        if (service, member) in MADE_UP:
            needed = (service, operation, member) in NEEDED
            value = "made up" if needed or MADE_UP[service, member] is not None else "left out"
            yield f"`{member}` is {value}"
        elif guardrails := BLIND.get((service, fold(member))):
            yield f"`{member}` is left out where it is hidden: `{guardrails}` is `unjudged`"
    if (service, operation) in BESIDES:
        yield "the code is made up, under the hash that AWS answered"


def _members(shape: Shape, depth: int = 0) -> Iterator[str]:
    if depth > _DEEPEST:
        return
    if isinstance(shape, StructureShape):
        for name, member in shape.members.items():
            yield name
            yield from _members(member, depth + 1)
    elif isinstance(shape, ListShape):
        yield from _members(shape.member, depth + 1)


def _presupposed() -> Iterable[str]:
    services: dict[str, list[str]] = defaultdict(list)
    for service, name in sorted(BY_NAME):
        services[service].append(f"`{name}`")
    services["ec2"] += [f"`{prefix}-…`" for prefix in sorted(ec2.BY_ID)]
    return [f"| {service} | {', '.join(names)} |" for service, names in sorted(services.items())]


def _event(each: Heard) -> str:
    return f"{each.source} `{each.name}`"


def _rules(each: Heard) -> str:
    links = (f"[{rule}](guardrails/{rule.replace('.', '/', 1)}.md)" for rule in each.rules)
    return ", ".join(links)
