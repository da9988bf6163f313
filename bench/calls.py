"""AWS calls per event, counted on an in-memory AWS. They are exact: no clock is involved.

A call is a request that botocore was about to send (its `request-created` event). For one event and one guardrail,
with the service's other guardrails left out:

* R, the reads: the different requests of the guardrail's function, run by itself on a session that remembers nothing;
  where it is asked about all resources of its kind, what lists them too.
  The same request twice counts once: a bare handler would keep the answer.
* F, the state: the different requests of the fix's `read`. What is both in R and F counts once in R + F: a bare
  handler that takes off only what is wrong has to know it, too.
* W, the writes: the calls that the fix really made that are no reads (by the name rule with which Snapback refuses
  writes), and other questions that it can't be written without, as of an image's manifest. What `write` asks again is
  not in the floor.

| | the floor: a bare boto3 handler | Snapback aims at |
|---|---|---|
| compliant (a near miss) | R | the floor |
| found (mode alert) | R | no aim: one write to the ledger, and F, for the preview |
| fixed (mode fix) | R + F, W, and R + F of what is there then | at most 3 + F over the floor |

Where a document names what may be the account's own, AWS is asked once for each kind (chalicelib/resources/look_ups.py):
those calls have rows of their own, whose floor is without them and whose aim is one call more for each operation.

The 3 are the ledger's: the record opened and closed, and the fix counted against the cap. F is the state read again
directly before the write, so that nothing is written over what was not judged. Where AWS
shows a write only minutes later, the slot is read once more, for a fix that is settling. (Whether all writes are paused
is asked once in half a minute, and so not counted here.) Of a guardrail's several
cases the one that is furthest over its floor is told. A fix that can't be undone never runs unasked: `fixed` is then
the approval.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3
from botocore import loaders
from moto import mock_aws

from chalicelib.aws.sessions import _READS, AwsSession
from chalicelib.core.event import Event
from chalicelib.core.rule import Fix
from chalicelib.core.types import Status
from chalicelib.engine.context import is_gone
from chalicelib.resources.look_ups import ACCESS_IDENTITIES, NETWORKS, ORGANIZATION, reads_of
from snapback.memory_aws import gaps
from tests.support.calls import asked_for
from tests.support.cases import GUARDRAILS, about, case_of
from tests.support.events import REGION, Envelope
from tests.support.world import World

if TYPE_CHECKING:
    from chalicelib.core.rule import Guardrail

Make = Callable[[World], Envelope]
TWICE = "iam.role_trusts_unknown_account"
"""The guardrail whose compliant event is counted with its second look, too."""
LOOKED_UP = "s3.bucket_policy_trusts_unknown_account"
"""The guardrail with all kinds of look-ups: what a document names is the account's own, as AWS says when it is asked."""
OVER = 3
"""Calls over the floor that the ledger may cost a fix: open, count and close; approved, they are read, begin and close."""


@dataclass(frozen=True)
class Count:
    """Calls made, the floor, and how far over it the aim is (None: there is no aim)."""

    calls: int
    floor: int
    aim: int | None = 0

    @property
    def over(self) -> int:
        return self.calls - self.floor

    @property
    def missed(self) -> bool:
        return self.aim is not None and self.over > self.aim


@dataclass(frozen=True)
class Row:
    """One guardrail's counts; `fixed` is None where there is no fix."""

    guardrail: str
    compliant: Count
    found: Count | None
    fixed: Count | None

    @property
    def missed(self) -> bool:
        return self.compliant.missed or bool(self.fixed and self.fixed.missed)


def measure(cases: int | None) -> tuple[list[Row], dict[str, str]]:
    """Every guardrail's counts over all of its cases (or the first so many), and why some could not be counted."""
    rows: list[Row] = []
    missing: dict[str, str] = {}
    for rule in GUARDRAILS:
        try:
            rows.append(count(rule, cases))
        except Exception as why:  # noqa: BLE001 - shown, and the others are counted
            missing[rule.id] = f"{type(why).__name__}: {why}"
    return [*rows, second_look(TWICE), *looked_up(LOOKED_UP)], missing


def count(rule: Guardrail[Any], cases: int | None = None) -> Row:
    case = case_of(rule.id)
    unsafe = case.unsafe[:cases]
    return Row(
        rule.id,
        compliant=_worst(compliant(rule, make) for make in case.near_misses[:cases]),
        found=_worst(found(rule, make) for make in unsafe),
        fixed=_worst(fixed(rule, make) for make in unsafe) if rule.fix else None,
    )


def second_look(id: str) -> Row:
    """A compliant event right after its change, of a service whose reads may be late, and its second look."""
    (rule,) = (each for each in GUARDRAILS if each.id == id)
    with _world() as world:
        event = _event(case_of(id).near_misses[0](world))
        floor = len(_requests(event, world, rule, rule))
        application, again = world.application("fix", id), list[Any]()
        application.look_again = again.append
        application.engine.handle(event, [rule])
        application.engine.handle(_event(again[0]), [rule])
        assert len(again) == 1, f"{id}: {len(again)} second looks"
        sent = 1
        return Row(f"{id}, looked at twice", Count(len(world.calls) + sent, 2 * floor, aim=sent), None, None)


