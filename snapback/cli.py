"""The operator's command line. Commands import what they need when they run, so that `--help` is quick."""

from __future__ import annotations

import os
import sys
import time
import traceback
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from chalicelib.core.record import Record
    from chalicelib.core.settings import Settings
    from chalicelib.wiring import Application
    from snapback.replay import EventOutcome, Replay

FINE, FOUND, BAD, FAULT = 0, 1, 2, 3
MODES = ("off", "alert", "ask", "fix")
STATUSES = (
    *("alerted", "asking", "fighting", "fixing", "fixed", "still_unsafe"),
    *("failed", "undoing", "undone", "gone", "expired"),
)
LEFT_UNSAFE = frozenset({"alerted", "asking", "fighting", "still_unsafe", "failed", "dead_letter"})
"""Outcomes after which something unsafe is still there; they make the exit code 1."""
HERE = Path("snapback.yaml")

_NEW_CREDENTIALS = "get new ones (`aws sso login`, or the AWS_* variables), and see `aws sts get-caller-identity`"
_ADVICE = (
    (("ExpiredToken", "ExpiredTokenException", "RequestExpired"), f"the credentials expired: {_NEW_CREDENTIALS}"),
    (
        ("InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch", "AuthFailure"),
        f"AWS does not know these credentials: {_NEW_CREDENTIALS}",
    ),
    (
        ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"),
        "use a role that may; `snapback catalog GUARDRAIL` lists what a guardrail needs",
    ),
    (
        ("Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException", "SlowDown"),
        "AWS is throttling this account; try again in a minute",
    ),
)


class Refused(click.ClickException):
    """A person asked for what can't be; the text is one line: what, where, what to do."""


class _Cli(click.Group):
    """Tells each error that a person can cause in one line, and a fault of ours with its traceback."""

    def main(self, *args: Any, **extra: Any) -> Any:
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
        try:
            code = super().main(*args, **{**extra, "standalone_mode": False})
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            code = BAD
        except click.UsageError as error:
            command = error.ctx.command_path if error.ctx else "snapback"
            code = _complain(f"{error.format_message().rstrip('.')}; see `{command} --help`", BAD)
        except click.ClickException as error:
            code = _complain(error.format_message(), BAD)
        except click.Abort:
            code = 130
        except Exception as error:  # noqa: BLE001 - told, or shown with its traceback
            line, code = told(error)
            if line:
                _complain(line, code)
            else:
                traceback.print_exc()
        sys.exit(code if isinstance(code, int) else FINE)


def told(error: BaseException) -> tuple[str, int]:
    """An error as a line for a person, and the exit code; no line when it is a fault of ours."""
    from botocore import exceptions as aws

    from chalicelib.adapters.ledger import NoLedger
    from chalicelib.core.engine import CannotAct, FixFailed
    from chalicelib.core.ports import Refused as Busy
    from snapback.logs import BadInput
    from snapback.settings_file import BadSettings

    line, code = "", BAD
    match error:
        case CannotAct() | FixFailed():
            line, code = str(error), FOUND
        case Busy():
            line, code = f"record {error.record} is being worked on by someone else; try again in a minute", FOUND
        case BadSettings() | BadInput() | NoLedger():
            line = str(error)
        case aws.ClientError():
            line = _by_aws(error.operation_name, error.response.get("Error", {}))
        case aws.BotoCoreError():
            line = _by_botocore(error)
    return (line, code) if line else ("", FAULT)


def _by_aws(operation: str, said: Any) -> str:
    code = said.get("Code", "")
    advice = next((advice for codes, advice in _ADVICE if code in codes), "")
    return f"{operation}: {code}: {said.get('Message', '')}; {advice}" if advice else ""


def _by_botocore(error: Exception) -> str:
    from botocore import exceptions as aws

    line = ""
    match error:
        case aws.NoCredentialsError() | aws.PartialCredentialsError() | aws.CredentialRetrievalError():
            line = f"no AWS credentials: {error}; log in (`aws sso login`), or set AWS_PROFILE"
        case aws.SSOError() | aws.TokenRetrievalError() | aws.LoginError():
            line = f"{error}; {_NEW_CREDENTIALS}"
        case aws.NoRegionError():
            line = "no AWS region is chosen; set AWS_REGION, as in AWS_REGION=us-east-1"
        case aws.ProfileNotFound() | aws.ConfigParseError():
            line = f"{error}; see AWS_PROFILE and ~/.aws/config"
        case aws.HTTPClientError() | aws.ConnectionError():
            line = f"AWS can't be reached: {error}; check the network, AWS_REGION and AWS_ENDPOINT_URL"
    return line


