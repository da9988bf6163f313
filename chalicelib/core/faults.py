"""A fault in Snapback itself: an exception that is neither Snapback's own nor boto3's. Messages give a number to look up in the log."""

from __future__ import annotations

import hashlib
import traceback
from pathlib import PurePath
from typing import TYPE_CHECKING

from chalicelib.core.errors import SnapbackError, Unfinished

if TYPE_CHECKING:
    from collections.abc import Iterator

_AWS = frozenset({"botocore", "boto3", "s3transfer"})
_FRAMES = 5
"""As many places as a log line names, the innermost last."""


def is_fault(error: BaseException) -> bool:
    modules = {cls.__module__.partition(".")[0] for cls in type(error).__mro__}
    return not isinstance(error, SnapbackError) and not modules & _AWS


def fault_number(error: BaseException) -> str:
    """Eight hex digits, the same ones whenever the same line raises the same type: in chat, the log and the dead letter."""
    words = "\0".join([type(error).__name__, *places(error)])
    return hashlib.blake2b(words.encode(), digest_size=4).hexdigest()


def places(error: BaseException) -> list[str]:
    """Where it was raised: `file:line function`, without any value, since values may be secrets."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{PurePath(each.filename).name}:{each.lineno} {each.name}" for each in frames[-_FRAMES:]]


def faults_in(error: BaseException) -> Iterator[BaseException]:
    """The faults that an error is, stands for, or was raised from."""
    if is_fault(error):
        yield error
    if isinstance(error, Unfinished):
        for each in error.errors:
            yield from faults_in(each)
    elif error.__cause__ is not None:
        yield from faults_in(error.__cause__)


def fault_log(error: BaseException) -> list[dict[str, object]]:
    """What a log line says of each fault that an error is or holds: number, type and places."""
    return [
        {"number": fault_number(each), "type": type(each).__name__, "places": places(each)} for each in faults_in(error)
    ]
