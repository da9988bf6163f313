"""A result: what a replay, a sweep or the ledger found, as one JSON file that reports and the console read.

All texts in it are redacted: a result holds differences of states, never the states themselves.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from chalicelib.analysis.secrets import redact
from chalicelib.analysis.text import cut, plain
from chalicelib.core.types import ASIDE, Severity, Status
from chalicelib.notify.message import DONE, message_of
from chalicelib.version import VERSION as SNAPBACK
from snapback.catalog import entries
from snapback.errors import Refused
from snapback.private_file import write_private

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from chalicelib.core.record import Record

FORMAT = "snapback-result"
VERSION = 1
LARGEST = 200_000_000
"""Bytes of a file that is read."""
_MOST_LINES = 60
"""Lines of a difference."""
_CARD = (
    "title", "kind", "severity", "doc", "why", "legitimate", "right_way", "prevention", "technique", "controls",
    "compliance", "reads", "fix_reads", "writes", "fix", "reversible",
)  # fmt: skip
"""What a report shows of a rule."""


Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class Author(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who made the change."""

    name: str
    kind: str = ""
    principal: str = ""
    account: str = ""
    session: str = ""
    source_ip: str = ""
    tool: str = ""
    via: str = ""
    source_identity: str = ""


class HistoryStep(msgspec.Struct, frozen=True, array_like=True):
    at: str
    status: str
    by: str
    note: str
    why: str = ""


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """A record without its states. `changes` were made if `changed`; if not, they are what the fix would do."""

    id: str
    status: str
    severity: str
    time: Moment
    account: str
    region: str
    guardrail: str
    title: str
    resource: str
    kind: str
    reason: str
    event: str
    actor: Author
    mode: str
    did: str
    event_id: str = ""
    found_by: str = "event"
    fix: str = ""
    error: str = ""
    reversible: bool = True
    changed: bool = False
    changes_title: str = DONE
    changes: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    history: tuple[HistoryStep, ...] = ()
    commands: dict[str, str] = {}

    @property
    def is_unsafe(self) -> bool:
        return self.status in {*Status} and Status(self.status).traits.unsafe


class Unchecked(msgspec.Struct, frozen=True):
    """What could not be checked, how often, and why."""

    what: str
    why: str
    times: int = 1


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """`figures` are the source's own, such as how many events were replayed."""

    format: Literal["snapback-result"] = "snapback-result"
    version: int = VERSION
    snapback: str = SNAPBACK
    kind: Literal["replay", "sweep", "plan", "records"]
    made: Moment
    account: str = ""
    source: str = ""
    figures: dict[str, int] = {}
    account_names: dict[str, str] = {}
    findings: list[Finding]
    unchecked: list[Unchecked] = []
    cards: dict[str, dict[str, Any]] = {}


def result_of(
    kind: Literal["replay", "sweep", "plan", "records"],
    records: Iterable[Record],
    *,
    account: str = "",
    source: str = "",
    figures: Mapping[str, int] | None = None,
    unchecked: Iterable[Unchecked] = (),
) -> Result:
    from snapback.account_names import account_names

    findings = sorted((finding_of(record) for record in records), key=lambda each: (each.time, each.id))
    accounts = {account, *(each.account for each in findings)}
    return Result(
        kind=kind,
        made=datetime.now(UTC).replace(microsecond=0),
        account=account,
        source=line(source),
        figures=dict(figures or {}),
        account_names={number: line(name) for number, name in account_names().items() if number in accounts},
        findings=findings,
        unchecked=list(unchecked),
        cards=cards_of({each.guardrail for each in findings}),
    )


def cards_of(guardrails: set[str]) -> dict[str, dict[str, Any]]:
    """The cards of these rules; one of an author's own, or of another version, has none."""
    return {each["id"]: {name: each[name] for name in _CARD} for each in entries() if each["id"] in guardrails}


def finding_of(record: Record) -> Finding:
    message = message_of(record, most_changes=_MOST_LINES)
    who = {name: line(getattr(record.actor, name)) for name in Author.__struct_fields__ if name != "name"}
    return Finding(
        id=record.id,
        status=str(record.status),
        severity=str(record.severity),
        time=record.event_time,
        account=record.account,
        region=record.region,
        guardrail=record.guardrail,
        title=message.title,
        resource=message.resource,
        kind=record.kind,
        reason=message.reason,
        event=line(record.event_name),
        actor=Author(name=line(record.actor.name), **who),
        mode=record.mode,
        did=message.did,
        event_id=line(record.event_id),
        found_by=record.found_by,
        fix=line(record.fix),
        error=line(record.error),
        reversible=record.reversible,
        changed=message.changed,
        changes_title=message.changes_title,
        changes=message.changes,
        calls=tuple(map(line, record.calls)),
        history=tuple(
            HistoryStep(each.at, each.status, line(each.by), line(each.note), each.why) for each in record.history
        ),
        commands=dict(message.commands),
    )


@lru_cache(maxsize=50_000)
def line(text: str, most: int = 500) -> str:
    """One line without secrets. Of thousands of records, most texts are the same."""
    return cut(plain(redact(text)), most)


def write_result(path: Path, result: Result) -> None:
    write_private(path, msgspec.json.encode(result) + b"\n")


class _Head(msgspec.Struct):
    format: str = ""
    version: int = 0


class _Card(msgspec.Struct):
    """What pages take a card's parts for."""

    title: str
    severity: Severity
    doc: str
    why: str
    right_way: str | dict[str, str]
    prevention: str | list[dict[str, Any]]
    technique: str | list[dict[str, str]]
    controls: list[str]
    compliance: dict[str, list[str]]
    reads: list[str]
    fix_reads: list[str]
    writes: list[str]


def _check(result: Result) -> None:
    """Raises msgspec.ValidationError for words that no Snapback writes: somebody else may have sent the file."""
    msgspec.convert(result.cards, dict[str, _Card])
    for names, known in (("status", Status), ("severity", Severity)):
        if strange := next((word for each in result.findings if (word := getattr(each, names)) not in {*known}), None):
            raise msgspec.ValidationError(f"{strange!r} is no {names}")
    words = {step.status for each in result.findings for step in each.history}
    if strange := next(iter(words - {*Status} - ASIDE), None):
        raise msgspec.ValidationError(f"{strange!r} is no status")


def read_result(path: Path) -> Result:
    """Raises Refused, in one line, for what is no result of this version."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise Refused(
            f"can't read {path}: {error.strerror}; write one with `snapback replay … --result FILE`"
        ) from error
    if len(content) > LARGEST:
        raise Refused(f"{path} is larger than {LARGEST // 1_000_000} MB; write a result of fewer findings")
    try:
        head = msgspec.json.decode(content, type=_Head)
        if head.format != FORMAT:
            raise Refused(f"{path} is no result of Snapback; write one with --result of replay, sweep or records")
        if head.version != VERSION:
            raise Refused(
                f"{path} has version {head.version} of the result format, and this Snapback reads {VERSION}; "
                "write the result again with this version"
            )
        result = msgspec.json.decode(content, type=Result)
        _check(result)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise Refused(f"{path} is no whole result: {line(str(error))}; write it again with --result") from error
    return result
