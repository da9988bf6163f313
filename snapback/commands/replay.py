"""`snapback replay`, `handle` and `demo`: recorded events, through the same functions as in AWS."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from snapback.commands.options import (
    LEFT_UNSAFE,
    acted,
    all_option,
    events_option,
    load_settings,
    mode_option,
    open_json,
    settings_option,
)
from snapback.errors import FINE, FOUND, Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from snapback.replay.replay import EventOutcome, Replay


@click.command(short_help="Run recorded events on an in-memory AWS.")
@click.argument("paths", metavar="FILE|FOLDER...", nargs=-1, required=True, type=click.Path(path_type=Path))
@mode_option
@settings_option
@events_option
@all_option
def replay(
    paths: tuple[Path, ...], mode: str | None, settings_path: Path | None, json_path: str | None, everything: bool
) -> int:
    """Run recorded events on an in-memory AWS, and show what Snapback would have found and done.

    FILE: CloudTrail log files as in S3 (.json.gz), or JSON lines of records or EventBridge envelopes.
    Nothing reaches AWS or a channel. The exit code is 1 if anything unsafe remains.
    """
    from snapback.replay import replay as library

    settings = load_settings(settings_path)
    with ExitStack() as stack:
        timeline = _Timeline(stack, paths, json_path, everything=everything)
        done = library.replay(paths, settings=settings, mode=mode, on_event=timeline.event, progress=timeline.read)
    return timeline.end(done, real=False)


@click.command(short_help="Process recorded events against real AWS.")
@click.argument("paths", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@mode_option
@settings_option
@click.option("--create-ledger", is_flag=True, help="Create the ledger's table if it doesn't exist.")
@events_option
@all_option
def handle(
    paths: tuple[Path, ...],
    mode: str | None,
    settings_path: Path | None,
    create_ledger: bool,
    json_path: str | None,
    everything: bool,
) -> int:
    """Process recorded events against real AWS with your credentials, as the functions do.

    In mode fix, this command writes to AWS. It refuses events of accounts other than this one and those under
    `accounts` in the settings. The exit code is 1 if anything unsafe remains.
    """
    from snapback.replay import replay as library

    settings = load_settings(settings_path)
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


@click.command(short_help="Replay a bundled story on an in-memory AWS.")
@click.option("--all", "everything", is_flag=True, hidden=True)
def demo(everything: bool) -> int:
    """Replay a bundled story in mode fix on an in-memory AWS, then undo one of its fixes. Touches nothing else."""
    from chalicelib.core.settings import Settings
    from snapback import render
    from snapback.record_filters import record_of
    from snapback.replay import replay as library
    from snapback.replay.logs import read

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
        event, outcome = [(event, each) for event, each in fixes if not _has_grace(each.guardrail)][-1]
        render.show("", f"$ snapback undo {outcome.record} --by you")
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
    return FINE


def _has_grace(guardrail: str) -> bool:
    from chalicelib import catalog

    rule = catalog.rule(guardrail)
    return bool(getattr(rule, "grace", None))


class _Timeline:
    """Shows each event's result as text, as JSON, or both, with a progress bar on stderr."""

    def __init__(self, stack: ExitStack, paths: Sequence[Path], json_path: str | None, *, everything: bool) -> None:
        from snapback import render
        from snapback.replay import logs

        self._render, self._everything, self._day = render, everything, ""
        self._text = json_path != "-"
        self._json: IO[str] | None = None
        files = logs.files(paths)
        if json_path:
            if Path(json_path).resolve() in {path.resolve() for path in files}:
                raise Refused(f"{json_path} is one of the input files; pass another file to --json")
            self._json = open_json(stack, json_path)
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
            if self._day:
                self._render.show("")
            self._render.show(*self._render.summary(done, real=real))
        return FOUND if any(done.counts[status] for status in LEFT_UNSAFE) else FINE
