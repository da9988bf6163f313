"""Recorded events, in the order in which they are replayed. What holds no events is skipped, and told.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html
"""

from __future__ import annotations

import csv
import gzip
import heapq
import io
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import IO, TYPE_CHECKING, Any, cast

import msgspec

from chalicelib.core.event import dig, parse_time, text
from chalicelib.core.pattern import API_CALL
from snapback.errors import BadEvents
from snapback.replay import forms
from snapback.replay.sources import Source, sources

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from snapback.replay.choose import Choice

MOST = 1 << 30
"""Bytes of one JSON value, unpacked: a few kilobytes of gzip can stand for more than any machine's memory."""
DAWN = datetime(1, 1, 1, tzinfo=UTC)
"""The time of what tells none."""

_TYPES = {
    "AwsConsoleSignIn": "AWS Console Sign In via CloudTrail",
    "AwsServiceEvent": "AWS Service Event via CloudTrail",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One event as it was recorded: `recorded` from a bare CloudTrail record, or else as an envelope.

    `where` is its file, line and place in the line's records.

    The envelope is kept as JSON: a year of events fits in memory so, and not as objects.
    """

    raw: bytes
    time: datetime
    where: str
    recorded: bool

    @property
    def envelope(self) -> dict[str, Any]:
        return cast("dict[str, Any]", msgspec.json.decode(self.raw))


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
    deliveries: list[list[tuple[datetime, int, Entry]]] = []
    records: list[tuple[datetime, int, Entry]] = []
    number, problems, seen = count(), list[BadEvents](), 0
    given = list(paths)
    found = [each for each in given if isinstance(each, Source)]
    if len(found) < len(given) or not given:
        found += sources(each for each in given if not isinstance(each, Source))
    for source in found:
        delivered: list[tuple[datetime, int, Entry]] = []
        latest = DAWN
        for value, where in _values(source):
            if isinstance(value, BadEvents):
                if strict:
                    raise value
                problems.append(value)
                continue
            seen += 1
            entry = as_entry(value, where)
            if choice and not choice.takes(entry.envelope):
                continue
            if entry.recorded:
                records.append((entry.time, next(number), entry))
            else:
                latest = max(latest, entry.time)
                delivered.append((latest, next(number), entry))
        deliveries.append(delivered)
        progress(source.size)
    if problems and not seen:
        more = f" (nor can {len(problems) - 1:,} other parts of the input)" if len(problems) > 1 else ""
        raise BadEvents(f"{problems[0]}{more}")
    for problem in problems:
        skipped(f"skipped: {problem}")
    records.sort(key=lambda one: one[:2])
    for _, _, entry in heapq.merge(records, *deliveries, key=lambda one: one[:2]):
        yield entry


def as_entry(value: Any, where: str) -> Entry:
    envelope, recorded = as_envelope(value)
    moment = parse_time(dig(envelope, "detail", "eventTime")) or parse_time(envelope.get("time"))
    return Entry(msgspec.json.encode(envelope), moment or DAWN, where, recorded)


def as_envelope(value: Any) -> tuple[dict[str, Any], bool]:
    """A recorded value as EventBridge delivers it, and whether it was a bare CloudTrail record."""
    if isinstance(value, Mapping) and ("detail" in value or "detail-type" in value):
        empty: dict[str, Any] = {"version": "0", "id": "", "time": "", "region": "", "resources": []}
        return {**empty, **value}, False
    source = text(value, "eventSource") or ""
    return {
        "version": "0",
        "id": dig(value, "eventID"),
        "detail-type": _TYPES.get(text(value, "eventType") or "", API_CALL),
        "source": f"aws.{source.partition('.')[0]}" if source else "",
        "account": text(value, "recipientAccountId") or text(value, "userIdentity", "accountId"),
        "time": dig(value, "eventTime"),
        "region": dig(value, "awsRegion"),
        "resources": [],
        "detail": value,
    }, True


def _values(source: Source) -> Iterator[tuple[Any, str]]:
    """What a source holds, each with where it stands; a BadEvents for each part that holds no events."""
    name = source.name
    try:
        with _open(source) as file:
            yield from _parsed(name, file)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        yield BadEvents(f"{name}: the gzip data is cut off or damaged ({error}); copy the file again"), name
    except OSError as error:
        yield BadEvents(f"{name}: can't be read: {error.strerror or error}"), name


@contextmanager
def _open(source: Source) -> Iterator[IO[bytes]]:
    with source.opened() as file:
        zipped = file.peek(2)[:2] == b"\x1f\x8b" or source.name.endswith(".gz")
        with gzip.open(file, "rb") if zipped else nullcontext(file) as unpacked:
            yield cast("IO[bytes]", unpacked)


def _parsed(name: str, file: IO[bytes]) -> Iterator[tuple[Any, str]]:
    """JSON lines are read line by line; anything else whole, and line by line if each line stands for itself."""
    if name.endswith((".jsonl", ".jsonl.gz")):
        yield from _lines(name, iter(lambda: file.readline(MOST + 1), b""))
        return
    data = _in_utf8(file.read(MOST + 1))
    first, _, rest = data.strip().partition(b"\n")
    if len(data) > MOST:
        yield _too_large(name), name
    elif forms.is_header(first.decode("utf-8", "replace")):
        yield from _rows(name, data)
    elif rest and _stands_alone(first):
        yield from _lines(name, data.splitlines())
    else:
        yield from _split(data, name, packed=name.endswith((".json", ".json.gz")))


def _in_utf8(data: bytes) -> bytes:
    """Without a byte order mark: PowerShell writes UTF-16 with one."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace").encode()
    return data.removeprefix(b"\xef\xbb\xbf")