def _complain(text: str, code: int) -> int:
    """Each line on stderr after `snapback:`, a diff's as they are."""
    from snapback.render import plain

    for line in text.splitlines():
        head = "" if line[:2] in ("- ", "+ ", "… ") else "snapback: "
        click.echo(f"{head}{plain(line)}", err=True)
    return code


def _warn(problem: object) -> None:
    _complain(f"warning: {problem}", FINE)


@click.group(cls=_Cli, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="snapback", message="%(version)s")
def main() -> None:
    """Unsafe changes in AWS snap back: written down first, proved after, undone with one command.

    Exit codes: 0 fine; 1 something unsafe is left, or the action was refused or failed; 2 usage, bad input, or no
    way to AWS; 3 a fault in Snapback, shown with its traceback.
    """
    if region := os.environ.get("AWS_REGION"):  # boto3 knows only the other; the AWS CLI and the SDKs know both.
        os.environ["AWS_DEFAULT_REGION"] = region


_settings_option = click.option(
    "--settings",
    "settings_path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    envvar="SNAPBACK_SETTINGS",
    help="Settings, YAML or JSON.  [default: snapback.yaml, where there is one]",
)
_mode_option = click.option(
    "--mode", type=click.Choice(MODES), help="For all guardrails, instead of the settings' modes."
)
_all_option = click.option(
    "--all", "everything", is_flag=True, help="Show what is safe, and what no guardrail asks, too."
)
_events_option = click.option(
    "--json",
    "json_path",
    metavar="[FILE]",
    is_flag=False,
    flag_value="-",
    help="Write one JSON object an event; without a FILE, or with -, to stdout in place of the text.",
)
_json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a line instead of text.")
_by_option = click.option(
    "--by", metavar="NAME", help="Who does it, for the history.  [default: the ARN of your credentials]"
)


@main.command(short_help="Recorded events against an AWS in memory.")
@click.argument("paths", metavar="FILE|FOLDER...", nargs=-1, required=True, type=click.Path(path_type=Path))
@_mode_option
@_settings_option
@_events_option
@_all_option
def replay(
    paths: tuple[Path, ...], mode: str | None, settings_path: Path | None, json_path: str | None, everything: bool
) -> int:
    """Run recorded events against an AWS in this machine's memory: what would Snapback have found and done?

    FILE: CloudTrail log files as they are in S3 (.json.gz), JSON lines of records or of EventBridge envelopes.
    Nothing reaches AWS or a channel. The exit code is 1 if anything unsafe is left.
    """
    from snapback import replay as library

    settings = _settings(settings_path)
    with ExitStack() as stack:
        timeline = _Timeline(stack, paths, json_path, everything=everything)
        done = library.replay(paths, settings=settings, mode=mode, on_event=timeline.event, progress=timeline.read)
    return timeline.end(done, real=False)


