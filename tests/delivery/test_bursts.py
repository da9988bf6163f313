"""Thousands of events at once, on as many functions as are reserved: none is lost, and the caps hold to the unit.

Ten thousand with `SNAPBACK_FAULTS=all`.
"""

from __future__ import annotations

import os
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib import catalog
from chalicelib.core.errors import Unfinished
from chalicelib.core.event import Event
from chalicelib.core.settings import Limits, Settings
from chalicelib.core.types import Mode, Status
from chalicelib.fixes.s3.close_bucket_acl import is_public
from tests.delivery.account import GUARDRAIL, Memory
from tests.delivery.memory import EVERYONE, acl
from tests.delivery.test_interleavings import LAMBDAS
from tests.delivery.turns import Turns
from tests.support.events import HOME, Envelope

if TYPE_CHECKING:
    from chalicelib.core.record import Record
    from chalicelib.wiring import Application

BUCKETS = 4_000 if os.environ.get("SNAPBACK_FAULTS") == "all" else 800
EVENTS, FUNCTIONS = BUCKETS * 5 // 2, 50
ACCOUNTS = (HOME, "222222222222", "333333333333")
LIMITS = Limits(fixes_per_minute=20)
THROTTLED = 0.005
"""The part of all calls that AWS refuses."""


class Burst(Memory):
    """All calls of a burst fall within a few seconds; some are throttled."""

    def __init__(self) -> None:
        self.chance = Random(1)  # noqa: S311 - the same each time
        self.calls = 0
        self.fixes: Counter[tuple[str, str]] = Counter()
        """How many writes there were in each account and minute."""
        super().__init__()
        put = self.buckets.put_bucket_acl

        def counted(**call: Any) -> Any:
            put(**call)
            self.fixes[call["ExpectedBucketOwner"], f"{self.clock:%H:%M}"] += 1

        self.buckets.put_bucket_acl = counted  # type: ignore[method-assign]

    def step(self) -> None:
        if self.turns:
            self.turns.step()
        self.calls += 1
        if not self.calls % 500:
            self.later(milliseconds=100)
        if self.chance.random() < THROTTLED:
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "AnyCall")


def test_thousands_of_events_at_once_lose_none_and_hold_the_cap_to_the_unit() -> None:
    burst = Burst()
    account = {f"bucket-{number:04}": ACCOUNTS[number % len(ACCOUNTS)] for number in range(BUCKETS)}
    for bucket in account:
        burst.set_acl(acl(EVERYONE), bucket)
    burst.later(seconds=1.5)
    events = [burst.event(bucket, account=account[bucket]) for bucket in account]  # Each of its own, and then again.
    events += burst.chance.choices(events, k=EVENTS - BUCKETS - BUCKETS // 4)
    events += [
        burst.event(bucket, account=account[bucket]) for bucket in burst.chance.sample(sorted(account), BUCKETS // 4)
    ]
    burst.chance.shuffle(events)
    assert len(events) == EVENTS
    settings = Settings(mode=Mode.FIX, limits=LIMITS, accounts=frozenset(ACCOUNTS))
    idle: list[Application] = []

    def deliver(envelope: Envelope) -> Any:
        container = idle.pop() if idle else burst.container(limits=settings.limits, accounts=settings.accounts)
        try:
            return container.engine.handle(Event.parse(envelope), [catalog.rule(GUARDRAIL)])
        finally:
            idle.append(container)

    failed, asked = events, 0
    for minutes in (0, *LAMBDAS):
        burst.later(minutes=minutes)
        burst.turns = Turns(lambda ready, _: burst.chance.choice(ready), workers=FUNCTIONS)
        results = burst.turns.run([lambda event=event: deliver(event) for event in failed])  # type: ignore[misc]
        asked += len(failed)
        assert all(isinstance(each, list | Unfinished) for each in results), "something else than a failure"
        failed = [event for event, each in zip(failed, results, strict=True) if isinstance(each, Unfinished)]
    burst.turns = None

    maintained(burst)
    dead = {event["detail"]["requestParameters"]["bucketName"] for event in failed}
    records = burst.records()
    assert {record.resource for record in records} | dead == account.keys(), "an event was lost"
    answered = say_what_is_so(burst, records)
    twice = [bucket for bucket, count in Counter(record.resource for record in records).items() if count > 1]
    troubled = {record.resource for record in records if record.attempts > 1 or record.error}
    assert {*twice} <= troubled, "a finding was recorded twice"  # Another event goes on where a fix failed.
    assert not burst.locked()
    changed = Counter(bucket for bucket, one, two in burst.writes if one["Grants"] != two["Grants"])
    assert set(changed.values()) == {1}, "an effect came twice"
    assert max(burst.fixes.values()) <= LIMITS.fixes_per_minute
    counted = {key: int(item["fixes"]["N"]) for key, item in burst.table.items.items() if key.startswith("fixes#")}
    first = [counted[f"fixes#{GUARDRAIL}#{each}#2026-11-23T10:00"] for each in ACCOUNTS]
    assert first == [LIMITS.fixes_per_minute] * len(ACCOUNTS), "less than was allowed"
    assert asked > EVENTS, "nothing had to be delivered again, so nothing was tried"
    burst.later(hours=5)
    maintained(burst)
    assert all(each.status is Status.EXPIRED for each in burst.records() if each.id in answered), (
        "a question stays that is answered"
    )


def maintained(burst: Burst) -> None:
    for _ in range(3):
        burst.later(minutes=5)
        try:
            burst.container(limits=LIMITS).maintain()
        except (Unfinished, ClientError):  # Lambda calls it again.
            continue


def say_what_is_so(burst: Burst, records: list[Record]) -> set[str]:
    """Each record says of its bucket what is so; the questions are answered that another event's fix has made needless."""
    fixed = {record.resource for record in records if record.status is Status.FIXED}
    answered = set()
    for record in records:
        unsafe = any(map(is_public, burst.acl(record.resource)["Grants"]))
        if record.status is Status.ASKING and not unsafe:
            assert record.resource in fixed, record
            answered.add(record.id)
        else:
            assert record.status in ({Status.ASKING, Status.FAILED} if unsafe else {Status.FIXED}), (record, unsafe)
    return answered
