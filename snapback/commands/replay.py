"""`snapback replay`, `handle` and `demo`: recorded events, through the same functions as in AWS."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from snapback.commands.options import (
    LEFT_UNSAFE,
    acted,
    all_option,
    deployed_application,
    events_option,
    load_settings,
    mode_option,
    open_json,
    settings_option,
    stack_option,
)
from snapback.commands.report import Reports, report_options, spare
from snapback.errors import FINE, FOUND, INTERRUPTED, Refused
from snapback.stderr import complain, warn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from snapback.replay.choose import Choice
    from snapback.replay.kept import Entry, Log
    from snapback.replay.replay import EventOutcome, Player, Replay


_OFTEN = 1000
"""Sorted events, after which the progress bar moves."""
_TOLD = 5
"""Skipped parts of the input that are told one by one, without --all."""
_strict_option = click.option(
    "--strict", is_flag=True, help="Stop at input that holds no events, instead of skipping it."
)


def _filters(command: Any) -> Any:
    """Options that leave out events before they cost anything."""
    for option in (
        click.option("--guardrail", multiple=True, metavar="ID", help="Only this guardrail; * and ? are wildcards."),
        click.option("--service", multiple=True, metavar="NAME", help="Only events of this service, such as s3."),
        click.option("--region", multiple=True, metavar="REGION", help="Only events of this region."),
        click.option("--account", multiple=True, metavar="ID", help="Only events of this account."),
        click.option("--until", metavar="TIME", help="Only events before this time (UTC)."),
        click.option("--since", metavar="TIME", help="Only events from this time on (UTC), such as 2026-11-01 or 7d."),
    ):
        command = option(command)
    return command


def _chosen(  # the options' own names
    *,
    since: str | None,
    until: str | None,
    account: tuple[str, ...],
    region: tuple[str, ...],
    service: tuple[str, ...],
    guardrail: tuple[str, ...],
) -> Choice:
    """Raises Refused and NoSuchRule for filters that can fit nothing."""
    from chalicelib import catalog
    from snapback.known import check_guardrails, check_places, check_services, check_times, event_services
    from snapback.replay.choose import Choice

    check_guardrails(guardrail, catalog.all_rules())
    check_services(service, event_services())
    check_places(account, region)
    first, end = as_time("--since", since), as_time("--until", until)
    check_times(first, end)
    return Choice(
        since=first,
        until=end,
        accounts=frozenset(account),
        regions=frozenset(region),
        services=frozenset(service),
        guardrails=frozenset(guardrail),
    )


def as_time(option: str, value: str | None) -> datetime | None:
    """Raises Refused for what is no time."""
    from snapback.record_filters import moment

    try:
        return moment(value) if value else None
    except click.BadParameter:
        raise Refused(f"{option} {value}: not a time; write it as 2026-11-01 or 2026-11-01T09:00:00Z") from None


@click.command(short_help="Run recorded events on an in-memory AWS.")
@click.argument("paths", metavar="FILE|FOLDER|s3://BUCKET/PREFIX|-...", nargs=-1, required=True)
@mode_option
@settings_option
@click.option(
    "--compare",
    nargs=2,
    metavar="A.yaml B.yaml",
    type=click.Path(path_type=Path),
    help="Instead, show which findings and fixes B gains and loses; exit code 1 if it loses any.",
)
@_filters
@_strict_option
@events_option
@all_option
@report_options()
def replay(
    paths: tuple[str, ...],
    mode: str | None,
    settings_path: Path | None,
    json_path: str | None,
    everything: bool,
    strict: bool,
    compare: tuple[Path, Path] | None,
    **filters: Any,
) -> int:
    """Run recorded events on an in-memory AWS, and show what Snapback would have found and done.

    FILE: CloudTrail log files as in S3 (.json.gz), JSON lines of records or EventBridge envelopes, the output of
    `aws cloudtrail lookup-events`, or exports of CloudTrail Lake and Athena (CSV, JSON). `-` is the standard input.
    Snapback reads s3:// with your credentials. Nothing else reaches AWS, and nothing reaches a channel. The exit code is
    1 if anything unsafe remains, or if a guardrail could not judge an event.

    Example: snapback replay --mode fix s3://BUCKET/AWSLogs/111122223333/CloudTrail/us-east-1/2026/11/
    """
    reports = Reports.of(filters, paths)
    spare(paths, {"--json": json_path})
    if compare and (reports or (settings_path and settings_path not in compare)):
        raise Refused("--compare takes two settings files and writes no report; leave out --settings and the reports")
    chosen = replace(_chosen(**filters), everything=everything)
    from snapback.replay import replay as library

    settings = [load_settings(each, offline=True) for each in compare or (settings_path,)]
    with ExitStack() as stack:
        timeline = _Timeline(stack, paths, json_path, everything=everything)
        entries = timeline.entries(strict=strict, choice=chosen)
        done = []
        for each in settings:
            timeline.phase("re-enacting", entries.count)
            done.append(
                library.replay(
                    (),
                    settings=each,
                    mode=mode,
                    on_event=timeline.step if compare else timeline.event,
                    entries=entries,
                    only=chosen.guardrails,
                    keep=bool(reports),
                )
            )
            if done[-1].interrupted:
                break
        if compare:
            return timeline.compared(done, compare)
    if reports:
        from snapback.report.sources import replayed

        reports.write(replayed(done[0], paths))
    return timeline.end(done[0], real=False, choice=chosen)


@click.command(short_help="Process recorded events against real AWS.")
@click.argument("paths", metavar="FILE...", nargs=-1, required=True)
@mode_option
@settings_option
@_strict_option
@stack_option
@click.option("--create-ledger", is_flag=True, help="Create the ledger's table if it doesn't exist.")
@events_option
@all_option
def handle(
    paths: tuple[str, ...],
    mode: str | None,
    settings_path: Path | None,
    stack: str,
    create_ledger: bool,
    json_path: str | None,
    everything: bool,
    strict: bool,
) -> int:
    """Process recorded events against real AWS with your credentials, as the functions do.

    In mode fix, this command writes to AWS. It refuses events of accounts other than this one and those under
    `accounts` in the settings. The exit code is 1 if anything unsafe remains.

    Example: snapback handle --mode alert events.jsonl
    """
    from snapback.deployed import SPILL
    from snapback.replay import replay as library

    settings = load_settings(settings_path)
    found, _, _ = deployed_application(stack, SPILL, settings=settings)
    with ExitStack() as files:
        timeline = _Timeline(files, paths, json_path, everything=everything)
        entries = timeline.entries(strict=strict)
        timeline.phase("handling", entries.count)
        done = library.handle(
            (),
            settings=settings,
            mode=mode,
            create_ledger=create_ledger,
            on_event=timeline.event,
            entries=entries,
            table=found.table,
            spill=found.spill,
        )
    return timeline.end(done, real=True)


@click.command(short_help="Replay a bundled story on an in-memory AWS.")
@click.option("--all", "everything", is_flag=True, hidden=True)
@report_options()
def demo(everything: bool, **options: Any) -> int:
    """Replay a bundled story in mode fix on an in-memory AWS, then undo one of its fixes. Touches nothing else.

    Example: snapback demo
    """
    from chalicelib.core.settings import Settings
    from snapback import render
    from snapback.record_filters import record_of
    from snapback.replay import replay as library

    reports = Reports.of(options)
    with ExitStack() as stack:
        render.show("$ snapback replay snapback/story/events.jsonl --mode fix")
        timeline = _Timeline(stack, [str(library.STORY)], None, everything=everything)
        entries = timeline.entries()
        timeline.phase("re-enacting", entries.count)
        player = stack.enter_context(library.Player(entries, settings=Settings(), mode="fix"))
        done, began = library.Replay(), time.perf_counter()
        for event in player.run():
            done.add(event)
            timeline.event(event)
        done.messages, done.seconds = player.messages, time.perf_counter() - began
        timeline.end(done, real=False)
        fixes = [(event, each) for event in done.events for each in event.outcomes if each.status == "fixed"]
        event, outcome = [(event, each) for event, each in fixes if not _has_grace(each.guardrail)][-1]
        render.show("", f"$ snapback undo {outcome.record}")
        fixed = record_of(player.application, outcome.record)
        undone = player.aliases.to_log(player.application.engine.undo(fixed.id, "you"))
        acted(undone, fixed.left, undone.undone, as_json=False)
        render.show("", "The same call again, an hour later: it is exempt.", "")
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
        if reports:
            _report_demo(reports, done, player)
    return FINE


def _report_demo(reports: Reports, done: Replay, player: Player) -> None:
    from snapback import render
    from snapback.report.sources import replayed

    done.records = player.records
    reports.write(replayed(done, ["the demo's story"]))
    if "html" in reports.paths and "result" in reports.paths:
        console = f"snapback console {reports.paths['result']}"
        render.show("", f"Open {reports.paths['html']} in a browser. To browse the same: {console}")


def _has_grace(guardrail: str) -> bool:
    from chalicelib import catalog

    rule = catalog.rule(guardrail)
    return bool(getattr(rule, "grace", None))


class _Timeline:
    """Shows each event's result as text, as JSON, or both, with a progress bar on stderr."""

    def __init__(self, stack: ExitStack, paths: Sequence[str], json_path: str | None, *, everything: bool) -> None:
        from snapback import render
        from snapback.replay.sources import sources

        self._render, self._everything, self._day = render, everything, ""
        self._text = json_path != "-"
        self._json: IO[str] | None = None
        self._sources = sources(paths)
        self._skipped = 0
        if json_path:
            self._json = open_json(stack, json_path)
        self._bar = stack.enter_context(render.progress())
        self._task = self._bar.add_task("reading", total=None)
        self._seen = 0

    def phase(self, what: str, total: int, unit: str = "events") -> None:
        """The bar begins anew: what is done from now on, and how much of it there is, 0 where nobody knows."""
        self._bar.reset(self._task, description=what, total=total or None, unit=unit)

    def entries(self, *, strict: bool = False, choice: Choice | None = None) -> Log:
        """What was named, read and sorted; warns of what is skipped. Raises BadEvents."""
        from snapback.replay.choose import Choice
        from snapback.replay.kept import Log
        from snapback.replay.logs import read

        choice = choice or Choice()
        known = all(each.size for each in self._sources)
        self.phase("reading", sum(each.size for each in self._sources) if known else 0, "bytes")
        found = read(
            self._sources,
            lambda size: self._bar.advance(self._task, size),
            skipped=self._skip,
            strict=strict,
            choice=choice,
        )
        return Log(self._sorting(found, choice))

    def _sorting(self, found: Iterator[Entry], choice: Choice) -> Iterator[Entry]:
        for number, entry in enumerate(found):
            if number == 0:  # All is read before the first comes.
                self.phase("sorting", choice.taken)
            elif number % _OFTEN == 0:
                self._bar.advance(self._task, _OFTEN)
            yield entry

    def _skip(self, why: str) -> None:
        self._skipped += 1
        if self._everything or self._skipped <= _TOLD:
            warn(self._render.plain(why))

    def step(self, _: EventOutcome) -> None:
        self._seen += 1
        self._bar.advance(self._task)

    def _write(self, value: Any) -> None:
        if self._json:
            self._json.write(self._render.as_json(value) + "\n")

    def event(self, event: EventOutcome) -> None:
        self.step(event)
        self._write(event.to_json())
        if self._text and (rows := self._render.event_rows(event, everything=self._everything)):
            if (day := self._render.day_of(event)) != self._day:
                self._day = day
                rows = [self._render.styled(day, "bold"), *rows]
            self._render.show(*rows)

    def end(self, done: Replay, *, real: bool, choice: Choice | None = None) -> int:
        from snapback.replay.summary import summary

        if self._skipped > _TOLD and not self._everything:
            warn(f"skipped {self._skipped:,} parts of the input in all; --all lists each, --strict stops at the first")
        if self._text:
            if self._day:
                self._render.show("")
            self._render.show(*summary(done, real=real, choice=choice, everything=self._everything))
        if done.interrupted:
            return complain(f"interrupted: {self._seen:,} events were replayed; nothing is kept", INTERRUPTED)
        return FOUND if any(done.counts[status] for status in LEFT_UNSAFE) else FINE

    def compared(self, done: Sequence[Replay], files: tuple[Path, Path]) -> int:
        """What the second settings gain and lose; 1 if they lose anything."""
        from snapback.replay.compare import compared, difference_row, differences

        if done[-1].interrupted:
            return complain(f"interrupted: {self._seen:,} events were replayed; nothing is compared", INTERRUPTED)
        before, after = done
        found = list(differences(before.events, after.events))
        for each in found:
            self._write(each.to_json())
        if self._text:
            rows = [difference_row(each) for each in found]
            names = (str(files[0]), str(files[1]))
            self._render.show(*rows, *([""] if rows else []))
            self._render.show(*compared(found, names, (before, after), everything=self._everything))
        return FOUND if any(each.is_loss for each in found) else FINE
