"""Work that mostly waits for AWS: done by several threads, and answered in the order in which it was asked for."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from chalicelib.wiring import Application

T = TypeVar("T")
R = TypeVar("R")


class Threads:
    """Each thread works with an application of its own; they share the ledger, the clock, and the roles."""

    def __init__(self, application: Application, count: int) -> None:
        self._stopped = threading.Event()
        self._own = _Own(application, self._stopped)
        self._ahead = 4 * count
        self._pool = ThreadPoolExecutor(count) if count > 1 else None

    def each(self, work: Callable[[Application, T], R], items: Iterable[T]) -> Iterator[tuple[T, Callable[[], R]]]:
        """Each item, and what answers its result, or raises what the work raised; some work is done ahead."""
        if self._pool is None:
            yield from ((item, partial(work, self._own.made_from, item)) for item in items)
            return
        waiting: deque[tuple[T, Callable[[], R]]] = deque()
        for item in items:
            waiting.append((item, self._pool.submit(self._do, work, item).result))
            if len(waiting) > self._ahead:
                yield waiting.popleft()
        while waiting:
            yield waiting.popleft()

    def _do(self, work: Callable[[Application, T], R], item: T) -> R:
        return work(self._own.application, item)

    def stop(self) -> None:
        """What has begun ends soon, as if its time were over; what hasn't does not begin."""
        self._stopped.set()
        if self._pool:
            self._pool.shutdown(cancel_futures=True)


class _Own(threading.local):
    def __init__(self, application: Application, stopped: threading.Event) -> None:
        self.made_from = application
        self.application = replace(application, time_left=lambda: 0.0 if stopped.is_set() else application.time_left())
        self.application.sessions = application.sessions.fork()
        self.application.ledger = application.ledger


@contextmanager
def at_most(application: Application, count: int) -> Iterator[Threads]:
    """With one, this thread does the work itself, when its result is asked for."""
    threads = Threads(application, count)
    try:
        yield threads
    finally:
        threads.stop()
