"""Options and helpers that several commands share."""

from __future__ import annotations

import io
import sys
from contextlib import contextmanager, nullcontext, redirect_stdout
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from chalicelib.core.types import Mode, Status, having
from snapback.errors import DENIED, FINE, FOUND, INTERRUPTED, BadSettings, Refused
from snapback.stderr import complain, warn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import ExitStack

    from chalicelib.core.record import Record
    from chalicelib.core.settings import Settings
    from chalicelib.wiring import Application

MODES = tuple(map(str, Mode))
STATUSES = tuple(map(str, Status))
LEFT_UNSAFE = frozenset({*having("unsafe"), "dead_letter"})
"""Outcomes after which something unsafe remains; they make the exit code 1."""
HERE = Path("snapback.yaml")
_GONE = "the resource no longer exists; nothing is left to fix"


settings_option = click.option(
    "--settings",
    "settings_path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    envvar="SNAPBACK_SETTINGS",
    help="Settings file, YAML or JSON.  [default: snapback.yaml, if it exists]",
)
mode_option = click.option(
    "--mode", type=click.Choice(MODES), help="Mode for all guardrails, instead of the settings' modes."
)
all_option = click.option(
    "--all", "everything", is_flag=True, help="Also show safe resources, and events that no guardrail evaluates."
)
events_option = click.option(
    "--json",
    "json_path",
    metavar="[FILE]",
    is_flag=False,
    flag_value="-",
    help="Write one JSON object per event to FILE. Without FILE, or with -, write to stdout instead of text.",
)


def many_option(name: str, to: str, metavar: str, help: str, **more: Any) -> Callable[[Any], Any]:
    """A filter that may be given several times; `help` ends without a full stop."""
    return click.option(name, to, metavar=metavar, multiple=True, help=f"{help}; may be repeated.", **more)


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line instead of text.")
by_option = click.option(
    "--by", metavar="NOTE", help="A note for the history, such as your name, beside the ARN of your credentials."
)
stack_option = click.option(
    "--stack",
    metavar="NAME",
    envvar="SNAPBACK_STACK",
    default="snapback",
    show_default=True,
    callback=lambda _context, _option, value: (
        value.split("/")[1] if value.startswith("arn:") and "/" in value else value
    ),
    help="Snapback's CloudFormation stack, by name or ARN.",
)


class _Named(io.FileIO):
    """A file whose errors name it, also those that come with the last flush."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            raise OSError(error.errno, error.strerror, self.name) from error


def open_json(stack: ExitStack, path: str | None) -> IO[str] | None:
    if not path:
        return None
    try:
        if path == "-":
            return stack.enter_context(click.open_file(path, "w", encoding="utf-8"))
        return stack.enter_context(io.TextIOWrapper(io.BufferedWriter(_Named(path, "w")), encoding="utf-8"))
    except OSError as error:
        raise Refused(f"can't write {path}: {error.strerror}; pass another file to --json") from error


def deployed_application(
    stack: str, *needed: str, settings: Settings | None = None
) -> tuple[Application, str, dict[str, str]]:
    """Snapback with a stack's ledger, the ARN of the credentials, and the other requested parts of the stack.

    With credentials that can't read the stack, the ledger is the environment's, or the default one.
    """
    from botocore.exceptions import ClientError

    from chalicelib.core.settings import Settings
    from snapback import deployed

    application, caller = open_application(settings or Settings())
    try:
        parts = deployed.parts(stack, deployed.LEDGER, *needed)
    except ClientError as error:
        if needed or error.response["Error"]["Code"] not in DENIED:
            raise
        parts = {}
    application.table = parts.get(deployed.LEDGER, application.table)
    application.spill = parts.get(deployed.SPILL, application.spill)
    return application, caller, parts


@contextmanager
def on_interrupt(so_far: Callable[[], str]) -> Iterator[None]:
    """Ctrl-C ends a command with one line: what was done, what is kept, how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        raise click.exceptions.Exit(complain(f"interrupted: {so_far()}", INTERRUPTED)) from None


@contextmanager
def on_stderr(as_json: bool) -> Iterator[None]:
    """With --json, what is for people goes to stderr meanwhile."""
    with redirect_stdout(sys.stderr) if as_json else nullcontext():
        yield


def acting(caller: str, by: str | None) -> str:
    """Who acts, for the history: whom AWS says, with their own note."""
    return f"{caller} ({by})" if by else caller


def acted(record: Record, was: Any, now: Any, *, as_json: bool) -> int:
    from chalicelib.analysis.diff import changes
    from snapback import render
    from snapback.account_names import account

    written = record.status.traits.written and record.status not in (Status.FAILED, Status.GONE)
    lines = changes(was, now) if written else []
    if as_json:
        echo_json([render.record_json(record) | {"changes": lines}])
    else:
        last = record.history[-1]
        told = {
            "record": record.id,
            "status": render.status_text(record.status),
            "resource": record.shown_arn,
            "account": f"{account(record.account)}, {record.region}",
            "about": record.title,
            "by": last.by,
            "note": last.note or (_GONE if record.status is Status.GONE else ""),
        }
        render.show(render.pairs(told), *([render.diff(lines)] if lines else []))
    return FOUND if record.status in LEFT_UNSAFE else FINE


def echo_json(objects: Iterable[Any]) -> None:
    from snapback.render import as_json

    for each in objects:
        click.echo(as_json(each))


def load_settings(path: Path | None, *, offline: bool = False) -> Settings:
    """From the named file, else from snapback.yaml in this folder, else the defaults.

    What is shown from then on has accounts' names beside their numbers; `offline`, Organizations isn't asked for them.
    """
    from chalicelib.core.settings import Settings
    from snapback.settings_file import read_settings

    found = Settings() if path is None and not HERE.is_file() else read_settings(path or HERE, warn=warn)
    _show_names(found, offline=offline)
    return found


def load_names(path: Path | None) -> None:
    """For a command that reads no other settings: those that have errors only cost the accounts' names."""
    try:
        load_settings(path)
    except BadSettings as error:
        if path:
            raise
        warn(f"{HERE} has errors, so accounts have no names here; see `snapback settings check`: {error.problems[0]}")


def _show_names(settings: Settings, *, offline: bool) -> None:
    from snapback.account_names import ACCOUNT_NAMES, with_names

    if context := click.get_current_context(silent=True):
        context.meta[ACCOUNT_NAMES] = cache(lambda: (settings if offline else with_names(settings, warn)).account_names)


def open_application(settings: Settings) -> tuple[Application, str]:
    """Snapback with the environment's credentials, and their ARN."""
    import boto3
    from aws_lambda_powertools import Logger

    from chalicelib.aws.settings_source import deployed
    from chalicelib.wiring import Application

    identity = boto3.Session().client("sts").get_caller_identity()
    quiet = Logger(service="snapback", level="WARNING", stream=sys.stderr)
    return Application(identity["Account"], settings=deployed(settings), logger=quiet), identity["Arn"]
