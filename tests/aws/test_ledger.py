from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.aws.ledger import LEASE, DynamoLedger
from chalicelib.aws.ledger_items import from_item, to_item
from chalicelib.aws.ledger_reads import FIXED_KEPT
from chalicelib.aws.overflow_store import SPILL_OVER, Spill
from chalicelib.core.errors import NoLedger, NoOverflow, StepRefused
from chalicelib.core.event import Actor
from chalicelib.core.record import Record
from chalicelib.core.settings import Limits
from chalicelib.core.types import Status
from tests.support.events import HOME

if TYPE_CHECKING:
    from tests.support.world import World

LIMITS = Limits()
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECRET = "s3cr3t-value"


class Clock:
    now = NOON

    def __call__(self) -> datetime:
        return self.now

    def later(self, **passed: float) -> None:
        self.now += timedelta(**passed)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(world: World, clock: Clock) -> DynamoLedger:
    made = DynamoLedger(world.client("dynamodb"), "records", clock)
    made.create()
    return made


DOCUMENT = "s3#s3:acl#arn:aws:s3:::app-logs#us-east-1"


def draft(id: str = "one", **changed: Any) -> Record:
    values: dict[str, Any] = {
        "id": id,
        "guardrail": "s3.bucket_acl_made_public",
        "title": "S3 bucket ACL open to everyone",
        "severity": "critical",
        "kind": "s3.Bucket",
        "resource": "app-logs",
        "account": HOME,
        "region": "us-east-1",
        "arn": "arn:aws:s3:::app-logs",
        "reason": "its ACL grants READ to AllUsers",
        "actor": Actor(kind="IAMUser", principal="arn:aws:iam::123456789012:user/alice", account=HOME),
        "event_id": f"event-{id}",
        "event_name": "PutBucketAcl",
        "event_time": NOON - timedelta(seconds=2),
        "seen_at": NOON,
        "mode": "fix",
        "status": Status.FIXING,
        "before": {"grants": [1, True, None, "", {"a": 0.5}]},
        "after": {"grants": []},
        "document": DOCUMENT,
    }
    return Record(**values | changed)


def opened(ledger: DynamoLedger, record: Record) -> Record:
    return ledger.open(record, record.event_time, LIMITS)


def refusal(ledger: DynamoLedger, record: Record) -> str:
    with pytest.raises(StepRefused) as refused:
        opened(ledger, record)
    return refused.value.why


def test_a_record_comes_back_as_it_was_written(ledger: DynamoLedger) -> None:
    record = opened(ledger, draft().stepped(Status.FIXING, NOON, "snapback"))
    assert ledger.get("one") == record
    assert from_item(to_item(record)) == record
    assert ledger.get("two") is None


def test_opening_costs_one_call(world: World, clock: Clock) -> None:
    application = world.application()
    opened(application.ledger, draft())
    assert [call.operation for call in world.calls] == ["TransactWriteItems"]


def test_only_a_request_with_a_condition_asks_what_stood_in_its_way(world: World, ledger: DynamoLedger) -> None:
    """DynamoDB returns the old item of a failed condition; moto takes the parameter without a condition too."""
    sent: list[dict[str, Any]] = []
    world.client("dynamodb").meta.events.register(
        "provide-client-params.dynamodb.TransactWriteItems",
        lambda params, **_: sent.extend(next(iter(item.values())) for item in params["TransactItems"]),
    )
    asking = ledger.move(opened(ledger, draft()), Status.ASKING, by="snapback")
    ledger.move(asking, Status.UNDOING, by="priya")  # Nothing has to hold of its slot.
    asks = ["ReturnValuesOnConditionCheckFailure" in request for request in sent]
    assert asks == ["ConditionExpression" in request for request in sent]
    assert set(asks) == {True, False}


def test_an_event_opens_one_record(ledger: DynamoLedger) -> None:
    opened(ledger, draft(status=Status.ALERTED))
    assert refusal(ledger, draft(status=Status.ALERTED)) == "duplicate"


def test_the_lock_of_another_event_is_respected_until_its_lease_is_out(ledger: DynamoLedger, clock: Clock) -> None:
    opened(ledger, draft("one"))
    assert refusal(ledger, draft("two")) == "busy"
    clock.later(seconds=LEASE.total_seconds() + 1)
    assert opened(ledger, draft("two")).id == "two"


