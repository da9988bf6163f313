"""For reads whose answer to "there is none" is an error."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def absent(*codes: str) -> Iterator[None]:
    """Let an AWS error with one of these codes pass as nothing; put the default before the block."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] not in codes:
            raise
