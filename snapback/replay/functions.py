"""app.py's functions, invoked as EventBridge and Lambda do, and what becomes of an event over its attempts."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from chalicelib import catalog, wiring
from chalicelib.core.errors import Unfinished
from chalicelib.core.event import dig
from chalicelib.core.outcome import Outcome
from chalicelib.core.pattern import matches
from chalicelib.core.types import Status
from chalicelib.engine.context import describe_error
from snapback.memory_aws.memory import REGION
from snapback.project import project
from snapback.replay.glance import SEEN, narrowed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from chalicelib.wiring import Application

DEAD = "dead_letter"


class Functions:
    """app.py's functions, invoked as EventBridge and Lambda do."""

    def __init__(self, application: Application, pause: Callable[[float], None], retries: Iterable[float]) -> None:
        self._application, self._pause, self._retries = application, pause, tuple(retries)
        self._app = _app()
        self._patterns = [(service, catalog.pattern(service)) for service in catalog.services()]
        self._index: dict[tuple[Any, ...], list[tuple[str, Any]]] = {}
        wiring.use(application)

    def deliver(self, envelope: Mapping[str, Any]) -> list[Outcome]:
        """To each function whose pattern matches."""
        return [
            outcome
            for service, pattern in self._may_match(envelope)
            if matches(pattern, envelope)
            for outcome in self._invoked(f"guard_{service}", envelope)
        ]

    def _may_match(self, envelope: Mapping[str, Any]) -> list[tuple[str, Any]]:
        """The services whose pattern may match, going by what the call is: an index, as logs have few different calls."""
        detail = envelope.get("detail")
        names = ("eventSource", "eventName", "eventType")
        said = [*(envelope.get(key) for key in ("source", "detail-type")), *(dig(detail, name) for name in names)]
        if not all(isinstance(each, str) for each in said):
            return self._patterns
        if tuple(said) not in self._index:
            head = {"source": said[0], "detail-type": said[1], "detail": dict(zip(names, said[2:], strict=True))}
            narrow = [(each, narrowed(each[1], SEEN)) for each in self._patterns]
            self._index[tuple(said)] = [each for each, pattern in narrow if not pattern or matches(pattern, head)]
        return self._index[tuple(said)]

    def again(self, function: str, envelope: Mapping[str, Any]) -> list[Outcome]:
        """To the function, by its ARN, that has had it come again."""
        return list(self._invoked(function.removeprefix(self._context("").invoked_function_arn), envelope))

    def notify(self, event: dict[str, Any]) -> Any:
        return self._app.notify(event, self._context("notify"))

    def _invoked(self, name: str, envelope: Mapping[str, Any]) -> Iterator[Outcome]:
        done: dict[tuple[str, str], Outcome] = {}
        for wait in (*self._retries, None):
            try:
                answer = getattr(self._app, name)(dict(envelope), self._context(name))
            except Exception as error:  # noqa: BLE001 - as Lambda does: whatever a function raises, it is invoked again
                outcomes = error.outcomes if isinstance(error, Unfinished) else []
                merge(done, outcomes)
                if wait is None:
                    done[name, ""] = Outcome(name, "", DEAD, describe_error(error))
                else:
                    self._pause(wait)
            else:
                merge(done, [Outcome(**each) for each in answer])
                break
        yield from done.values()

    def _context(self, name: str) -> Any:
        """What of Lambda's context the functions read."""
        arn = f"arn:aws:lambda:{REGION}:{self._application.home}:function:snapback-{name}"
        return SimpleNamespace(
            function_name=f"snapback-{name}",
            function_version="$LATEST",
            invoked_function_arn=arn,
            memory_limit_in_mb=256,
            aws_request_id="replay",
            get_remaining_time_in_millis=lambda: 60_000,
        )


_ACTED = frozenset({*(status for status in Status if status.traits.written and status.traits.settled)} - {Status.GONE})
"""Statuses of a record whose fix was written."""


def merge(done: dict[tuple[str, str], Outcome], outcomes: Iterable[Outcome]) -> None:
    """What an earlier attempt did stands, whatever a later one finds: it finds it on record, or mended."""
    for outcome in outcomes:
        where = (outcome.guardrail, outcome.resource)
        earlier = done.get(where)
        acted = earlier and earlier.status in _ACTED and (outcome.status not in _ACTED or not outcome.record)
        if not acted and (earlier is None or outcome.record or not earlier.record):
            done[where] = replace(outcome, status=str(outcome.status))


@cache
def _app() -> Any:
    """app.py with all its functions, not only the one that a `_HANDLER` names; from its file, for any Chalice app is `app`."""
    spec = spec_from_file_location("snapback_app", project("app.py"))
    assert spec
    assert spec.loader
    app = module_from_spec(spec)
    handler = os.environ.pop("_HANDLER", None)
    try:
        spec.loader.exec_module(app)
    finally:
        if handler is not None:
            os.environ["_HANDLER"] = handler
    return app