def test_two_guardrails_that_write_one_document_take_turns(ledger: DynamoLedger, clock: Clock) -> None:
    """The second one looked before the first had written: what it saw is no more, and it has to look again."""
    other: Any = {"guardrail": "s3.bucket_allows_plain_http", "id": "two", "event_id": "event-two"}
    first = opened(ledger, draft("one"))
    assert refusal(ledger, draft(**other)) == "busy"
    clock.later(seconds=2)
    ledger.move(first, Status.FIXED, by="snapback")
    assert refusal(ledger, draft(**other)) == "busy"
    assert refusal(ledger, draft(**other, status=Status.ALERTED)) == "busy"
    clock.later(seconds=1)
    again = opened(ledger, draft(**other, seen_at=clock.now))
    ledger.move(again, Status.FIXED, by="snapback")
    assert ledger.fixed(DOCUMENT) == ["two", "one"]
    assert opened(ledger, draft("three", guardrail="s3.x", document="s3#s3:acl#another#us-east-1")).id == "three"


def test_a_lock_remembers_the_latest_fixes_of_its_document(ledger: DynamoLedger, clock: Clock) -> None:
    for number in range(FIXED_KEPT + 2):
        clock.later(minutes=5)
        record = opened(ledger, draft(f"r{number}", guardrail=f"s3.g{number}", seen_at=clock.now))
        ledger.move(record, Status.FIXED, by="snapback")
    assert ledger.fixed(DOCUMENT) == [f"r{number}" for number in range(FIXED_KEPT + 1, 1, -1)]
    assert ledger.fixed("s3#s3:acl#nobody#us-east-1") == []


def test_a_holder_that_lost_its_lock_cannot_move_its_record_twice(ledger: DynamoLedger, clock: Clock) -> None:
    slow = opened(ledger, draft())
    clock.later(seconds=LEASE.total_seconds() + 1)
    quick = opened(ledger, draft())
    assert quick.holder != slow.holder
    assert quick.attempts == 2
    with pytest.raises(StepRefused, match="moved"):
        ledger.move(slow, Status.FIXED, by="snapback")
    assert ledger.move(quick, Status.FIXED, by="snapback").status == Status.FIXED


def test_a_holder_whose_slot_went_to_another_record_still_tells_its_end(ledger: DynamoLedger, clock: Clock) -> None:
    slow = opened(ledger, draft("one"))
    clock.later(seconds=LEASE.total_seconds() + 1)
    other = opened(ledger, draft("two"))
    assert ledger.move(slow, Status.FAILED, by="snapback").status == Status.FAILED
    assert refusal(ledger, draft("three")) == "busy"
    ledger.move(other, Status.FIXED, by="snapback")


def test_a_takeover_keeps_the_before_that_was_written_first(ledger: DynamoLedger, clock: Clock) -> None:
    first = opened(ledger, draft())
    clock.later(seconds=LEASE.total_seconds() + 1)
    half_way = draft(before={"grants": ["half"]})
    assert opened(ledger, half_way).before == first.before


def test_an_exemption_holds_until_it_expires(ledger: DynamoLedger, clock: Clock) -> None:
    record = ledger.move(opened(ledger, draft()), Status.FIXED, by="snapback")
    record = ledger.move(record, Status.UNDOING, by="bob", exempt_until=NOON + timedelta(days=7))
    ledger.move(record, Status.UNDONE, by="bob")
    assert refusal(ledger, draft("two", seen_at=clock.now)) == "exempt"
    clock.later(days=8)
    assert opened(ledger, draft("two", seen_at=clock.now)).id == "two"


def test_an_exemption_of_one_guardrail_is_none_of_another(ledger: DynamoLedger) -> None:
    record = ledger.move(opened(ledger, draft()), Status.FIXED, by="snapback")
    record = ledger.move(record, Status.UNDOING, by="bob", exempt_until=NOON + timedelta(days=7))
    ledger.move(record, Status.UNDONE, by="bob")
    assert opened(ledger, draft("two", guardrail="s3.bucket_policy_made_public")).id == "two"


def test_the_same_state_is_covered_only_for_events_before_it_was_seen(ledger: DynamoLedger) -> None:
    opened(ledger, draft("one", status=Status.ALERTED))
    assert refusal(ledger, draft("two", status=Status.ALERTED)) == "duplicate"
    later = draft("three", status=Status.ALERTED, event_time=NOON + timedelta(seconds=1))
    assert opened(ledger, later).id == "three"
    worse = draft("four", status=Status.ALERTED, reason="its ACL grants WRITE to AllUsers")
    assert opened(ledger, worse).id == "four"


def test_records_are_listed_by_status(ledger: DynamoLedger) -> None:
    opened(ledger, draft("one", status=Status.ALERTED))
    opened(ledger, draft("two", guardrail="s3.other", status=Status.ASKING))
    assert [record.id for record in ledger.records(Status.ASKING)] == ["two"]
    assert {record.id for record in ledger.records()} == {"one", "two"}


def test_a_missing_table_is_said_in_one_line(world: World, clock: Clock) -> None:
    ledger = DynamoLedger(world.client("dynamodb"), "nowhere", clock)
    for call in (lambda: ledger.get("x"), lambda: opened(ledger, draft()), lambda: list(ledger.records())):
        with pytest.raises(NoLedger, match="'nowhere' does not exist"):
            call()
    assert not ledger.exists()


