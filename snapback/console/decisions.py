"""What an operator decides in the console, with their own credentials: who they are is what STS says, and four eyes hold as in chat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib import catalog
from chalicelib.analysis.diff import changes
from chalicelib.clicks.http import reason, seen_of, until
from chalicelib.core.errors import CannotAct, Drifted
from chalicelib.core.rule import Guardrail
from chalicelib.core.types import ACTIONS
from chalicelib.engine.context import is_gone
from chalicelib.notify.links import choices
from chalicelib.notify.message import message_of, shown_undo
from chalicelib.wiring import carry_out
from snapback.commands.decide import may_decide
from snapback.errors import Refused
from snapback.report.result import line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.core.record import Record
    from chalicelib.wiring import Application


def found(application: Application, id: str) -> Record:
    """Raises CannotAct."""
    if (record := application.ledger.get(id)) is None:
        raise CannotAct(f"no record {line(id)!r} in the ledger")
    return record


def shown(record: Record) -> dict[str, Any]:
    """What the console shows of a record beside its finding: what can be done, and of which state that is meant."""
    actions = [each for each in choices(message_of(record)) if each in ACTIONS]
    seen = {each: seen_of(record, each)[:12] if each != "undo-anyway" else record.offered for each in actions}
    return {"actions": actions, "seen": seen, "offer": shown_undo(record)[1] if "undo-anyway" in actions else []}


def as_it_is_now(application: Application, id: str) -> dict[str, Any]:
    """The third of before → after → now: what differs from what Snapback last left, and whether it is unsafe. Raises CannotAct."""
    record = found(application, id)
    rule, resource = catalog.rule(record.guardrail), record.pointer()
    if not isinstance(rule, Guardrail) or rule.resource.kind() != record.kind:
        raise CannotAct(f"{record.guardrail} judges an event, which leaves nothing to read now")
    reader = application.sessions.reader(resource.account, resource.region)
    try:
        why = rule(resource, reader)
        state = rule.fix.read(resource, reader) if rule.fix else None
    except Exception as error:
        if is_gone(resource, error):
            return {"said": "The resource no longer exists.", "changes": []}
        raise
    lines = (
        []
        if state is None or record.left is None
        else changes(record.left if record.status.traits.written else record.before, state, most=60)
    )
    return {"said": f"Unsafe now: {line(why)}." if why else "Safe now.", "changes": lines}


def decide(application: Application, arn: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Do what is asked of a record, if it still is as it was shown. Raises CannotAct, FixFailed and Refused."""
    action, record_id, seen = (str(asked.get(name, "")) for name in ("action", "record", "seen"))
    record = found(application, record_id)
    if action not in ACTIONS:
        raise Refused("the console doesn't know this action")
    if not seen or not seen_of(record, action).startswith(seen):
        raise CannotAct(f"record {record_id} changed since you saw it; read it again, then decide")
    may_decide(application, record, action, arn)
    request = {"action": action, "seen": seen}
    if action == "exempt":
        try:
            ends = until(str(asked.get("days", "")), str(asked.get("date", "")), application.now())
            request |= {"until": ends.isoformat(), "reason": line(reason(str(asked.get("reason", ""))))}
        except ValueError as error:
            raise Refused(str(error)) from error
    try:
        done = carry_out(application, request, record_id, arn)
    except Drifted as drifted:
        if drifted.offer:
            application.engine.offer_undo(record_id, arn, drifted)
        raise
    return {"said": f"Record {record_id}: {message_of(done).did}", "status": str(done.status)}
