"""Threads of which one goes at a time: who goes on is decided at each of their calls to AWS, the same way each time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

Choose = Callable[[Sequence[int], int | None], int]
"""Who goes on, of those that can and the one that went last."""


class Killed(BaseException):
    """The process ends here: no handler of errors sees it."""


@dataclass
class Turns:
    """Runs jobs, `workers` of them at a time. `step` is where a job gives others their turn."""

    choose: Choose
    workers: int = 1_000_000
    steps: list[int] = field(default_factory=list)
    """Which job made each call."""

    def run(self, jobs: Sequence[Callable[[], Any]]) -> list[Any]:
        """What each job answered, or the exception that ended it."""
        self._results: list[Any] = [None] * len(jobs)
        self._jobs, self._next = jobs, 0
        self._mine = threading.local()
        count = min(self.workers, len(jobs))
        self._batons = [threading.Lock() for _ in range(count)]
        self._doing: dict[int, int] = {}
        self._main = threading.Lock()
        for lock in (*self._batons, self._main):
            lock.acquire()
        threads = [threading.Thread(target=self._work, args=(number,), daemon=True) for number in range(count)]
        for number, thread in enumerate(threads):
            self._doing[number] = self._take()
            thread.start()
        self._hand_over(None)
        self._main.acquire()
        for thread in threads:
            thread.join()
        return self._results

    def step(self) -> None:
        """Called before each call to AWS; outside of a job it does nothing."""
        worker = getattr(getattr(self, "_mine", None), "worker", None)
        if worker is None:
            return
        if self._hand_over(worker):
            self._batons[worker].acquire()
        self.steps.append(self._doing[worker])

    def _take(self) -> int:
        self._next += 1
        return self._next - 1

    def _work(self, worker: int) -> None:
        self._mine.worker = worker
        self._batons[worker].acquire()
        while True:
            job = self._doing[worker]
            try:
                self._results[job] = self._jobs[job]()
            except BaseException as error:  # noqa: BLE001 - raised where its results are asked for
                self._results[job] = error
            if self._next >= len(self._jobs):
                break
            self._doing[worker] = self._take()
            if self._hand_over(worker):
                self._batons[worker].acquire()
        del self._doing[worker]
        if self._doing:
            self._hand_over(None)
        else:
            self._main.release()

    def _hand_over(self, worker: int | None) -> bool:
        """Let the chosen one go on; False when that is the one that asks."""
        chosen = self.choose(tuple(self._doing), worker)
        if chosen == worker:
            return False
        self._batons[chosen].release()
        return True


@dataclass
class Plan:
    """One schedule: at the n-th choice another goes on than would by itself, which is whoever went last."""

    switches: dict[int, int] = field(default_factory=dict)
    preemptions: int = 0
    seen: list[tuple[Sequence[int], int | None, int]] = field(default_factory=list)
    astray: bool = False
    """The one that was to go on had ended: the calls were not those of the schedule that this one goes on from."""

    def choose(self, ready: Sequence[int], last: int | None) -> int:
        chosen = self.switches.get(len(self.seen), last if last in ready else min(ready))
        assert chosen is not None
        if chosen not in ready:
            self.astray, chosen = True, min(ready)
        self.seen.append((ready, last, chosen))
        return chosen

    def children(self, most: int) -> Iterator[Plan]:
        """The schedules that go on as this one did and then differ once more."""
        for at in range(max(self.switches, default=-1) + 1, len(self.seen)):
            ready, last, chosen = self.seen[at]
            preemptions = self.preemptions + (last in ready)
            if preemptions <= most:
                yield from (Plan({**self.switches, at: other}, preemptions) for other in ready if other != chosen)


def every_schedule(run: Callable[[Plan], None], preemptions: int) -> int:
    """Run all schedules with at most so many preemptions; answers how many there are.

    Raises RuntimeError if a schedule can't be repeated, as when an id or a time is another one in each run.
    """
    plans, count = [Plan()], 0
    while plans:
        plan = plans.pop()
        run(plan)
        if plan.astray:
            raise RuntimeError(f"schedule {plan.switches} met other calls than before: is an id or a time random?")
        count += 1
        plans += plan.children(preemptions)
    return count