def _stands_alone(line: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(line), Mapping | list)
    except (msgspec.DecodeError, RecursionError):
        return False


def _lines(name: str, lines: Iterable[bytes]) -> Iterator[tuple[Any, str]]:
    empty = True
    for number, line in enumerate(lines, 1):
        whole = _in_utf8(line) if number == 1 else line
        if whole.strip():
            empty = False
            yield from _split(whole, f"{name}:{number}")
    if empty:
        yield _empty(name), name


def _rows(name: str, data: bytes) -> Iterator[tuple[Any, str]]:
    try:
        for number, row in enumerate(forms.table(io.StringIO(data.decode("utf-8", "replace")), MOST), 2):
            found = list(forms.events(row))
            yield from ((event, f"{name}:{number}") for event in found)
            if not found:
                yield BadEvents(f"{name}:{number}: this row holds no CloudTrail record; leave it out"), name
    except csv.Error as error:
        yield BadEvents(f"{name}: no table that can be read ({error}); export it again"), name


def _empty(where: str) -> BadEvents:
    return BadEvents(f"{where}: is empty; leave it out, or copy it again")


def _too_large(where: str) -> BadEvents:
    return BadEvents(f"{where}: over {MOST >> 20} MiB in one piece, unpacked; give CloudTrail logs or JSON lines")


def _split(data: bytes, where: str, *, packed: bool = False) -> Iterator[tuple[Any, str]]:
    """The events of one JSON text; a `packed` log may hold none."""
    document, problem = _decoded(data, where)
    if problem:
        yield problem, where
        return
    records = document.get("Records") if isinstance(document, Mapping) and not forms.is_event(document) else None
    listed = document if isinstance(document, list) else records
    if isinstance(listed, list):
        if not any(map(forms.is_event, listed)) and (found := list(forms.events(listed))):
            listed = found
        for number, record in enumerate(listed, 1):
            yield next(forms.events(record), record), f"{where}#{number}"
        if not listed and not packed:
            yield BadEvents(f"{where}: holds no events; leave it out"), where
    elif records is not None:
        yield BadEvents(f"{where}: `Records` is no list, so this is no CloudTrail log; leave it out"), where
    elif found := list(forms.events(document)):
        places = [where] if len(found) == 1 else [f"{where}#{number}" for number in range(1, len(found) + 1)]
        yield from zip(found, places, strict=True)
    elif not (packed and isinstance(document, Mapping) and document.get("Events") == []):
        what = "holds JSON, but no CloudTrail records and no EventBridge events"
        yield BadEvents(f"{where}: {what}; leave it out"), where


def _decoded(data: bytes, where: str) -> tuple[Any, BadEvents | None]:
    if len(data) > MOST:
        return None, _too_large(where)
    if not data.strip():
        return None, _empty(where)
    try:
        return msgspec.json.decode(data), None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return None, BadEvents(f"{where}: not JSON ({error}); give CloudTrail logs or JSON lines")
    except RecursionError:
        return None, BadEvents(f"{where}: nested too deep to be a CloudTrail record; leave it out")
