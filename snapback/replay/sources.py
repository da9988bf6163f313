"""Where events are read from: files, folders, the standard input, and objects in S3, with the caller's credentials."""

from __future__ import annotations

import io
import sys
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snapback.errors import BadEvents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

ENDINGS = tuple(f".{form}{packed}" for form in ("json", "jsonl", "csv") for packed in ("", ".gz"))
STDIN = "-"
_S3 = "s3://"
_CHUNK = 256 << 10
"""Bytes that are read at once."""
_NO_LOGS = ("CloudTrail-Digest", "CloudTrail-Insight")
"""Folders beside CloudTrail's logs that hold no records of calls."""
_FITTING = "name a CloudTrail log file, a .jsonl or .csv file, a folder of them, s3://BUCKET/PREFIX, or - for the standard input"


@dataclass(frozen=True, slots=True)
class Source:
    """Something that holds events. `size` is in bytes, 0 where nobody knows; `opened` answers its bytes as they are kept."""

    name: str
    size: int
    opened: Callable[[], AbstractContextManager[io.BufferedReader]]
    path: str = ""
    """Of a file."""


def sources(paths: Iterable[Path | str]) -> list[Source]:
    """What is named, with what is in folders and under prefixes. Raises BadEvents, and what boto3 raises."""
    found: list[Source] = []
    for path in map(str, paths):
        if path == STDIN:
            found.append(Source("standard input", 0, _stdin))
        elif path.startswith((_S3, "s3:/")):
            found += _objects(path.removeprefix("s3:").lstrip("/"))
        else:
            found += [file_source(each) for each in _files(Path(path))]
    if not found:
        raise BadEvents(f"no input: {_FITTING}")
    return list({source.name: source for source in found}.values())


def _stdin() -> AbstractContextManager[io.BufferedReader]:
    """Left open: it isn't ours."""
    buffer: Any = sys.stdin.buffer
    return nullcontext(buffer if hasattr(buffer, "peek") else io.BufferedReader(buffer))


def file_source(path: Path | str) -> Source:
    file = Path(path)
    return Source(str(path), file.stat().st_size, lambda: file.open("rb"), str(path))


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        inside = [each for each in path.rglob("*") if is_log(each.name, each.parts) and each.is_file()]
        if not inside:
            raise BadEvents(f"{path}: no log files in this folder; they end in {', '.join(ENDINGS)}")
        return sorted(inside)
    if path.exists() and not path.is_dir():
        return [path]
    raise BadEvents(f"{path}: there is no such file; {_FITTING}")


def is_log(name: str, parts: Iterable[str]) -> bool:
    return name.endswith(ENDINGS) and not set(_NO_LOGS) & set(parts)


class _Body(io.RawIOBase):
    """An object's bytes as they come in."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._body.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _Counted(io.RawIOBase):
    """What is read of a file, told as it is read."""

    def __init__(self, file: io.BufferedReader, progress: Callable[[int], None]) -> None:
        self._file, self._progress = file, progress

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = self._file.readinto(buffer)
        self._progress(size)
        return size


def counted(source: Source, progress: Callable[[int], None]) -> Source:
    """The same source; `progress` gets how many bytes of it are read, as it is kept."""

    @contextmanager
    def opened() -> Iterator[io.BufferedReader]:
        with source.opened() as file:
            yield io.BufferedReader(_Counted(file, progress), _CHUNK)

    return replace(source, opened=opened)


def _objects(path: str) -> Iterator[Source]:
    """The log files under a prefix. Raises BadEvents where there are none."""
    import boto3

    bucket, _, prefix = path.partition("/")
    s3: Any = boto3.client("s3")

    def opened(key: str) -> Callable[[], io.BufferedReader]:
        return lambda: io.BufferedReader(_Body(s3.get_object(Bucket=bucket, Key=key)["Body"]))

    any_found = False
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for each in page.get("Contents", []):
            key = each["Key"]
            if is_log(key, key.split("/")):
                any_found = True
                yield Source(f"{_S3}{bucket}/{key}", each["Size"], opened(key))
    if not any_found:
        raise BadEvents(f"{_S3}{path}: no log files under this prefix; they end in {', '.join(ENDINGS)}")