@main.command(short_help="Recorded events, for real.")
@click.argument("paths", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@_mode_option
@_settings_option
@click.option("--create-ledger", is_flag=True, help="Make the ledger's table if there is none.")
@_events_option
@_all_option
def handle(
    paths: tuple[Path, ...],
    mode: str | None,
    settings_path: Path | None,
    create_ledger: bool,
    json_path: str | None,
    everything: bool,
) -> int:
    """Handle recorded events with your AWS credentials, as the functions in AWS would: for real.

    In mode fix this writes to AWS. Only the events of this account, and of those under `accounts` in the settings,
    are believed. The exit code is 1 if anything unsafe is left.
    """
    from snapback import replay as library

    settings = _settings(settings_path)
    with ExitStack() as stack:
        timeline = _Timeline(stack, paths, json_path, everything=everything)
        done = library.handle(
            paths,
            settings=settings,
            mode=mode,
            create_ledger=create_ledger,
            on_event=timeline.event,
            progress=timeline.read,
        )
    return timeline.end(done, real=True)


@main.command(short_help="A morning in an account, on an AWS in memory.")
@click.option("--all", "everything", is_flag=True, hidden=True)
def demo(everything: bool) -> int:
    """Replay a bundled story in mode fix against an AWS in memory, then undo one of its fixes. Touches nothing else."""
    from chalicelib.core.settings import Settings
    from snapback import render
    from snapback import replay as library
    from snapback.logs import read

    with ExitStack() as stack:
        render.show("$ snapback replay snapback/story/events.jsonl --mode fix")
        timeline = _Timeline(stack, [library.STORY], None, everything=everything)
        entries = read([library.STORY], timeline.read)
        player = stack.enter_context(library.Player(entries, settings=Settings(), mode="fix"))
        done, began = library.Replay(), time.perf_counter()
        for event in player.run():
            done.add(event)
            timeline.event(event)
        done.messages, done.seconds = player.messages, time.perf_counter() - began
        timeline.end(done, real=False)
        event, outcome = [(event, each) for event in done.events for each in event.outcomes if each.status == "fixed"][
            -1
        ]
        render.show("", f"$ snapback undo {outcome.record} --by you")
        fixed = _record(player.application, outcome.record)
        undone = player.aliases.to_log(player.application.engine.undo(fixed.id, "you"))
        _acted(undone, fixed.after, fixed.before, as_json=False)
        render.show("", "The same call again, an hour later: it is let be.", "")
        envelope = next(
            entry.envelope for entry in player.entries if entry.envelope["detail"].get("eventID") == event.event_id
        )
        moment = player.clock.now() + timedelta(hours=1)
        envelope["detail"] |= {"eventID": "again", "eventTime": f"{moment:%Y-%m-%dT%H:%M:%SZ}"}
        player.clock.reach(moment)
        service = outcome.guardrail.partition(".")[0]
        again = player.application.guard(service, player.aliases.to_memory(envelope))
        kept = tuple(player.aliases.to_log(each) for each in again if each.guardrail == outcome.guardrail)
        timeline.event(replace(event, time=envelope["detail"]["eventTime"], outcomes=kept))
    return FINE


class _Timeline:
    """Shows events as they are done: as text, as JSON, or both; a bar on stderr while it lasts."""

    def __init__(self, stack: ExitStack, paths: Sequence[Path], json_path: str | None, *, everything: bool) -> None:
        from snapback import logs, render

        self._render, self._everything, self._day = render, everything, ""
        self._text = json_path != "-"
        self._json: IO[str] | None = None
        files = logs.files(paths)
        if json_path:
            if Path(json_path).resolve() in {path.resolve() for path in files}:
                raise Refused(f"{json_path}: is one of the files to read; name another for --json")
            try:
                self._json = stack.enter_context(click.open_file(json_path, "w", encoding="utf-8"))
            except OSError as error:
                raise Refused(f"{json_path}: can't be written: {error.strerror}; name another for --json") from error
        self._bar = stack.enter_context(render.progress())
        self._task = self._bar.add_task("reading", total=logs.size(files))
        self._seen = 0

    def read(self, size: int) -> None:
        self._bar.advance(self._task, size)

    def event(self, event: EventOutcome) -> None:
        self._seen += 1
        self._bar.update(self._task, description=f"event {self._seen:,}")
        if self._json:
            self._json.write(self._render.as_json(event.to_json()) + "\n")
        if self._text and (rows := self._render.event_rows(event, everything=self._everything)):
            if (day := self._render.day_of(event)) != self._day:
                self._day = day
                rows = [self._render.styled(day, "bold"), *rows]
            self._render.show(*rows)

    def end(self, done: Replay, *, real: bool) -> int:
        if self._text:
            self._render.show(*[""] * bool(self._day), *self._render.summary(done, real=real))
        return FOUND if any(done.counts[status] for status in LEFT_UNSAFE) else FINE


@main.command(short_help="What Snapback looks for.")
@click.argument("globs", metavar="[GUARDRAIL]...", nargs=-1)
@_json_option
def catalog(globs: tuple[str, ...], as_json: bool) -> int:
    """What Snapback looks for; with a GUARDRAIL (an id or a glob), all about it."""
    from chalicelib import catalog as known
    from snapback import render

    rules = [rule for rule in known.all_rules() if not globs or any(fnmatchcase(rule.id, glob) for glob in globs)]
    if not rules:
        raise Refused(f"no guardrail is called {' or '.join(map(repr, globs))}; `snapback catalog` lists them")
    if as_json:
        _lines(map(render.rule_json, rules))
    elif globs:
        render.show(*[part for rule in rules for part in (*render.rule_block(rule), "")][:-1])
    else:
        render.show(render.catalog_table(rules), "", f"{len(rules)} in all; `snapback catalog ID` tells all about one.")
    return FINE


@main.command(short_help="What is in the ledger.")
@click.option(
    "--status",
    "statuses",
    type=click.Choice(STATUSES),
    multiple=True,
    metavar="STATUS",
    help=f"Only these; may be repeated. One of {', '.join(STATUSES)}.",
)
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="The latest so many.")
@_json_option
def records(statuses: tuple[str, ...], limit: int, as_json: bool) -> int:
    """What is in the ledger, the latest first."""
    from itertools import islice

    from chalicelib.core.record import Status
    from chalicelib.core.settings import Settings
    from snapback import render

    ledger = _application(Settings())[0].ledger
    wanted = [Status(status) for status in statuses] or list(Status)
    found = [record for status in wanted for record in islice(ledger.records(status), limit + 1)]
    found.sort(key=lambda record: record.history[-1].at if record.history else "", reverse=True)
    if as_json:
        _lines(map(render.record_json, found[:limit]))
    elif not found:
        render.show(f"No record is {' or '.join(statuses)}." if statuses else "No records: nothing unsafe was found.")
    else:
        render.show(*render.records_list(found[:limit]))
        if len(found) > limit:
            render.show("", f"The latest {limit}; --limit {limit * 4} shows more.")
    return FINE


