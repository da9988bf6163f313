"""A file that only its owner can read: it may name what is unsafe."""

from __future__ import annotations

import os
import stat
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from snapback.errors import Refused

if TYPE_CHECKING:
    from pathlib import Path

_STREAMS = (1, 2)


def write_private(path: Path, content: bytes) -> None:
    """Write a file with mode 0600. A device or a pipe, such as /dev/stdout, stays what it is. Raises Refused."""
    try:
        with os.fdopen(_opened(path), "wb") as file:
            file.write(content)
    except OSError as error:
        raise Refused(f"can't write {path}: {error.strerror}; pass another file") from error


def _opened(path: Path) -> int:
    with suppress(FileNotFoundError):
        there = path.stat()
        for stream in _STREAMS:
            with suppress(OSError):  # A closed stream.
                if os.path.samestat(there, os.fstat(stream)):
                    sys.stdout.flush()
                    return os.dup(stream)
        if not stat.S_ISREG(there.st_mode):
            return os.open(path, os.O_WRONLY)
    if path.is_symlink():
        raise Refused(f"can't write {path}: it is a symbolic link; pass the file that it should be written to")
    path.unlink(missing_ok=True)  # An older one may be readable by others.
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
