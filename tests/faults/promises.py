"""What must hold at each moment of a life, and in the end."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from chalicelib.aws.ledger_items import from_item
from chalicelib.core.errors import CannotAct
from chalicelib.core.types import UNDER_WAY, Mode, Status, having
from chalicelib.notify.message import is_sent
from tests.faults.wire import ERRORS, OTHERS, POISONED

if TYPE_CHECKING:
    from chalicelib.core.record import Record
    from tests.faults.scene import Scene

LOUD = frozenset({Status.FAILED, Status.STILL_UNSAFE, Status.ALERTED, Status.ASKING, Status.FIGHTING})
"""Nothing is claimed that isn't so: a person has been told that it is, or may be, unsafe."""


class Lost(AssertionError):
    """A promise was broken."""


def honest(scene: Scene, *, last: bool = False) -> None:
    """At any moment: what is claimed is so, and what is changed is on record."""
    records, meddled = scene.records(), scene.fault is not None and scene.fault.kind in OTHERS
    if len({record.id for record in records}) > scene.events:
        raise Lost(f"{len(records)} records for {scene.events} event")
    states = {record.status for record in records}
    if not meddled and scene.whole() != scene.start:
        unchanged = {"undo": {Status.FIXED}, "approve": {Status.ASKING}}.get(scene.scenario, set())
        if not states or states <= unchanged | {Status.ALERTED}:
            raise Lost(f"it was changed, and the ledger says {states or 'nothing'}")
    if scene.unsafe() and Status.FIXED in states and not (meddled and scene.fault and scene.fault.kind == "remade"):
        raise Lost("fixed, says the ledger, and it is unsafe")
    if last and scene.unsafe() and not states & LOUD:
        raise Lost(f"someone did it again, and {states} is all that was made of it")


def judge(scene: Scene) -> None:
    """In the end, when all that could go wrong has."""
    if scene.unjudged():
        raise Lost("it can be judged again, and the ledger says it can't")
    record = next(iter(sorted(scene.records(), key=lambda record: record.seen_at)), None)
    if record and (missing := untold(scene, record)):
        raise Lost(f"{missing} was not told")
    nothing_is_locked(scene)
    if scene.scenario == "undo":
        judge_undo(scene, record)
    else:
        judge_fix(scene, record)


def judge_fix(scene: Scene, record: Record | None) -> None:
    kind = scene.fault.kind if scene.fault else ""
    listed = "the resources can be listed now; the next sweep evaluates them"
    if kind == "denied" and record is None and any(each.history[-1].note == listed for each in scene._records()):
        return  # What the event is about could not be listed; that was told, and the sweep lists it.
    if scene.unsafe() and not (record and record.status in LOUD) and not scene.queue:
        raise Lost(f"unsafe, and nobody knows: {record and record.status}")
    if scene.queue and not scene.gone:
        scene.handle(Mode.FIX)
        record = scene.one()
    if scene.scenario == "approve" and record and record.status is Status.ASKING and not scene.gone:
        with suppress(CannotAct):
            scene.application.engine.approve(record.id, "carol")
        if scene.one().status is Status.ASKING:
            scene.application.engine.approve(record.id, "carol")
        record = scene.one()
    if kind == "removed" and (scene.gone or (record and record.status is Status.GONE)):
        return
    if record is None:
        raise Lost("nothing is on record")
    unanswered = kind in {*ERRORS, "timeout before"} and "own isn't known: " in record.history[-1].note
    if unanswered and record.status is Status.ASKING:
        return  # By a look-up: whether it is the account's own isn't known, so a person is asked.
    loud = scene.unsafe() and record.status in LOUD and scene.scenario != "fix"
    if scene.events == 1 and record.status is not scene.ends and not loud:
        safe = "unsafe" if scene.unsafe() else "safe"
        raise Lost(f"it is {safe}, and the ledger says {record.status}: {record.error or record.history[-1].note}")
    if record.reversible and scene.rule.fix:
        judge_way_back(scene, record, kind)


def judge_way_back(scene: Scene, record: Record, kind: str) -> None:
    """After a fix."""
    if kind not in OTHERS and record.status in having("undoable"):
        scene.application.engine.undo(record.id, "bob", force=record.status is not Status.FIXED)
        if scene.whole() != scene.original:
            raise Lost("undone, but not as it was")
    if kind == "disturbed":
        scene.application.engine.undo(record.id, "bob")


def judge_undo(scene: Scene, record: Record | None) -> None:
    assert record is not None
    if scene.gone:
        return
    if record.status is not Status.UNDONE:
        if record.status not in having("undoable"):
            raise Lost(f"an undo ended as {record.status}")
        scene.application.engine.undo(record.id, "bob", force=record.status is Status.FAILED)
        record = scene.one()
    if record.status is not Status.UNDONE:
        raise Lost(f"an undo ended as {record.status}")
    if not (scene.fault and scene.fault.kind in OTHERS) and scene.whole() != scene.original:
        raise Lost("undone, but not as it was")


def nothing_is_locked(scene: Scene) -> None:
    if under_way := scene.under_way():
        raise Lost(f"left as {under_way[0].status} for good")
    now = scene.world.clock.timestamp()
    for item in scene.items():
        if float(item.get("lease_until", {}).get("N", 0)) >= now:
            raise Lost(f"{item['pk']['S']} is still locked")


def untold(scene: Scene, record: Record) -> str:
    """The last status that nobody was told of, if there is one."""
    news = [from_item(image) for image in scene.images()]
    said = {(each.id, each.status) for each in news if is_sent(each)}
    return "" if record.status in UNDER_WAY or (record.id, record.status) in said else record.status


def told_once(scene: Scene) -> None:
    """Each step that is to be told is, in order; again only where its mark was not written, and with the same id."""
    wanted = [f"{record.id}-{len(record.history)}" for record in map(from_item, scene.images()) if is_sent(record)]
    if scene.fault and scene.fault.kind == POISONED and not scene.given_up:
        raise Lost("what could not be read is in no queue")
    said = [message.id for message in scene.chat.messages]
    if list(dict.fromkeys(said)) != wanted:
        raise Lost(f"{wanted} was to be told, and {said} was")
    if len(said) > len(wanted) + scene.wire.met:
        raise Lost(f"{wanted} was told as {said}")
