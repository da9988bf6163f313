"""Recorded events from files: CloudTrail log files, and JSON lines of records or of EventBridge envelopes.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html
"""

from __future__ import annotations

import gzip
import heapq
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import msgspec

from chalicelib.core.event import dig, parse_time, text
from chalicelib.core.pattern import API_CALL
from snapback.errors import BadEvents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ENDINGS = (".json", ".json.gz", ".jsonl", ".jsonl.gz")
MOST = 1 << 30
"""Bytes of one JSON value, unpacked: a few kilobytes of gzip can stand for more than any machine's memory."""
DAWN = datetime(1, 1, 1, tzinfo=UTC)
"""The time of what tells none."""

_NO_LOGS = ("CloudTrail-Digest", "CloudTrail-Insight")
"""Folders beside CloudTrail's logs that hold no records of calls."""
_TYPES = {
    "AwsConsoleSignIn": "AWS Console Sign In via CloudTrail",
    "AwsServiceEvent": "AWS Service Event via CloudTrail",
}
_MARKS = frozenset({"eventSource", "eventName", "eventVersion", "eventID", "userIdentity"})


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


def files(paths: Iterable[Path | str]) -> list[Path]:
    """The files that are named, and those in the folders that are. Raises BadEvents."""
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = sorted(
                each
                for each in path.rglob("*")
                if each.name.endswith(ENDINGS) and each.is_file() and not set(_NO_LOGS) & set(each.parts)
            )
            if not inside:
                raise BadEvents(f"{path}: no log files in this folder; they end in {', '.join(ENDINGS)}")
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise BadEvents(
                f"{path}: there is no such file; name a CloudTrail log file, a .jsonl file or a folder of them"
            )
    if not found:
        raise BadEvents("no input: name a CloudTrail log file, a .jsonl file or a folder of them")
    return list(dict.fromkeys(found))


def size(paths: Iterable[Path]) -> int:
    """Bytes on disk, by which progress is shown."""
    return sum(path.stat().st_size for path in paths)


def read(paths: Iterable[Path | str], progress: Callable[[int], None] = lambda _: None) -> Iterator[Entry]:
    """Every event in the order in which it is to be delivered; `progress` gets the bytes read. Raises BadEvents.

    CloudTrail's log files are in no order: their records are sorted by time. A file of envelopes is what EventBridge
    delivered: its order stays, and so a late or repeated event stays late or repeated.
    """
    deliveries: list[list[tuple[datetime, int, Entry]]] = []
    records: list[tuple[datetime, int, Entry]] = []
    number = count()
    for path in files(paths):
        delivered: list[tuple[datetime, int, Entry]] = []
        latest = DAWN
        for value, where in _values(path):
            entry = as_entry(value, where)
            if entry.recorded:
                records.append((entry.time, next(number), entry))
            else:
                latest = max(latest, entry.time)
                delivered.append((latest, next(number), entry))
        deliveries.append(delivered)
        progress(path.stat().st_size)
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


def _values(path: Path) -> Iterator[tuple[Any, str]]:
    """What a file holds, each with where it stands. A file none of whose values is an event is no log."""
    seen = events = 0
    try:
        with _open(path) as file:
            for value, where in _parsed(path, file):
                seen += 1
                events += _is_event(value)
                yield value, where
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise BadEvents(f"{path}: the gzip data is cut off or damaged ({error}); copy the file again") from error
    except OSError as error:
        raise BadEvents(f"{path}: can't be read: {error.strerror or error}") from error
    if seen and not events:
        raise BadEvents(f"{path}: holds JSON, but no CloudTrail records and no EventBridge events; leave it out")


def _open(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return cast("IO[bytes]", gzip.open(path, "rb")) if zipped or path.suffix == ".gz" else path.open("rb")


def _parsed(path: Path, file: IO[bytes]) -> Iterator[tuple[Any, str]]:
    """JSON lines are read line by line; a `.json` file whole, and line by line if each line stands for itself."""
    if path.name.endswith((".jsonl", ".jsonl.gz")):
        yield from _lines(path, iter(partial(file.readline, MOST + 1), b""))
        return
    data = file.read(MOST + 1)
    first, _, rest = data.strip().partition(b"\n")
    if len(data) <= MOST and rest and _stands_alone(first):
        yield from _lines(path, data.splitlines())
    else:
        yield from _split(_decoded(data, f"{path}"), f"{path}", path)


def _stands_alone(line: bytes) -> bool:
    try:
        msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _lines(path: Path, lines: Iterable[bytes]) -> Iterator[tuple[Any, str]]:
    empty = True
    for number, line in enumerate(lines, 1):
        if line.strip():
            empty = False
            yield from _split(_decoded(line, f"{path}:{number}"), f"{path}:{number}", path)
    if empty:
        raise BadEvents(f"{path}: is empty; leave it out, or copy it again")


def _decoded(data: bytes, where: str) -> Any:
    if len(data) > MOST:
        raise BadEvents(f"{where}: over {MOST >> 20} MiB in one piece, unpacked; give CloudTrail logs or JSON lines")
    if not data.strip():
        raise BadEvents(f"{where}: is empty; leave it out, or copy it again")
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadEvents(f"{where}: not JSON ({error}); give CloudTrail logs or JSON lines") from error
    except RecursionError as error:
        raise BadEvents(f"{where}: nested too deep to be a CloudTrail record; leave it out") from error


def _split(document: Any, where: str, path: Path) -> Iterator[tuple[Any, str]]:
    """The events of one JSON value: a log file's `Records`, a list, or the value itself."""
    records = document.get("Records") if isinstance(document, Mapping) and not _is_event(document) else None
    if records is None and isinstance(document, list):
        records = document
    if records is None:
        yield document, where
        return
    if not isinstance(records, list):
        raise BadEvents(f"{where}: `Records` is no list, so this is no CloudTrail log; leave it out")
    if not records and path.name.endswith((".json", ".json.gz")):
        return  # CloudTrail writes no such file, but exporters do.
    for number, record in enumerate(records, 1):
        yield record, f"{where}#{number}"


def _is_event(value: Any) -> bool:
    return isinstance(value, Mapping) and (
        ("detail" in value and ("source" in value or "detail-type" in value)) or not _MARKS.isdisjoint(value)
    )
