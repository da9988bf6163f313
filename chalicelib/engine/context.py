"""What the parts of the engine share: ports, settings, clock, and how a record's rule and resource are found again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from chalicelib.core.errors import CannotAct, Unfinished
from chalicelib.core.event import Event, dig
from chalicelib.core.eventual import EVENTUAL, SETTLES_WITHIN
from chalicelib.core.faults import fault_number, is_fault
from chalicelib.core.record import Record
from chalicelib.core.rule import Guardrail, Rule
from chalicelib.core.types import UNDER_WAY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chalicelib.core.outcome import Outcome
    from chalicelib.core.ports import Ledger, Sessions, WhoChanged
    from chalicelib.core.resource import Resource
    from chalicelib.core.session import Session
    from chalicelib.core.settings import Settings
    from chalicelib.core.types import State

T = TypeVar("T")

SNAPBACK = "snapback"
TIME_NEEDED = 15.0
"""Seconds that a fix and its proof may take; with less left in the function, none is begun."""
PROOF_PAUSES = (0.5, 1.0, 2.0)
"""Seconds between the reads of a proof that still finds the old state: reads in AWS may lag behind a write."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """One per account and container; `rule` is a look-up by id, for undo and approve."""

    ledger: Ledger
    sessions: Sessions
    settings: Settings
    rule: Callable[[str], Rule]
    who_changed: WhoChanged
    now: Callable[[], datetime]
    sleep: Callable[[float], None]
    time_left: Callable[[], float]
    later: Callable[[Mapping[str, Any], datetime], None]
    look_again: Callable[[Mapping[str, Any]], object] | None = None
    """Has an event come again in a minute; None where nothing does, or nobody wants it."""

    def reader(self, resource: Resource) -> Session:
        """A fresh reader session of a resource's account and region."""
        return self.sessions.reader(resource.account, resource.region)

    def recalled(self, record_id: str) -> tuple[Record, Guardrail[Any], Resource]:
        """A record with its guardrail, which has a fix, and its resource. Raises CannotAct."""
        record = self.ledger.get(record_id)
        if record is None:
            raise CannotAct(f"no record {record_id!r} in the ledger; `snapback records` lists them")
        try:
            rule, resource = self.rule(record.guardrail), record.pointer()
        except LookupError as error:
            raise CannotAct(f"record {record_id}: {error}") from error
        if isinstance(rule, Guardrail) and record.kind != rule.resource.kind():
            raise CannotAct(
                f"record {record_id}: {record.guardrail} is not about a {record.kind}; the record is forged"
            )
        if not isinstance(rule, Guardrail) or rule.fix is None:
            raise CannotAct(f"record {record_id}: {record.guardrail} only alerts; it has no fix to approve or undo")
        if not record.document and record.before is not None:  # An earlier version locked slots, and wrote no document.
            record = replace(record, document=document_of(rule, resource, record.before))
        return record, rule, resource

    def settled(self, read: Callable[[], T], is_settled: Callable[[T], bool], pauses: Sequence[float]) -> T:
        """What `read` answers once it is settled, or after the last pause."""
        found = read()
        for pause in pauses:
            if is_settled(found):
                break
            self.sleep(pause)
            found = read()
        return found


def is_settling(context: Context, rule: Guardrail[Any], record: Record) -> bool:
    """Whether reads may still tell what was there before the record's last write."""
    if rule.fix is None or record.status not in UNDER_WAY:
        return False
    within = rule.fix.settles_within or (SETTLES_WITHIN if rule.service in EVENTUAL else timedelta())
    return context.now() < datetime.fromisoformat(record.life[-1].at) + within


def draft_of(rule: Rule, resource: Resource, event: Event, **more: Any) -> Record:
    """A record of a rule and a resource, without a step: what is the same whatever was found."""
    same = {"severity": rule.severity, **more}
    return Record(
        id=Record.id_for(rule.id, resource, event.id),
        guardrail=rule.id,
        title=rule.title,
        kind=resource.kind(),
        resource=resource.id,
        account=resource.account,
        region=resource.region,
        arn=resource.arn,
        actor=event.actor,
        event_id=event.id,
        event_name=event.name,
        event_time=event.time,
        found_by="sweep" if is_scheduled(event) else "event",
        **same,
    )


def document_of(rule: Rule, resource: Resource, before: State) -> str:
    """What is locked while a fix of this resource is written: `<service>#<document>#<arn>#<region>`."""
    assert isinstance(rule, Guardrail)
    assert rule.fix is not None
    return f"{rule.service}#{rule.fix.document}#{rule.fix.owner(resource, before)}#{resource.region}"


def unfinished(outcomes: list[Outcome], errors: list[Exception]) -> Unfinished:
    """What is raised when some guardrails raised."""
    return Unfinished(outcomes, errors, [describe_error(error) for error in errors])


def is_scheduled(event: Event) -> bool:
    """Whether it is the clock's: it names no resource, and is about all."""
    return event.source == "aws.events" and event.name == "Scheduled Event"


def is_gone(resource: Resource, error: Exception) -> bool:
    return dig(response_of(error), "Error", "Code") in resource.gone


def describe_error(error: Exception) -> str:
    """An error in one line, fit for the record: AWS's code and message without what looks like a secret.

    A fault in Snapback is only a number: its text is of no use to who reads the record, and may hold what was read.
    """
    if is_fault(error):
        return f"a fault in Snapback, number {fault_number(error)}: look for the number in its log"
    # Imported late: its patterns take longer to compile than the rest of the engine.
    from chalicelib.analysis.secrets import redact
    from chalicelib.analysis.text import plain, without_page

    code = dig(response_of(error), "Error", "Code")
    said = dig(response_of(error), "Error", "Message") if code else str(error)
    return plain(redact(f"{code or type(error).__name__}: {without_page(str(said))}"))[:300]


def response_of(error: Exception) -> Mapping[str, Any]:
    """What AWS answered, where an error is AWS's."""
    response = getattr(error, "response", None)
    return response if isinstance(response, Mapping) else {}