def test_the_table_forgets_by_itself_can_be_restored_is_encrypted_and_streams(
    world: World, ledger: DynamoLedger
) -> None:
    client = world.client("dynamodb")
    table = client.describe_table(TableName="records")["Table"]
    assert table["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    assert table["SSEDescription"]["Status"] == "ENABLED"
    assert client.describe_time_to_live(TableName="records")["TimeToLiveDescription"]["AttributeName"] == "expires_at"
    backups = client.describe_continuous_backups(TableName="records")["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_a_record_shows_no_state_in_its_repr_of_a_refusal(ledger: DynamoLedger) -> None:
    record = draft(before={"password": SECRET}, status=Status.ALERTED)
    opened(ledger, record)
    with pytest.raises(StepRefused) as refused:
        opened(ledger, replace(record))
    assert SECRET not in str(refused.value)


def test_the_fix_after_the_last_that_is_allowed_is_a_fight(ledger: DynamoLedger, clock: Clock) -> None:
    for number in range(LIMITS.fights):
        record = opened(ledger, draft(f"fix-{number}", seen_at=clock.now))
        ledger.move(record, Status.FIXED, by="snapback")
        clock.later(minutes=5)
    assert refusal(ledger, draft("again", seen_at=clock.now)) == "fighting"
    clock.later(minutes=LIMITS.fight_minutes)
    assert opened(ledger, draft("an hour later", seen_at=clock.now)).id == "an hour later"


def test_one_fix_may_be_all_that_is_allowed(ledger: DynamoLedger, clock: Clock) -> None:
    limits = Limits(fights=1)
    record = ledger.open(draft("one"), NOON, limits)
    ledger.move(record, Status.FIXED, by="snapback")
    with pytest.raises(StepRefused, match="fighting"):
        ledger.open(draft("two"), NOON, limits)


def test_the_cap_is_held_to_the_unit_by_guardrail_account_and_minute(ledger: DynamoLedger, clock: Clock) -> None:
    limits = Limits(fixes_per_minute=3)
    for _ in range(3):
        ledger.count_fix(draft(), limits)
    with pytest.raises(StepRefused, match="capped"):
        ledger.count_fix(draft(), limits)
    ledger.count_fix(draft(account="210987654321"), limits)
    ledger.count_fix(draft(guardrail="s3.bucket_policy_made_public"), limits)
    clock.later(minutes=1)
    ledger.count_fix(draft(), limits)


def test_a_stop_is_known_everywhere_within_a_minute(world: World, ledger: DynamoLedger, clock: Clock) -> None:
    other = DynamoLedger(world.client("dynamodb"), "records", clock)
    assert other.paused() == ""
    ledger.pause("bob", "deploying")
    assert ledger.paused() == "paused by bob at 2026-11-23T12:00:00+00:00: deploying"
    clock.later(seconds=59)
    assert "deploying" in other.paused()
    ledger.resume("bob")
    clock.later(seconds=59)
    assert other.paused() == ""


def test_states_that_no_item_can_hold_are_in_the_bucket_and_come_back(world: World, clock: Clock) -> None:
    s3 = world.client("s3")
    s3.create_bucket(Bucket="spill")
    ledger = DynamoLedger(world.client("dynamodb"), "records", clock, Spill(lambda: s3, "spill"))
    ledger.create()
    large = {"policy": "x" * SPILL_OVER}
    record = opened(ledger, draft(before=large))
    assert ledger.get("one") == record
    fixed = ledger.move(record, Status.FIXED, by="snapback", after={"policy": None})
    assert list(ledger.records()) == [fixed]
    assert fixed.before == large
    without = DynamoLedger(world.client("dynamodb"), "records", clock)
    with pytest.raises(NoOverflow, match="SNAPBACK_SPILL"):
        without.get("one")


def test_small_states_stay_in_the_item(world: World, clock: Clock) -> None:
    s3 = world.client("s3")
    s3.create_bucket(Bucket="spill")
    ledger = DynamoLedger(world.client("dynamodb"), "records", clock, Spill(lambda: s3, "spill"))
    ledger.create()
    opened(ledger, draft())
    assert not s3.list_objects_v2(Bucket="spill").get("Contents")


def test_overdue_are_those_under_way_past_their_lease(ledger: DynamoLedger, clock: Clock) -> None:
    opened(ledger, draft("one"))
    opened(ledger, draft("two", guardrail="other", status=Status.ALERTED, document=""))
    assert not list(ledger.overdue())
    clock.later(seconds=LEASE.total_seconds() + 1)
    assert [record.id for record in ledger.overdue()] == ["one"]
