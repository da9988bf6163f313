"""Recorded events, in the order in which they are replayed. What holds no events is skipped, and told.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html
"""

from __future__ import annotations

import os
import signal
from collections import Counter, deque
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import count
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import msgspec

from chalicelib.core.event import dig, parse_time, text
from snapback.errors import BadEvents
from snapback.replay.choose import Choice, detail_type, source_of
from snapback.replay.kept import DAWN, Entry, Sorted, row_of
from snapback.replay.parse import values
from snapback.replay.sources import Source, counted, file_source, sources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future
    from pathlib import Path

WORTH_WORKERS = 32 << 20
"""Bytes of files, as they are kept, that are worth the start of other processes."""


def read(
    paths: Iterable[Path | str | Source],
    progress: Callable[[int], None] = lambda _: None,
    *,
    skipped: Callable[[str], None] = lambda _: None,
    strict: bool = False,
    choice: Choice | None = None,
) -> Iterator[Entry]:
    """Every event in the order in which it is to be delivered; `progress` gets the bytes read.

    CloudTrail's log files are in no order: their records are sorted by time. A file of envelopes is what EventBridge
    delivered: its order stays, and so a late or repeated event stays late or repeated.
    `skipped` gets a line for each file, and each line of a file, that holds no events. Raises BadEvents for it with
    `strict`, and where nothing else was read.
    """
    choice = choice or Choice()
    rows, problems, number = Sorted(), list[BadEvents](), count()
    for found in _streams(_found(paths), choice, progress):
        latest = DAWN
        for each in found:
            if isinstance(each, BadEvents):
                if strict:
                    raise each
                problems.append(each)
                continue
            latest = max(latest, DAWN if each.recorded else each.time)
            rows.add(row_of(each, next(number), each.time if each.recorded else latest))
    nothing = problems[0] if problems and not choice.read else None
    others = problems[1:] if nothing else problems
    for problem in others:
        skipped(f"skipped: {problem}")
    if nothing:
        more = f"; {len(others):,} other parts of the input hold no events either (--all lists them)" if others else ""
        raise BadEvents(f"{nothing}{more}")
    yield from (row.entry for row in rows)


def _found(paths: Iterable[Path | str | Source]) -> list[Source]:
    given = list(paths)
    found = [each for each in given if isinstance(each, Source)]
    if len(found) < len(given) or not given:
        found += sources(each for each in given if not isinstance(each, Source))
    return found


def _streams(
    found: list[Source], choice: Choice, progress: Callable[[int], None]
) -> Iterator[Iterable[Entry | BadEvents]]:
    """What each source holds, in their order: in this process, or in as many as there are processors."""
    files = [source for source in found if source.path]
    workers = min(os.cpu_count() or 1, len(files))
    if workers < 2 or len(files) < len(found) or sum(source.size for source in files) < WORTH_WORKERS:  # noqa: PLR2004
        for source in found:
            yield _taken(counted(source, progress), choice)
        return
    # Not forked: a progress bar has a thread.
    with ProcessPoolExecutor(workers, get_context("spawn"), initializer=_ignore_interrupts) as pool:
        waiting: deque[tuple[Source, Future[tuple[list[Entry | BadEvents], Choice]]]] = deque()
        blank = replace(choice, read=0, taken=0, left_out=Counter())
        try:
            for source in found:
                waiting.append((source, pool.submit(_taken_whole, source.path, blank)))
                if len(waiting) > 2 * workers:
                    yield _awaited(*waiting.popleft(), choice, progress)
            while waiting:
                yield _awaited(*waiting.popleft(), choice, progress)
        finally:
            pool.shutdown(cancel_futures=True)


def _awaited(
    source: Source,
    future: Future[tuple[list[Entry | BadEvents], Choice]],
    choice: Choice,
    progress: Callable[[int], None],
) -> list[Entry | BadEvents]:
    taken, more = future.result()
    choice.add(more)
    progress(source.size)
    return taken


def _ignore_interrupts() -> None:
    """Ctrl-C is for the process that started this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _taken_whole(path: str, choice: Choice) -> tuple[list[Entry | BadEvents], Choice]:
    return list(_taken(file_source(path), choice)), choice


def _taken(source: Source, choice: Choice) -> Iterator[Entry | BadEvents]:
    """What of a source is replayed, and a BadEvents for each part that holds no events."""
    for value, where in values(source, choice.leaves_out if choice.is_narrow else None):
        if isinstance(value, BadEvents):
            yield value
            continue
        envelope, recorded = as_envelope(value)
        if choice.takes(envelope):
            yield _entry(envelope, where, recorded=recorded)


def as_entry(value: Any, where: str) -> Entry:
    envelope, recorded = as_envelope(value)
    return _entry(envelope, where, recorded=recorded)


def _entry(envelope: dict[str, Any], where: str, *, recorded: bool) -> Entry:
    moment = parse_time(dig(envelope, "detail", "eventTime")) or parse_time(envelope.get("time"))
    return Entry(msgspec.json.encode(envelope), moment or DAWN, where, recorded)


def as_envelope(value: Any) -> tuple[dict[str, Any], bool]:
    """A recorded value as EventBridge delivers it, and whether it was a bare CloudTrail record."""
    if isinstance(value, Mapping) and ("detail" in value or "detail-type" in value):
        empty: dict[str, Any] = {"version": "0", "id": "", "time": "", "region": "", "resources": []}
        return {**empty, **value}, False
    return {
        "version": "0",
        "id": dig(value, "eventID"),
        "detail-type": detail_type(text(value, "eventType")),
        "source": source_of(text(value, "eventSource") or ""),
        "account": text(value, "recipientAccountId") or text(value, "userIdentity", "accountId"),
        "time": dig(value, "eventTime"),
        "region": dig(value, "awsRegion"),
        "resources": [],
        "detail": value,
    }, True
