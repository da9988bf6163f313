"""Events in any order, twice, hours late; calls that fail; functions that die; people who do and undo and decide.

One thing happens at a time here, so what is written can be held against what is there at that very moment. What comes
at once is in test_interleavings.py.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chalicelib import catalog
from chalicelib.aws.ledger_items import from_item
from chalicelib.core.errors import CannotAct, FixFailed
from chalicelib.core.event import Event
from chalicelib.core.settings import Limits
from chalicelib.core.types import UNDER_WAY, Mode, Status, having
from chalicelib.fixes.s3.close_bucket_acl import is_public
from tests.delivery.account import GUARDRAIL, Memory
from tests.delivery.memory import EVERYONE, SIGNED_IN, acl
from tests.delivery.test_interleavings import NEXT
from tests.delivery.turns import Killed

if TYPE_CHECKING:
    from chalicelib.core.record import Record
    from tests.support.events import Envelope

BUCKETS = ("app-logs", "app-data")
STATES: dict[str, Any] = {
    "private": acl(),
    "open": acl(EVERYONE),
    "wide open": acl(EVERYONE, SIGNED_IN),
    "open to write": acl(EVERYONE, permission="WRITE"),
    "gone": None,
}
LOUD = frozenset({Status.ALERTED, Status.ASKING, Status.FAILED, Status.STILL_UNSAFE})
"""Somebody was told of the state that these records hold, and it was not claimed to be mended."""


def is_loud(record: Record) -> bool:
    """Or nobody answered in time, which was told."""
    return record.status in LOUD or record.history[-1].note.startswith("nobody answered")


TROUBLE = st.none() | st.tuples(st.sampled_from(["killed", "failed"]), st.integers(0, 8))
MODES = st.sampled_from([Mode.FIX, Mode.FIX, Mode.FIX, Mode.ASK, Mode.ALERT])
WHICH = st.integers(0, 30)


class Watched(Memory):
    """Whatever is written is held against what is there."""

    trouble: tuple[str, int] | None = None

    def step(self) -> None:
        super().step()
        if self.trouble:
            kind, left = self.trouble
            self.trouble = (kind, left - 1) if left else None
            if not left:
                raise (
                    Killed
                    if kind == "killed"
                    else ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "AnyCall")
                )

    def reset(self) -> None:
        super().reset()
        append, put = self.table.append_to_stream, self.buckets.put_bucket_acl

        def judged(item: Any) -> None:
            append(item)
            self.judge_record(from_item(item))

        def written(**call: Any) -> Any:
            self.judge_write(call["Bucket"], call["AccessControlPolicy"]["Grants"])
            return put(**call)

        self.table.append_to_stream, self.buckets.put_bucket_acl = judged, written  # type: ignore[method-assign]

    def grants(self, bucket: str) -> Any:
        held = self.acl(bucket)
        return held and held["Grants"]

    def judge_record(self, record: Record) -> None:
        now, bucket = self.grants(record.resource), record.resource
        held = record.before["grants"] if record.before else None
        if record.status is Status.FIXED:
            assert not self.is_unsafe(bucket), "fixed, says the ledger, and it is unsafe"
        elif record.status is Status.UNDONE:
            assert now == held, "undone, says the ledger, and it is not as it was"
        elif record.status is Status.GONE:
            assert now is None, "gone, says the ledger, and it is there"
        elif len(record.history) == 1:
            assert held == now, "what is on record as `before` is not what is there"
            assert record.status is Status.FIGHTING or self.is_unsafe(bucket)
        elif record.status is Status.FIXING and record.history[-2].status == Status.ASKING:
            assert held == now, "what was approved is not what is there"
        for one, two in pairwise(["", *(step.status for step in record.life)]):
            assert two in NEXT.get(one, set()), f"{two} after {one}"
        if record.status is Status.FIXING and record.history[-1].by == "snapback" and self.is_exempt(record):
            raise AssertionError("a fix in spite of an undo or a fight")

    def judge_write(self, bucket: str, grants: Any) -> None:
        working = [each for each in self.records() if each.resource == bucket and each.status in UNDER_WAY]
        held = [record for record in working if f"record#{record.id}" in self.locked()]
        assert len(held) == 1, f"written with {len(held)} records under way"
        there = self.grants(bucket)
        if held[0].status is Status.UNDOING:
            assert held[0].before
            assert grants == held[0].before["grants"]
        elif there is not None:
            assert grants == [grant for grant in there if not is_public(grant)], "more was changed than had to be"

    def is_exempt(self, record: Record) -> bool:
        slot = self.table.items.get(f"slot#{record.slot}", {})
        return float(slot.get("exempt_until", {}).get("N", 0)) >= self.clock.timestamp()


class Order(RuleBasedStateMachine):
    """`coming`: events with how often they were delivered in vain; after the third time they are dead letters."""

    @initialize(limits=st.sampled_from([Limits(), Limits(fights=20, fixes_per_minute=2), Limits(fights=2)]))
    def start(self, limits: Limits) -> None:
        self.account, self.limits = Watched(), limits
        self.coming: list[tuple[Envelope, int]] = []
        self.dead: list[Envelope] = []
        self.past: list[Envelope] = []
        self.paused = False
        self.account.later(seconds=1.3)

    # What people do

    @rule(bucket=st.sampled_from(BUCKETS), state=st.sampled_from([*STATES, "open", "open"]))
    def someone_changes_it(self, bucket: str, state: str) -> None:
        self.account.set_acl(None, bucket) if self.account.acl(bucket) and STATES[state] is None else None
        if STATES[state] is not None:
            self.account.set_acl(STATES[state], bucket)
            self.coming.append((self.account.event(bucket), 0))
        self.account.later(seconds=0.4)

    @rule(bucket=st.sampled_from(BUCKETS))
    def someone_tries_in_vain(self, bucket: str) -> None:
        envelope = self.account.event(bucket)
        envelope["detail"]["errorCode"] = "AccessDenied"
        self.coming.append((envelope, 0))

    @precondition(lambda self: self.account.items())
    @rule(which=WHICH, trouble=TROUBLE, force=st.booleans())
    def someone_undoes(self, which: int, trouble: Any, force: bool) -> None:
        records = self.account.records()
        undoable = [record for record in records if record.status in having("undoable")] or records
        if undoable:
            record = undoable[which % len(undoable)]
            self.do(lambda: self.account.container().engine.undo(record.id, "bob", force=force), trouble)

    @precondition(lambda self: self.account.items())
    @rule(which=WHICH, trouble=TROUBLE)
    def someone_approves(self, which: int, trouble: Any) -> None:
        asking = [record for record in self.account.records() if record.status is Status.ASKING]
        if asking:
            record = asking[which % len(asking)]
            self.do(lambda: self.account.container().engine.approve(record.id, "carol"), trouble)

    @rule()
    def someone_pauses_or_resumes_writes(self) -> None:
        ledger = self.account.container().ledger
        ledger.resume("bob") if self.paused else ledger.pause("bob", "a bad day")
        self.paused = not self.paused

    # What AWS does

    @precondition(lambda self: self.coming)
    @rule(which=WHICH, trouble=TROUBLE, mode=MODES)
    def an_event_comes(self, which: int, trouble: Any, mode: Mode) -> None:
        envelope, times = self.coming.pop(which % len(self.coming))
        self.past.append(envelope)
        if not self.delivered(envelope, mode, trouble):
            self.coming.append((envelope, times + 1)) if times < 2 else self.dead.append(envelope)

    @precondition(lambda self: self.past)
    @rule(which=WHICH, trouble=TROUBLE, mode=MODES)
    def an_event_comes_again(self, which: int, trouble: Any, mode: Mode) -> None:
        envelope = self.past[which % len(self.past)]
        if not self.delivered(envelope, mode, trouble):
            self.dead.append(envelope)

    @rule(seconds=st.sampled_from([0.3, 20, 60, 130, 3700, 6 * 3600, 8 * 86400]))
    def time_passes(self, seconds: float) -> None:
        self.account.later(seconds=seconds)

    @precondition(lambda self: self.account.items())
    @rule(trouble=TROUBLE)
    def the_five_minutes_are_over(self, trouble: Any) -> None:
        self.account.later(minutes=5)
        self.do(lambda: self.account.container(limits=self.limits).maintain(), trouble)

    def delivered(self, envelope: Envelope, mode: Mode, trouble: Any = None) -> bool:
        engine, rules = self.account.container(mode, limits=self.limits).engine, [catalog.rule(GUARDRAIL)]
        return self.do(lambda: engine.handle(Event.parse(envelope), rules), trouble)

    def do(self, act: Any, trouble: Any) -> bool:
        """Whether it went through; what is forbidden to happen is no trouble, but an AssertionError."""
        self.account.trouble = trouble
        try:
            act()
        except AssertionError:
            raise
        except (CannotAct, FixFailed):
            return True  # Told to the person who asked.
        except (Exception, Killed) as error:
            for each in getattr(error, "errors", [error]):
                if isinstance(each, AssertionError):
                    raise each from error
            return False
        finally:
            self.account.trouble = None
        return True

    # What must hold

    @invariant()
    def no_history_is_lost(self) -> None:
        assert not self.account.rewritten()

    @invariant()
    def a_slot_has_one_holder(self) -> None:
        held = [record.slot for record in self.account.records() if f"record#{record.id}" in self.account.locked()]
        assert len(held) == len(set(held))

    def teardown(self) -> None:
        if not hasattr(self, "account"):
            return
        account = self.account
        account.container().ledger.resume("bob")
        for _ in range(2):
            account.later(minutes=5)
            account.container(limits=self.limits).maintain()
        account.later(hours=2)  # A fight that is going on is over, and the caps are those of another minute.
        for envelope in (*self.dead, *(envelope for envelope, _ in self.coming)):
            account.later(minutes=2)
            assert self.delivered(envelope, Mode.FIX), "an event can't be done with"
        for _ in range(2):
            account.later(minutes=5)
            account.container(limits=self.limits).maintain()
        assert not account.locked()
        records = account.records()
        assert not [record for record in records if record.status in UNDER_WAY]
        for bucket in BUCKETS:
            if account.is_unsafe(bucket):
                about = [record for record in records if record.resource == bucket]
                known = [record for record in about if is_loud(record) and self.is_of(record, bucket)]
                meant = [record for record in about if self.is_meant(record)]
                assert known or meant, [(record.status, record.before) for record in about]

    @staticmethod
    def is_meant(record: Record) -> bool:
        """Someone who undid it wanted it so, even where the undo failed; that it did was told."""
        undone = any(step.status == Status.UNDOING for step in record.history)
        return record.status is Status.FIGHTING or (undone and record.status in {Status.UNDONE, Status.FAILED})

    def is_of(self, record: Record, bucket: str) -> bool:
        return record.before is not None and record.before["grants"] == self.account.grants(bucket)


TestOrder = Order.TestCase
TestOrder.settings = settings(
    max_examples=150,
    stateful_step_count=40,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
