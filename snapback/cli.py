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
    from collections.abc import Callable, Iterable, Sequence

    from chalicelib.core.record import Record
    from chalicelib.core.settings import Settings
    from chalicelib.core.sweep import Place
    from chalicelib.wiring import Application
    from snapback.dlq import Letter, Look, Queue
    from snapback.replay import EventOutcome, Replay
    from snapback.sweep import Finding

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

    from chalicelib.adapters.ledger import NoLedger, NoSpill
    from chalicelib.core.engine import CannotAct, FixFailed
    from chalicelib.core.ports import Refused as Busy
    from snapback.dlq import NoQueue
    from snapback.logs import BadInput
    from snapback.settings_file import BadSettings
    from snapback.sweep import NoSuch

    line, code = "", BAD
    match error:
        case CannotAct() | FixFailed():
            line, code = str(error), FOUND
        case Busy():
            line, code = f"record {error.record} is being worked on by someone else; try again in a minute", FOUND
        case BadSettings() | BadInput() | NoLedger() | NoSpill() | NoQueue() | NoSuch():
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
_stack_option = click.option(
    "--stack",
    metavar="NAME",
    envvar="SNAPBACK_STACK",
    default="snapback",
    show_default=True,
    callback=lambda _context, _option, value: (
        value.split("/")[1] if value.startswith("arn:") and "/" in value else value
    ),
    help="The CloudFormation stack that Snapback is, by name or ARN; its outputs tell where things are.",
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


@main.command(short_help="Every guardrail about every resource, for real.")
@_mode_option
@_settings_option
@click.option(
    "--guardrail", "globs", metavar="GUARDRAIL", multiple=True, help="Only these, by id or glob; may be repeated."
)
@click.option("--service", "services", metavar="SERVICE", multiple=True, help="Only the guardrails of these, as in s3.")
@click.option(
    "--account",
    "accounts",
    metavar="ACCOUNT",
    multiple=True,
    help="Only in these.  [default: that of your credentials, and `accounts` in the settings]",
)
@click.option(
    "--region",
    "regions",
    metavar="REGION",
    multiple=True,
    help="Only in these.  [default: AWS_REGION, `regions` in the settings, and global services]",
)
@click.option("--create-ledger", is_flag=True, help="Make the ledger's table if there is none.")
@click.option(
    "--json",
    "json_path",
    metavar="[FILE]",
    is_flag=False,
    flag_value="-",
    help="Write one JSON object a finding; without a FILE, or with -, to stdout in place of the text.",
)
def sweep(
    mode: str | None,
    settings_path: Path | None,
    globs: tuple[str, ...],
    services: tuple[str, ...],
    accounts: tuple[str, ...],
    regions: tuple[str, ...],
    create_ledger: bool,
    json_path: str | None,
) -> int:
    """Ask every guardrail about every resource there is, with your AWS credentials: for real.

    In mode fix this writes to AWS, and takes a ledger; without one, what is found is only told. What can't be looked at
    is told at the end, and does not hold up the rest. It can be stopped, and run again.
    The exit code is 1 if anything unsafe is left, 2 if something could not be asked about.
    """
    from snapback import render
    from snapback import sweep as library
    from snapback.replay import quiet

    rules = library.chosen(globs, services)
    settings = library.as_asked(_settings(settings_path), mode, globs)
    found, _ = _application(settings)
    application = quiet(found.home, found.settings, table=found.table, spill=found.spill)
    there = application.ledger.exists()
    if create_ledger and not there:
        application.ledger.create()
    elif not there and mode in {"ask", "fix"}:
        application.ledger.get("none")  # Raises NoLedger.
    elif not there:
        _warn("there is no ledger, so what is found is told only; --create-ledger makes one")
        application = library.unkept(application)
    kept = there or create_ledger
    here = application.dynamodb.meta.region_name
    where = library.whither(
        application.settings, rules, home=application.home, here=here, accounts=accounts, regions=regions
    )
    with ExitStack() as stack:
        lines = _json_lines(stack, json_path)
        bar = stack.enter_context(render.progress())
        task = bar.add_task("sweeping", total=len(where))
        unsafe = False

        def on_place(place: Place) -> None:
            bar.update(task, advance=1, description=render.plain(f"{place.kind} {place.account} {place.region}"))

        def on_finding(finding: Finding) -> None:
            nonlocal unsafe
            unsafe = unsafe or finding.outcome.status in LEFT_UNSAFE | {"duplicate"}
            if lines:
                lines.write(render.as_json(finding.to_json()) + "\n")
            if json_path != "-":
                render.show(render.finding_row(finding))

        run = f"{application.now():%Y-%m-%dT%H:%M:%S.%f}"
        done = library.sweep(application, where, run, kept=kept, on_place=on_place, on_finding=on_finding)
    if json_path != "-":
        render.show(*render.swept(done))
    for why, times in done.errors.most_common():
        _complain(why + f" ({times} times)" * (times > 1), BAD)
    return BAD if done.errors else FOUND if unsafe else FINE


def _json_lines(stack: ExitStack, path: str | None) -> IO[str] | None:
    if not path:
        return None
    try:
        return stack.enter_context(click.open_file(path, "w", encoding="utf-8"))
    except OSError as error:
        raise Refused(f"{path}: can't be written: {error.strerror}; name another for --json") from error


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
        fixes = [(event, each) for event in done.events for each in event.outcomes if each.status == "fixed"]
        event, outcome = [(event, each) for event, each in fixes if not _waits(each.guardrail)][-1]
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


def _waits(guardrail: str) -> bool:
    from chalicelib import catalog

    rule = catalog.rule(guardrail)
    return bool(getattr(rule, "grace", None))


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
            self._json = _json_lines(stack, json_path)
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


@main.command(short_help="Is Snapback well, and what waits for a person?")
@_stack_option
@_json_option
def status(stack: str, as_json: bool) -> int:
    """Are writes stopped, what waits for a person, and is Snapback alive? The exit code is 1 if anything is amiss."""
    from snapback import deployed, render
    from snapback.status import health

    queues = (deployed.DEAD_LETTERS, deployed.FAILED_MESSAGES)
    application, _, parts = _deployed(stack, *queues)
    found = health(application, *(parts.get(queue, "") for queue in queues))
    if as_json:
        _lines([found.to_json()])
    else:
        render.show(render.health_page(found, stack))
    return FINE if found.well else FOUND


@main.group(short_help="The accounts and regions that are looked after.")
def accounts() -> None:
    """The accounts and regions in the settings."""


@accounts.command("check")
@_settings_option
@_stack_option
@_json_option
def accounts_check(settings_path: Path | None, stack: str, as_json: bool) -> int:
    """Is each account and region looked after? Its roles, its rules, its trail, and whether its events arrive.

    With credentials of the home account that may assume the reader (the stack's parameter Operators). The exit code is 1
    if anything is amiss.
    """
    from snapback import deployed, render
    from snapback.accounts import check

    application, _ = _application(_settings(settings_path))
    parts = deployed.parts(stack, deployed.LEDGER)
    application.table = parts.get(deployed.LEDGER, application.table)
    region = application.sessions.source.region_name or ""
    found = list(check(application, region, application.ledger.records()))
    if as_json:
        _lines(each.to_json() for each in found)
    else:
        render.show(render.checks_table(found))
    return FINE if all(each.well for each in found) else FOUND


@main.command(short_help="Stop all writes to AWS, everywhere.")
@click.option("--why", metavar="TEXT", required=True, help="Shown in chat, and by `snapback status`.")
@_by_option
@_stack_option
def stop(why: str, by: str | None, stack: str) -> int:
    """Stop all writes of all functions, within a minute, until `snapback start`. They go on looking, and ask instead."""
    from snapback import render

    application, caller, _ = _deployed(stack)
    application.ledger.stopped()  # Raises NoLedger.
    application.ledger.stop(render.plain(by or caller), render.plain(why))
    render.show(
        f"All writes are {application.ledger.stopped()}",
        "Within a minute no function writes, but to the ledger; what they would fix, they ask for.",
        "`snapback start` lets them go on.",
    )
    return FINE


@main.command(short_help="Let writes go on.")
@_by_option
@_stack_option
def start(by: str | None, stack: str) -> int:
    """Let the functions write again, after `snapback stop`. What asked meanwhile waits for `snapback approve`."""
    from snapback import render

    application, caller, _ = _deployed(stack)
    was = application.ledger.stopped()
    if was:
        application.ledger.start(render.plain(by or caller))
    render.show(f"Writes go on. They were {was}" if was else "Writes were not stopped.")
    return FINE


@main.group(short_help="Events and messages that were given up.")
def dlq() -> None:
    """Dead letters: events that no function could handle, and messages that no channel took."""


_queue_option = click.option(
    "--queue",
    "queues",
    metavar="QUEUE",
    multiple=True,
    help="events, messages, or a queue's URL; may be repeated.  [default: events and messages]",
)
_letters_argument = click.argument("ids", metavar="[LETTER]...", nargs=-1)
_all_letters_option = click.option("--all", "everything", is_flag=True, help="All there are, in these queues.")


@dlq.command("list", short_help="What was given up, and why.")
@_queue_option
@_stack_option
@_json_option
def dlq_list(queues: tuple[str, ...], stack: str, as_json: bool) -> int:
    """What was given up, and why, the oldest first."""
    from snapback import render
    from snapback.dlq import looking

    with looking(_queues(queues, stack)) as look:
        pass
    if as_json:
        _lines(each.to_json() for each in look.letters)
    else:
        render.show(*render.letters_list(look.letters))
        if look.elsewhere:
            render.show(f"About {look.elsewhere} more: somebody is looking at them just now.")
    return FINE


@dlq.command("show", short_help="One letter: the event, and why it failed.")
@click.argument("id", metavar="LETTER")
@click.option("--full", is_flag=True, help="The event as it is. It may hold secrets.")
@_queue_option
@_stack_option
@_json_option
def dlq_show(id: str, full: bool, queues: tuple[str, ...], stack: str, as_json: bool) -> int:
    """One LETTER (an id of `snapback dlq list`, or its first characters): the event, and why it failed."""
    from snapback import render
    from snapback.dlq import looking

    with looking(_queues(queues, stack)) as look:
        (letter,) = _chosen(look, (id,), everything=False)
    if full:
        _warn("the event is as AWS told it and may hold secrets; mind where it goes")
    if as_json:
        _lines([render.letter_json(letter, full=full)])
    else:
        render.show(*render.letter_page(letter, full=full))
    return FINE


@dlq.command("redrive", short_help="Have letters handled again.")
@_letters_argument
@_all_letters_option
@click.option("--local", is_flag=True, help="In this process, with your credentials, as `snapback handle` does.")
@_settings_option
@_queue_option
@_stack_option
def dlq_redrive(
    ids: tuple[str, ...],
    everything: bool,
    local: bool,
    settings_path: Path | None,
    queues: tuple[str, ...],
    stack: str,
) -> int:
    """Have LETTERs handled again, by the functions that gave them up.

    An event is given to its function, which tries thrice, and makes it a dead letter again if need be. Messages are
    read again from the ledger's stream, or after a day from the ledger itself, and sent to the channels that don't
    have them yet. A letter is deleted when that has succeeded. Doing it twice is harmless.
    """
    from botocore.exceptions import ClientError

    from chalicelib.core.engine import described
    from snapback.dlq import Failed, looking

    again = _Again(stack, settings_path, local=local)
    with looking(_queues(queues, stack)) as look:
        for letter in _chosen(look, ids, everything=everything):
            try:
                done = again.event(letter) if letter.event is not None else again.messages(letter)
            except (Failed, ClientError) as error:
                if not isinstance(error, Failed) and told(error)[0]:
                    raise
                why = str(error) if isinstance(error, Failed) else described(error)
                again.code = _complain(f"{letter.id[:8]} stays: {letter.what}: {why}", FOUND)
                continue
            look.take(letter)
            click.echo(done)
    return again.code


@dlq.command("drop", short_help="Delete letters for good.")
@_letters_argument
@_all_letters_option
@click.option("--yes", is_flag=True, help="Don't ask.")
@_queue_option
@_stack_option
def dlq_drop(ids: tuple[str, ...], everything: bool, yes: bool, queues: tuple[str, ...], stack: str) -> int:
    """Delete LETTERs for good: nobody will handle those events, or be told what those messages say."""
    from snapback import render
    from snapback.dlq import looking

    with looking(_queues(queues, stack)) as look:
        chosen = _chosen(look, ids, everything=everything)
        if chosen and not yes:
            render.show(*render.letters_list(chosen, hint=False))
            words = f"drop {len(chosen)}"
            if click.prompt(f"To delete them for good, type {words!r}", err=True) != words:
                raise Refused("nothing was dropped")
        for letter in chosen:
            look.take(letter)
    click.echo(f"{len(chosen)} dropped.")
    return FINE


class _Again:
    """Has letters handled again, as they come; answers what was done as a line, or raises dlq.Failed."""

    def __init__(self, stack: str, settings_path: Path | None, *, local: bool) -> None:
        from snapback import deployed, replay

        self.code = FINE
        self._stack, self._local = stack, local
        found, _, _ = _deployed(stack, deployed.SPILL)
        settings = _settings(settings_path) if local else found.settings
        self._logger = found.logger
        self._here = replay.quiet(found.home, settings, table=found.table, spill=found.spill)

    def event(self, letter: Letter) -> str:
        from chalicelib import catalog
        from snapback import dlq, render
        from snapback.logs import as_entry
        from snapback.replay import DEAD, REFUSED, delivered

        if not self._local:
            words = (f"guard_{service}".split("_") for service in catalog.services())
            kinds = "|".join("".join(map(str.capitalize, each)) for each in words)
            arn = dlq.function_arn(letter, self._here.home, self._stack, kinds)
            dlq.invoke(arn, letter.event, wait=False)
            return render.plain(f"{letter.id[:8]}  {letter.what}: given to {letter.function_name} again")
        (done,) = delivered([as_entry(letter.event, letter.id)], self._here)
        if done.why.startswith(REFUSED):
            raise dlq.Failed(f"{done.why}; if that is right, drop it")
        if dead := [outcome.reason for outcome in done.outcomes if outcome.status == DEAD]:
            raise dlq.Failed("; ".join(dead))
        if any(outcome.status in LEFT_UNSAFE for outcome in done.outcomes):
            self.code = FOUND
        became = [f"{outcome.guardrail} {outcome.status}".replace("_", " ") for outcome in done.outcomes]
        return render.plain(
            f"{letter.id[:8]}  {letter.what}: {', '.join(became) or 'nothing that a guardrail asks about'}"
        )

    def messages(self, letter: Letter) -> str:
        from chalicelib import catalog
        from chalicelib.adapters import outbox, outward
        from snapback import dlq, render

        self._here.logger = self._logger  # It tells which channel did not take what.
        if letter.batch is None and letter.message is None:
            raise dlq.Failed("look at it with `snapback dlq show`, then drop it")
        to_tools = "-Outward-" in letter.function_name
        tell: Callable[[Any], Any] = lambda event: outbox.notify(self._here, event, None)  # noqa: E731 - one of three
        if not self._local:
            arn = dlq.function_arn(letter, self._here.home, self._stack, "Notify|Outward")
            tell = lambda event: dlq.invoke(arn, event, wait=True)  # noqa: E731 - one of three
        elif to_tools and not self._here.sinks:
            raise dlq.Failed("the settings name no tool under `outward` to send it to")
        elif to_tools:
            tell = lambda event: outward.deliver(self._here, event, None, catalog.rule)  # noqa: E731 - one of three
        elif not self._here.channels:
            raise dlq.Failed("the settings name no channel to send it to")
        if letter.message is not None:
            done = dlq.message_again(letter, tell)
            if self._local:
                outbox.drain(self._here)
            return render.plain(f"{letter.id[:8]}  {letter.what}: {done}")
        count = dlq.messages_again(letter, self._here.ledger, self._here.table, tell)
        return f"{letter.id[:8]}  {count} items of the ledger gone through; what was not sent yet is sent, or held until it can be"


def _queues(named: tuple[str, ...], stack: str) -> list[Queue]:
    """Those that are named, by what they hold or by URL, or both of the stack's."""
    from snapback import deployed
    from snapback.dlq import Queue

    outputs = {"events": deployed.DEAD_LETTERS, "messages": deployed.FAILED_MESSAGES}
    named = tuple(dict.fromkeys(named or outputs))
    if odd := [each for each in named if each not in outputs and not each.startswith(("https://", "http://"))]:
        raise Refused(f"--queue {odd[0]} is neither events nor messages nor a queue's URL, which starts with https://")
    parts = deployed.parts(stack, *(outputs[each] for each in named if each in outputs))
    urls = [parts.get(outputs.get(each, ""), "") if each in outputs else each for each in named]
    if "" in urls:
        variable = deployed.VARIABLES[outputs[named[urls.index("")]]]
        raise Refused(
            f"where the queue of {named[urls.index('')]} is, no stack {stack!r} here tells: name yours with --stack, or the "
            f"queue with --queue URL or {variable}; mind AWS_REGION"
        )
    return [Queue(url) for url in urls]


def _chosen(look: Look, ids: tuple[str, ...], *, everything: bool) -> list[Letter]:
    """The letters that are meant, by the first characters of their ids."""
    if everything == bool(ids):
        raise Refused("name letters of `snapback dlq list`, or say --all" + " alone" * bool(ids))
    if everything:
        return list(look.letters)
    chosen = []
    for start in ids:
        fitting = [letter for letter in look.letters if letter.id.startswith(start)] if start else []
        if len(fitting) != 1:
            what = f"{len(fitting)} letters begin with" if fitting else "there is no letter"
            hint = "; somebody else may be looking at it just now" if look.elsewhere and not fitting else ""
            raise Refused(f"{what} {start!r}; `snapback dlq list` shows them{hint}")
        chosen += fitting
    return list({letter.id: letter for letter in chosen}.values())


def _deployed(stack: str, *needed: str) -> tuple[Application, str, dict[str, str]]:
    """Snapback with the ledger of a stack, whose credentials these are, and the other parts that are needed."""
    from chalicelib.core.settings import Settings
    from snapback import deployed

    parts = deployed.parts(stack, deployed.LEDGER, *needed)
    application, caller = _application(Settings())
    application.table = parts.get(deployed.LEDGER, application.table)
    application.spill = parts.get(deployed.SPILL, application.spill)
    return application, caller, parts


@main.group(short_help="Where records are told.")
def chat() -> None:
    """The channels of the settings."""


@chat.command("test", short_help="Send a channel one of each message.")
@click.argument("name", metavar="CHANNEL")
@_settings_option
@_json_option
def chat_test(name: str, settings_path: Path | None, as_json: bool) -> int:
    """Send a CHANNEL of the settings one of each message, each marked as a test, and tell which arrived.

    The channel's secrets are read from the AWS that the environment names. The exit code is 1 unless all arrived.
    """
    from dataclasses import asdict

    import boto3
    from aws_lambda_powertools import Logger

    from chalicelib.adapters.channels import open_channel
    from chalicelib.adapters.ledger import utc_now
    from chalicelib.adapters.links import open_links
    from snapback import chat, render

    found = _settings(settings_path)
    chosen = next((each for each in found.channels if each.name == name), None)
    if chosen is None:
        names = ", ".join(each.name for each in found.channels) or "none"
        raise Refused(f"no channel {name!r} in {settings_path or HERE}; its channels: {names}")
    quiet = Logger(service="snapback", level="WARNING", stream=sys.stderr)
    channel = open_channel(chosen, source=boto3.Session(), links=open_links(found, utc_now, quiet))
    sent = []
    for each in chat.send(channel, utc_now(), time.sleep):
        sent.append(each)
        if as_json:
            _lines([asdict(each)])
        else:
            click.echo(render.plain(f"{each.name:<14}{each.wrong and 'did not arrive: '}{each.wrong or 'arrived'}"))
    arrived = sum(not each.wrong for each in sent)
    if not as_json:
        click.echo(f"{arrived} of {len(sent)} arrived at {name}.")
    return FINE if arrived == len(sent) else FOUND


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


@settings.command("publish")
@click.argument("path", metavar="[FILE]", type=click.Path(path_type=Path), default=HERE)
@click.option(
    "--to", metavar="PLACE", help="ssm:/NAME or appconfig:APPLICATION/ENVIRONMENT/PROFILE.  [default: the stack's]"
)
@click.option("--yes", is_flag=True, help="Don't ask.")
@_stack_option
def settings_publish(path: Path, to: str | None, yes: bool, stack: str) -> int:
    """Make FILE (snapback.yaml) what the functions go by, within a minute and without a deploy.

    It is checked first, and what it changes is shown. The stack has to be deployed with Settings=ssm or Settings=appconfig.
    """
    from snapback import deployed, render
    from snapback.publish import NotPublished, Place, difference
    from snapback.settings_file import read_settings

    new = read_settings(path, warn=_warn)
    try:
        parts = {} if to else deployed.parts(stack, deployed.SETTINGS, deployed.STRATEGY)
        place = Place(to or parts.get(deployed.SETTINGS, ""), parts.get(deployed.STRATEGY, ""))
        live = place.live()
        lines = difference(live, new)
        if not lines and live is not None:
            click.echo(f"{place.source} is what {path} says already.")
            return FINE
        render.show(
            f"What changes in {place.source}" + ", which is empty yet" * (live is None) + ":", render.diff(lines)
        )
        if not yes and click.prompt("To publish it, type 'publish'", err=True) != "publish":
            raise Refused("nothing was published")
        click.echo(f"Published as {place.write(new)}. Functions go by it within a minute.")
    except NotPublished as error:
        raise Refused(str(error)) from error
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

    from chalicelib.adapters.settings import deployed
    from chalicelib.wiring import Application

    identity = boto3.Session().client("sts").get_caller_identity()
    quiet = Logger(service="snapback", level="WARNING", stream=sys.stderr)
    return Application(identity["Account"], settings=deployed(settings), logger=quiet), identity["Arn"]


def _record(application: Application, id: str) -> Record:
    record = application.ledger.get(id)
    if record is None:
        raise Refused(f"no record {id!r} in the ledger; `snapback records` lists them")
    return record
