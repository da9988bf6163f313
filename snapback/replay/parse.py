"""What a file or another source holds: values that stand for events, each with its place, and what holds none."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import IO, TYPE_CHECKING, Any, cast

import msgspec

from snapback.errors import BadEvents
from snapback.replay import forms, glance

if TYPE_CHECKING:
    from collections.abc import Iterable

    from snapback.replay.glance import LeaveOut
    from snapback.replay.sources import Source

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_BETWEEN = re.compile(r"[\s,]*")
MOST = 1 << 30
"""Bytes of one JSON value, unpacked: a few kilobytes of gzip can stand for more than any machine's memory."""


def values(source: Source, leave_out: LeaveOut | None = None) -> Iterator[tuple[Any, str]]:
    """What a source holds, each with where it stands; a BadEvents for each part that holds no events.

    CloudTrail records that `leave_out` is sure of are not among them.
    """
    name = source.name
    try:
        with _open(source) as file:
            yield from _parsed(name, file, leave_out)
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


def _parsed(name: str, file: IO[bytes], leave_out: LeaveOut | None) -> Iterator[tuple[Any, str]]:
    """JSON lines are read line by line; anything else whole, and line by line if each line stands for itself."""
    if name.endswith((".jsonl", ".jsonl.gz")):
        yield from _lines(name, _read_lines(file), leave_out)
        return
    data = _in_utf8(file.read(MOST + 1))
    if leave_out and len(data) <= MOST and (found := glance.records(data, leave_out)) is not None:
        yield from ((next(forms.events(record), record), f"{name}#{number}") for number, record in found)
        return
    first, _, rest = data.strip().partition(b"\n")
    if len(data) > MOST:
        yield _too_large(name), name
    elif first[:1] not in b"{[" and forms.is_header(first.decode("utf-8", "replace")):
        yield from _rows(name, data)
    elif rest and _stands_alone(first):
        yield from _lines(name, data.splitlines(), leave_out)
    else:
        yield from _split(data, name, packed=name.endswith((".json", ".json.gz")))


def _in_utf8(data: bytes) -> bytes:
    """Without a byte order mark: PowerShell writes UTF-16 with one."""
    if data.startswith(_UTF_16):
        return data.decode("utf-16", "replace").encode()
    return data.removeprefix(b"\xef\xbb\xbf")


def _read_lines(file: IO[bytes]) -> Iterator[bytes]:
    first = file.readline(MOST + 1)
    if first.startswith(_UTF_16):  # Its lines don't end where those of UTF-8 do.
        yield from _in_utf8(first + file.read(MOST + 1)).splitlines()
    elif first:
        yield first.removeprefix(b"\xef\xbb\xbf")
        yield from iter(lambda: file.readline(MOST + 1), b"")


def _stands_alone(line: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(line), Mapping | list)
    except (msgspec.DecodeError, RecursionError):
        return False


def _lines(name: str, lines: Iterable[bytes], leave_out: LeaveOut | None) -> Iterator[tuple[Any, str]]:
    empty = True
    for number, line in enumerate(lines, 1):
        if line.strip():
            empty = False
            if leave_out and glance.is_left_out(line, leave_out):
                continue
            yield from _split(line, f"{name}:{number}")
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
    if problem and (pieces := list(_side_by_side(data))):
        for number, piece in enumerate(pieces, 1):
            yield from _split(piece, f"{where}#{number}")
        return
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


def _side_by_side(data: bytes) -> Iterator[bytes]:
    """JSON objects one after the other, with nothing or a comma between them, as Firehose and scripts write them; the last may be cut off."""
    written = data.decode("utf-8", "replace")
    place, decoder = 0, json.JSONDecoder()
    while written[place : place + 1] == "{":
        try:
            _, end = decoder.raw_decode(written, place)
        except (ValueError, RecursionError):
            end = len(written)
        if place == 0 and end == len(written):
            return
        yield written[place:end].encode()
        between = _BETWEEN.match(written, end)
        place = between.end() if between else end


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