def looked_up(id: str) -> list[Row]:
    """Compliant events whose documents name what AWS has to be asked about, each kind in a row; the floor is without."""
    (rule,) = (each for each in GUARDRAILS if each.id == id)
    asking = {action.partition(":")[2] for action in reads_of(ORGANIZATION, NETWORKS, ACCESS_IDENTITIES)}
    found: dict[str, Row] = {}
    for make in case_of(id).near_misses:
        with _world() as world:
            event = _event(make(world))
            bare = [request for request in _requests(event, world, rule, rule) if request[0] not in asking]
            statuses = _handle(rule, event, world, "fix")
            assert statuses <= {"compliant"}, f"{id}: a near miss is {statuses}"
            asked = sorted({call.operation for call in world.calls} & asking)
            if asked:
                counted = Count(len(world.calls), len(bare), aim=len(asked))
                found[", ".join(asked)] = Row(f"{id}, looked up by {', '.join(asked)}", counted, None, None)
    return [found[asked] for asked in sorted(found)]


def _worst(counts: Iterable[Count]) -> Count:
    return max(counts, key=lambda count: count.over - (count.aim or 0))


def compliant(rule: Guardrail[Any], make: Make) -> Count:
    with _world() as world:
        event = _event(make(world))
        floor = len(_requests(event, world, rule, rule))
        statuses = _handle(rule, event, world, "fix")
        assert statuses <= {"compliant"}, f"{rule.id}: a near miss is {statuses}"
        return Count(len(world.calls), floor)


def found(rule: Guardrail[Any], make: Make) -> Count:
    with _world() as world:
        event = _event(make(world))
        floor = len(_requests(event, world, rule, rule))
        _handle(rule, event, world, "alert")
        return Count(len(world.calls), floor, aim=None)


def fixed(rule: Guardrail[Any], make: Make) -> Count:
    assert rule.fix is not None
    with _world() as world:
        event = _event(make(world))
        state = _requests(event, world, rule, rule.fix.read)
        before = _requests(event, world, rule, rule) | state
        statuses = _handle(rule, event, world, "fix")
        if statuses == {Status.ASKING}:
            (record,) = world.records()
            application = world.application("fix", rule.id)
            application.ledger.paused()
            world.calls.clear()
            application.engine.approve(record.id, "bench")
        else:
            assert statuses <= {Status.FIXED, Status.GONE}, f"{rule.id}: what is unsafe is {statuses}"
        calls = list(world.calls)
        after = _requests(event, world, rule, rule, rule.fix.read)
        looked = before | after
        writes = [
            call
            for call in calls
            if not call.about_items and not (_READS.match(call.operation) and call.request in looked)
        ]
        return Count(
            len(calls),
            len(before) + len(writes) + len(after),
            aim=OVER
            + len(state)
            + bool(rule.fix.settles_within)
            + (type(rule.fix).still_unsafe is not Fix.still_unsafe),
        )


def _requests(event: Event, world: World, rule: Guardrail[Any], *reads: Callable[[Any, Any], Any]) -> set[Any]:
    """The different requests of some looks at the event's resources, made without the engine and its memory."""
    seen: set[Any] = set()

    def see(request: Any, operation_name: str, **_: Any) -> None:
        seen.add(asked_for(request, operation_name))

    source = boto3.Session(region_name=REGION)
    source.events.register("request-created", see)
    clients: dict[Any, Any] = {}
    session_of_event = AwsSession(source, clients, event.account, event.region, world.settings, now=world.clock)
    for resource in about(rule, dict(event.raw), session_of_event):
        session = AwsSession(source, clients, resource.account, resource.region, world.settings, now=world.clock)
        for reader in reads:
            try:
                reader(resource, session)
            except Exception as error:
                if not is_gone(resource, error):
                    raise
    return seen


def _handle(rule: Guardrail[Any], event: Event, world: World, mode: str) -> set[str]:
    application = world.application(mode, rule.id)
    application.ledger.paused()
    world.calls.clear()
    return {outcome.status for outcome in application.engine.handle(event, [rule])}


def _event(envelope: Envelope) -> Event:
    return Event.parse(json.loads(json.dumps(envelope, default=str)))


@contextmanager
def _world() -> Iterator[World]:
    gc.disable()  # Clients have thousands of objects each: collecting takes as long as counting.
    try:
        with shared_models(), mock_aws(), gaps.closed():
            yield World(boto3.Session(region_name=REGION))
    finally:
        gc.enable()


_create_loader = cache(loaders.create_loader)


def shared_models() -> AbstractContextManager[Any]:
    """botocore's models of the services are read once, not once a session."""
    return patch("botocore.session.create_loader", _create_loader)