@main.command(short_help="One record: what was found and done.")
@click.argument("record")
@click.option("--full", is_flag=True, help="The recorded states too. They may hold secrets.")
@_json_option
def show(record: str, full: bool, as_json: bool) -> int:
    """One RECORD: what was found, what was changed, and who did what since."""
    from chalicelib.core.settings import Settings
    from snapback import render

    found = _record(_application(Settings())[0], record)
    if full:
        _warn("the states are as AWS told them and may hold secrets; mind where they go")
    if as_json:
        _lines([render.record_json(found, full=full)])
    else:
        render.show(*render.record_page(found, full=full))
    return FINE


@main.command(short_help="Put back what a record's fix changed.")
@click.argument("record")
@click.option("--force", is_flag=True, help="Even when somebody changed the resource since; that change is lost.")
@_by_option
@_settings_option
@_json_option
def undo(record: str, force: bool, by: str | None, settings_path: Path | None, as_json: bool) -> int:
    """Put back what a RECORD's fix changed, and let the resource be for a while."""
    application, caller = _application(_settings(settings_path))
    fixed = _record(application, record)
    done = application.engine.undo(record, by or caller, force=force)
    return _acted(done, fixed.after, done.before, as_json=as_json)


@main.command(short_help="Do what a record asks for.")
@click.argument("record")
@_by_option
@_settings_option
@_json_option
def approve(record: str, by: str | None, settings_path: Path | None, as_json: bool) -> int:
    """Do what a RECORD that is asking asks for, after looking again."""
    application, caller = _application(_settings(settings_path))
    asking = _record(application, record)
    done = application.engine.approve(record, by or caller)
    return _acted(done, asking.before, done.after, as_json=as_json)


@main.group()
def settings() -> None:
    """The settings file."""


@settings.command("check")
@click.argument("path", metavar="[FILE]", type=click.Path(path_type=Path), default=HERE)
@_json_option
def settings_check(path: Path, as_json: bool) -> int:
    """Is FILE (snapback.yaml) good? Every problem, with its line and what is allowed."""
    from dataclasses import asdict

    from snapback.render import plain
    from snapback.settings_file import check

    found, problems = check(path)
    if as_json:
        _lines(asdict(problem) for problem in problems)
        return FINE if found else BAD
    for problem in problems:
        click.echo(plain(f"{problem} (a warning)" if problem.warning else problem), err=True)
    if found is None:
        return _complain(f"{path} can't be used as it is", BAD)
    parts = {"guardrails set by name": found.guardrails, "exemptions": found.exemptions, "channels": found.channels}
    told = ", ".join(f"{len(part)} {name}" for name, part in parts.items())
    click.echo(f"{path}: fine. Mode {found.mode}; {told}.")
    return FINE


def _acted(record: Record, was: Any, now: Any, *, as_json: bool) -> int:
    from chalicelib.core.diff import changes
    from snapback import render

    lines = changes(was, now) if record.status in {"fixed", "undone", "still_unsafe"} else []
    if as_json:
        _lines([render.record_json(record) | {"changes": lines}])
    else:
        last = record.history[-1]
        told = {
            "record": record.id,
            "status": render.status_text(record.status),
            "resource": record.arn,
            "about": record.title,
            "by": last.by,
            "note": last.note,
        }
        render.show(render.pairs(told), *([render.diff(lines)] if lines else []))
    return FOUND if record.status in LEFT_UNSAFE else FINE


def _lines(objects: Iterable[Any]) -> None:
    from snapback.render import as_json

    for each in objects:
        click.echo(as_json(each))


def _settings(path: Path | None) -> Settings:
    """From the file that was named, else from snapback.yaml here, else as they are without a file."""
    from chalicelib.core.settings import Settings
    from snapback.settings_file import read_settings

    if path is None and not HERE.is_file():
        return Settings()
    return read_settings(path or HERE, warn=_warn)


def _application(settings: Settings) -> tuple[Application, str]:
    """Snapback on the AWS that the environment names, and the ARN of whose credentials these are."""
    import boto3
    from aws_lambda_powertools import Logger

    from chalicelib.wiring import Application

    identity = boto3.Session().client("sts").get_caller_identity()
    quiet = Logger(service="snapback", level="WARNING", stream=sys.stderr)
    return Application(identity["Account"], settings=settings, logger=quiet), identity["Arn"]


def _record(application: Application, id: str) -> Record:
    record = application.ledger.get(id)
    if record is None:
        raise Refused(f"no record {id!r} in the ledger; `snapback records` lists them")
    return record
