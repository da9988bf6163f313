"""What stands for a guardrail in its tests: how to make its resource unsafe, and what comes close."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib import catalog
from chalicelib.core.event import Event
from chalicelib.engine.context import is_scheduled

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.core.rule import Guardrail
    from chalicelib.core.session import Session
    from tests.support.events import Envelope
    from tests.support.world import World


def about(rule: Guardrail[Any], envelope: Envelope, reader: Session) -> list[Any]:
    """The resources that a guardrail is asked about for an event: those it names, those it affects, all for the clock's."""
    event = Event.parse(json.loads(json.dumps(envelope, default=str)))
    if is_scheduled(event):
        return list(dict.fromkeys(rule.resource.all_in(reader)))
    affected = rule.resource.affected(event, reader) if event.call in rule.resource.affecting else ()
    return list(dict.fromkeys([*rule.resource.in_event(event), *affected]))


@dataclass(frozen=True)
class Case:
    """What tests/test_every_guardrail.py needs to know about a guardrail; each function works on a fresh account.

    `unsafe`: make the resource unsafe and answer the event that tells of it, once for each way.
    `near_misses`: the closest thing that is safe, and its event.
    `whole`: the resource's whole state as boto3 tells it, parts that no fix is about included.
    `remove`: delete the resource; None where it can't be deleted.
    `disturb`: change something about the resource that the fix is not about, as someone else may do in between.
    """

    unsafe: tuple[Callable[[World], Envelope], ...]
    near_misses: tuple[Callable[[World], Envelope], ...]
    whole: Callable[[World], Any]
    remove: Callable[[World], None] | None = None
    disturb: Callable[[World], object] | None = None


def case_of(id: str) -> Case:
    """The `CASE` of a guardrail's test file, which mirrors the guardrail's own path."""
    from importlib import import_module

    service, name = id.split(".")
    case = import_module(f"tests.guardrails.{service}.test_{name}").CASE
    assert isinstance(case, Case)
    return case


def is_skeleton(rule: Guardrail[Any]) -> bool:
    """Whether the function still raises what `make new` wrote."""
    function: Any = rule.evaluate
    return "NotImplementedError" in function.__code__.co_names


GUARDRAILS: list[Guardrail[Any]] = [rule for rule in catalog.guardrails() if not is_skeleton(rule)]
"""All that are written; a test of test_every_guardrail.py fails for each other one."""
