"""A schedule evaluates unjudged resources again, so that a compliant evaluation needn't ask the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.core.rule import Guardrail
from chalicelib.core.types import Status, Unrecorded
from chalicelib.engine.evaluate import Readers
from chalicelib.engine.refusal import refusal_of
from chalicelib.engine.unjudged import NotJudged, Unjudged, again_event

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.core.record import Record
    from chalicelib.core.types import Close
    from chalicelib.engine.context import Context
    from chalicelib.engine.evaluate import Evaluation

_WHY: Mapping[str, Close] = {Unrecorded.COMPLIANT: "safe", Unrecorded.OFF: "exempt", Unrecorded.EXEMPT: "exempt"}
"""Why a record is closed, by what its resource is found to be; by anything else, another record tells of it."""


class LookAgain:
    """Closes the record once the resource can be judged; a finding is recorded, and fixed, as for the first event."""

    def __init__(self, context: Context, evaluation: Evaluation) -> None:
        self._context, self._evaluation, self._unjudged = context, evaluation, Unjudged(context)

    def __call__(self, record: Record) -> Record:
        """Answers the record as it was when it isn't time yet, or it can't be judged still. Raises as `handle` does."""
        if not self._unjudged.is_due(record):
            return record
        try:
            rule, resource = self._context.rule(record.guardrail), record.pointer()
        except LookupError as error:
            return self._unjudged.closed(record, Status.EXPIRED, str(error), "judged")
        assert isinstance(rule, Guardrail)
        if resource.kind() != rule.resource.kind():
            return self._listed(rule, record)
        event = again_event(record)
        found = self._evaluation.check(rule, resource, event, Readers(self._context))
        if isinstance(found, NotJudged):
            found = self._unjudged.exempt(found, event) or found
        if isinstance(found, NotJudged) or found.status == Unrecorded.WAITING:
            return self._unjudged.still(record)
        if found.status == Status.GONE:
            return self._unjudged.closed(record, Status.GONE)
        said = f", record {found.record}" if found.record else ""
        note = "now exempt" if found.status == Unrecorded.EXEMPT else f"Snapback could check it: {found.status}{said}"
        return self._unjudged.closed(record, Status.EXPIRED, note, _WHY.get(found.status, "judged"))

    def _listed(self, rule: Guardrail[Any], record: Record) -> Record:
        """For a record that stands for all of a kind, which could not be listed."""
        place = record.pointer()
        try:
            next(iter(rule.resource.all_in(self._context.reader(place))), None)
        except Exception as error:
            if refusal_of(error, rule, place):
                return self._unjudged.still(record)
            raise
        note = "the resources can be listed now; the next sweep evaluates them"
        return self._unjudged.closed(record, Status.EXPIRED, note, "judged")
