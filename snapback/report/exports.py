"""A result for other tools: CSV, OCSF, SARIF, and counts by compliance requirement. Each answers the file's content."""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from chalicelib import catalog
from chalicelib.analysis.text import cut, plain
from chalicelib.core.event import Actor
from chalicelib.core.record import Record, Step
from chalicelib.core.types import ASIDE, Severity, Status
from chalicelib.exports.base import ExportedStep
from chalicelib.exports.ocsf import finding as ocsf_finding
from chalicelib.notify.message import message_of
from snapback.record_filters import COLUMNS, cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from chalicelib.core.rule import Rule
    from snapback.report.result import Finding, Result

_LEVELS = {"critical": ("error", "9.5"), "high": ("error", "8.0"), "medium": ("warning", "5.5"), "low": ("note", "3.0")}
"""SARIF's level, and GitHub's `security-severity`."""
_MEANT = re.compile(r"[][\\{}]")
"""What a SARIF message takes for a link or a placeholder."""
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def as_csv(result: Result) -> bytes:
    """The columns of `snapback records --csv`, and what was done."""
    return _rows((*COLUMNS, "did"), map(_row, result.findings))


def _row(each: Finding) -> list[str]:
    when = f"{each.time:%Y-%m-%dT%H:%M:%SZ}"
    about = [each.id, each.status, each.severity, when, each.account, each.region, each.guardrail, each.resource]
    from snapback.render import BY_NOBODY

    by_nobody = each.found_by == "sweep" and each.actor.kind == "Unknown"
    return [*about, each.reason, each.event, BY_NOBODY if by_nobody else each.actor.name, each.actor.tool, each.did]


def _rows(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> bytes:
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(header)
    table.writerows([cell(str(value)) for value in row] for row in rows)
    return out.getvalue().encode()


def as_ocsf(result: Result) -> bytes:
    """JSON lines: an OCSF Detection Finding each, as it now stands."""
    rules = {rule.id: rule for rule in catalog.all_rules()}
    return b"".join(msgspec.json.encode(_ocsf(each, rules)) + b"\n" for each in result.findings)


def _ocsf(each: Finding, rules: Mapping[str, Rule]) -> dict[str, Any]:
    record = record_again(each)
    message = replace(message_of(record), changes=each.changes, changed=each.changed)
    return ocsf_finding(ExportedStep("", record, message, rules.get(each.guardrail)))


def record_again(each: Finding) -> Record:
    """The record again, as far as a result holds it: without states."""
    who = msgspec.to_builtins(each.actor)
    del who["name"]
    return Record(
        id=each.id,
        guardrail=each.guardrail,
        title=each.title,
        severity=each.severity,
        kind=each.kind,
        resource=each.resource,
        account=each.account,
        region=each.region,
        arn=each.resource,
        reason=each.reason,
        actor=Actor(**{"kind": "", "principal": "", "account": "", **who}),
        event_id=each.event_id,
        event_name=each.event,
        event_time=each.time,
        seen_at=each.time,
        mode=each.mode,
        status=Status(each.status),
        fix=each.fix,
        error=each.error,
        reversible=each.reversible,
        calls=each.calls,
        found_by=each.found_by,
        history=_steps(each) or (Step(each.time.isoformat(timespec="milliseconds"), each.status, "snapback"),),
    )


def _steps(each: Finding) -> tuple[Step, ...]:
    """Those that changed something."""
    kept = (step for step in each.history if step.status not in ASIDE)
    return tuple(Step(step.at, step.status, step.by, step.note, step.why) for step in kept)  # type: ignore[arg-type]


def as_sarif(result: Result) -> bytes:
    """SARIF 2.1.0: https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/sarif-v2.1.0-os.html."""
    guardrails = sorted({each.guardrail for each in result.findings})
    places = {guardrail: place for place, guardrail in enumerate(guardrails)}
    run = {
        "tool": {
            "driver": {
                "name": "Snapback",
                "semanticVersion": result.snapback,
                "rules": [_rule(each, result.cards.get(each, {})) for each in guardrails],
            }
        },
        "results": [_sarif(each, places[each.guardrail]) for each in result.findings],
    }
    return msgspec.json.format(msgspec.json.encode({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}), indent=1)


def _rule(guardrail: str, card: Mapping[str, Any]) -> dict[str, Any]:
    title, why = card.get("title", guardrail), card.get("why", guardrail)
    level, score = _LEVELS[card.get("severity", Severity.MEDIUM)]
    found = card.get("technique", "")
    tags = [] if isinstance(found, str) else [f"MITRE ATT&CK {each['id']}" for each in found]
    return {
        "id": guardrail,
        "shortDescription": _said(title),
        "fullDescription": _said(why),
        "help": _said(why),
        "defaultConfiguration": {"level": level},
        "properties": {
            "security-severity": score,
            "tags": [*dict.fromkeys(["security", *tags, *card.get("controls", [])])],
        },
    }


def _sarif(each: Finding, place: int) -> dict[str, Any]:
    state = {} if each.is_unsafe else {"suppressions": [{"kind": "external", "justification": each.did}]}
    return {
        "ruleId": each.guardrail,
        "ruleIndex": place,
        "level": _LEVELS[each.severity][0],
        "message": _said(f"{each.reason}. {each.did}"),
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": _uri(each.resource)}},
                "logicalLocations": [{"fullyQualifiedName": each.resource, "kind": "resource"}],
            }
        ],
        "partialFingerprints": {"snapbackRecord/v1": each.id},
        "properties": {
            "status": each.status,
            "account": each.account,
            "region": each.region,
            "time": f"{each.time:%Y-%m-%dT%H:%M:%SZ}",
            "event": each.event,
            "actor": each.actor.name,
        },
        **state,
    }


def _said(text: str) -> dict[str, str]:
    """Text that is no link and no placeholder, whatever a resource's name holds: sections 3.11.5 and 3.11.6."""
    return {"text": _MEANT.sub(lambda found: 2 * found[0] if found[0] in "{}" else f"\\{found[0]}", text)}


def _uri(arn: str) -> str:
    return quote(arn, safe=":/@-._~")


def as_compliance(result: Result) -> bytes:
    """CSV: each requirement that a finding concerns, by the controls on the guardrails' cards."""
    header = ("standard", "requirement", "guardrails", "findings", "unsafe", "worst", "records")
    return _rows(header, _requirements(result))


def _requirements(result: Result) -> Iterator[list[Any]]:
    found: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for each in result.findings:
        card = result.cards.get(each.guardrail, {})
        for standard, listed in card.get("compliance", {}).items():
            for requirement in listed:
                found[standard, requirement].append(each)
        for control in card.get("controls", ()):
            found["AWS Security Hub and CIS controls", control].append(each)
    ranks = list(map(str, Severity))
    for (standard, requirement), some in sorted(found.items()):
        guardrails = sorted({each.guardrail for each in some})
        worst = max((each.severity for each in some), key=ranks.index)
        records = cut(plain(" ".join(each.id for each in some)), 2000)
        yield [
            standard,
            requirement,
            " ".join(guardrails),
            len(some),
            sum(each.is_unsafe for each in some),
            worst,
            records,
        ]


WRITERS = {"csv": as_csv, "ocsf": as_ocsf, "sarif": as_sarif, "compliance": as_compliance}
"""By the option's name."""
