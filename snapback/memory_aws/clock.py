"""The time in memory: that of the log, so that what is made in memory is as old as it was."""

from __future__ import annotations

import datetime as dt
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FIRST = 1970
"""Year of the first time that moto can tell as a number."""


@contextmanager
def following(now: Callable[[], dt.datetime | None]) -> Iterator[None]:
    """While it lasts, moto's `utcnow` and the creation time of buckets are what `now` answers, or the machine's for None."""
    import moto.core.utils
    import moto.s3.models
    import moto.sts.models

    class Datetime(dt.datetime):
        @classmethod
        def now(cls, tz: dt.tzinfo | None = None) -> Any:
            moment = now()
            if moment is None or moment.year < _FIRST:
                return dt.datetime.now(tz)
            return moment.astimezone(tz) if tz else moment.astimezone().replace(tzinfo=None)

    module: Any = _Module(Datetime)
    with ExitStack() as stack:
        for each in (moto.core.utils, moto.s3.models):
            stack.enter_context(patch.object(each, "datetime", module))
        # botocore compares a session's end with the machine's clock.
        stack.enter_context(
            patch.object(moto.sts.models, "utcnow", lambda: dt.datetime.now(dt.UTC).replace(tzinfo=None))
        )
        yield


class _Module:
    """The module `datetime`, with another class of that name."""

    def __init__(self, datetime: type[dt.datetime]) -> None:
        self.datetime = datetime

    def __getattr__(self, name: str) -> Any:
        return getattr(dt, name)
