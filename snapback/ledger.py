"""The ledger's table, as commands need and make it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.aws.ledger_table import TABLE_VARIABLE
from chalicelib.core.errors import NoLedger

if TYPE_CHECKING:
    from chalicelib.wiring import Application


def make_ledger(application: Application) -> None:
    """Make the table if there is none. Raises NoLedger where it is of an earlier version."""
    if not application.ledger.exists():
        application.ledger.create()
    elif lacking := application.ledger.lacking():
        raise NoLedger(
            f"table {application.table!r} is of an earlier version without the index {lacking[0]!r}: deploy the stack again, "
            f"which adds the index; if no stack created the table, set {TABLE_VARIABLE} to a new one"
        )


def require_ledger(application: Application) -> None:
    """Raises NoLedger, with the option that makes the table: only commands that have it ask here."""
    try:
        application.ledger.get("none")
    except NoLedger as missing:
        raise NoLedger(f"{missing}; --create-ledger creates it") from None
