"""`snapback undo`, `approve` and `fix`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from chalicelib.core.errors import CannotAct, Drifted
from chalicelib.core.types import REFUSED, SECOND_WANTED
from snapback.commands.options import (
    acted,
    acting,
    by_option,
    deployed_application,
    json_option,
    load_settings,
    on_interrupt,
    settings_option,
    stack_option,
)

if TYPE_CHECKING:
    from pathlib import Path

    from chalicelib.core.record import Record
    from chalicelib.wiring import Application


@click.command(short_help="Restore what a record's fix changed.")
@click.argument("record")
@click.option(
    "--force",
    is_flag=True,
    help="Undo even if somebody changed the resource after the fix. Parts of their change may be lost.",
)
@by_option
@settings_option
@stack_option
@json_option
def undo(record: str, force: bool, by: str | None, settings_path: Path | None, stack: str, as_json: bool) -> int:
    """Restore what the fix of a RECORD changed, and exempt the resource for a while.

    You can't undo the fix of your own change: with `four_eyes` in the settings, somebody else must.

    Example: snapback undo s3.0123456789abcdef
    """
    from snapback.record_filters import record_of

    application, caller, _ = deployed_application(stack, settings=load_settings(settings_path))
    fixed = record_of(application, record)
    who = may_decide(application, fixed, "undo", caller, by)
    try:
        with on_interrupt(lambda: _left(application, fixed)):
            done = application.engine.undo(fixed.id, who, force=force)
    except Drifted as drifted:
        if not drifted.offer or as_json or not sys.stdin.isatty():
            raise
        click.echo(drifted)
        click.confirm("Undo as shown?", abort=True)
        done = application.engine.undo(fixed.id, who, offered=drifted.offer)
    return acted(done, fixed.left, done.undone, as_json=as_json)


@click.command(short_help="Approve what a record asks for.")
@click.argument("record")
@by_option
@settings_option
@stack_option
@click.option("--fix", "demand", is_flag=True, help="Also fix a record that doesn't ask, as `snapback fix` does.")
@json_option
def approve(record: str, by: str | None, settings_path: Path | None, stack: str, demand: bool, as_json: bool) -> int:
    """Approve what a RECORD asks for. Snapback evaluates the resource again first.

    You can't approve the fix of your own change: with `four_eyes` in the settings, somebody else must.

    Example: snapback approve s3.0123456789abcdef
    """
    return _approved(record, by, settings_path, stack, as_json=as_json, demand=demand)


@click.command(short_help="Fix what a record only reports, or try a failed fix again.")
@click.argument("record")
@by_option
@settings_option
@stack_option
@json_option
def fix(record: str, by: str | None, settings_path: Path | None, stack: str, as_json: bool) -> int:
    """Fix the finding of a RECORD that is alerted, fighting, still unsafe or failed. Snapback evaluates the resource again first.

    If the resource changed since, nothing is fixed, and the record asks with the new state.

    Example: snapback fix s3.0123456789abcdef
    """
    return _approved(record, by, settings_path, stack, as_json=as_json, demand=True)


def _approved(
    record: str, by: str | None, settings_path: Path | None, stack: str, *, as_json: bool, demand: bool = False
) -> int:
    from snapback.record_filters import record_of

    application, caller, _ = deployed_application(stack, settings=load_settings(settings_path))
    found = record_of(application, record)
    who = may_decide(application, found, "fix" if demand else "approve", caller, by)
    with on_interrupt(lambda: _left(application, found)):
        done = application.engine.approve(found.id, who, demand=demand)
    return acted(done, found.before, done.after, as_json=as_json)


def may_decide(application: Application, record: Record, action: str, arn: str, by: str | None = None) -> str:
    """Who decides, for the history. Raises CannotAct for a person's own change, as chat does; the attempt is on record."""
    from chalicelib.clicks.approvers import caller, has_spoken, is_own_change, wants_second

    person, who = caller(arn), acting(arn, by)
    if own := is_own_change(person, record, application.settings):
        application.engine.refuse(record.id, who, f"{action}: {own}", REFUSED)
        raise CannotAct(f"{own}; your attempt is on record {record.id}")
    if why := wants_second(person, action, record, application.settings):
        if not has_spoken(person, action, record):
            application.engine.refuse(record.id, who, f"{action}: {why}", SECOND_WANTED)
        raise CannotAct(f"{why}; your decision is on record {record.id}")
    return who


def _left(application: Application, before: Record) -> str:
    now = application.ledger.get(before.id) or before
    if now.status.traits.under_way:
        return f"record {now.id} is {now.status}, with its former state kept; Snapback's functions finish it within five minutes"
    return f"record {now.id} is {now.status}; `snapback show {now.id}` shows what was done"
