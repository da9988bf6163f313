"""What can't be judged is a finding: told once, counted, looked at again, never compliant and never only a dead letter."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.core.errors import CannotAct, CannotJudge, Fault, StepRefused, Unfinished
from chalicelib.core.event import Event
from chalicelib.core.settings import Exemption
from chalicelib.core.types import Severity, Status
from chalicelib.engine.context import Context
from chalicelib.engine.engine import Engine
from chalicelib.notify.message import is_sent, message_of
from chalicelib.resources.s3 import Bucket
from chalicelib.sweep.places import Place, event_of
from chalicelib.wiring import _loud
from tests.engine.bucket import Broken, engine_of, guardrail, public, public_event
from tests.guardrails.s3.test_bucket_acl_made_public import ID
from tests.support.events import HOME, REGION, cloudtrail_event
from tests.support.memory_ledger import MemoryLedger
from tests.support.moto_gaps import BY_NOBODY, BY_RESOURCE_POLICY, deny

if TYPE_CHECKING:
    from chalicelib.core.outcome import Outcome
    from chalicelib.core.record import Record
    from chalicelib.engine.evaluate import Swept
    from chalicelib.wiring import Application
    from tests.support.world import World

SCP = "with an explicit deny in a service control policy"


def refusal(action: str = "s3:GetBucketAcl", because: str = BY_RESOURCE_POLICY) -> ClientError:
    said = f"User: x is not authorized to perform: {action} on resource: y {because.replace('ACTION', action)}"
    return ClientError({"Error": {"Code": "AccessDenied", "Message": said}}, action.partition(":")[2])


def raising(error: Exception) -> Any:
    def evaluate(_resource: Any, _aws: Any) -> str | None:
        raise error

    return guardrail(evaluate=evaluate)


def denied(world: World, because: str = BY_RESOURCE_POLICY, mode: str = "fix", **settings: Any) -> Outcome:
    envelope = public_event("mallory")
    with deny("GetBucketAcl", because=because):
        (outcome,) = engine_of(world, mode=mode, **settings).handle(Event.parse(envelope), [guardrail()])
    return outcome


def swept(world: World, *names: str, rule: Any = None, run: str = "one") -> Swept:
    resources = [Bucket(name, HOME, REGION) for name in names]
    event = event_of(Place(HOME, REGION, "s3.Bucket"), run, world.clock, [])
    return engine_of(world).sweep([rule or guardrail()], resources, event)


def unjudged(world: World) -> list[Record]:
    return [record for record in world.records() if record.status is Status.UNJUDGED]


def maintained(world: World, **passed: float) -> Application:
    world.later(**passed)
    application = world.application()
    application.maintain()
    return application


class TestAnEvent:
    def test_a_denied_read_is_on_record_with_who_and_why_and_nothing_is_written(self, world: World) -> None:
        public(world)
        outcome = denied(world)
        (record,) = world.records()
        assert (outcome.status, outcome.record) == (Status.UNJUDGED, record.id)
        assert record.actor.name == "mallory"
        assert record.reason == "AWS denied Snapback s3:GetBucketAcl: an explicit deny in a resource-based policy"
        assert (record.before, record.after, record.document) == (None, None, "")
        assert message_of(record).headline.endswith(": could not check: S3 bucket ACL open to everyone?")
        assert "could not check whether the resource is safe" in message_of(record).did

    def test_a_right_that_is_missing_is_the_stacks_fault_and_is_said_with_action_and_function(
        self, world: World
    ) -> None:
        public(world)
        outcome = denied(world, BY_NOBODY)
        assert outcome.missing == "s3:GetBucketAcl"
        assert "Snapback's own policies don't allow s3:GetBucketAcl, which function guard_s3 needs" in outcome.reason

    def test_what_a_guardrail_cannot_judge_is_told_in_its_words(self, world: World) -> None:
        public(world)
        rule = raising(CannotJudge("its prefix list pl-1 can't be read"))
        (outcome,) = engine_of(world).handle(Event.parse(public_event("mallory")), [rule])
        assert (outcome.status, outcome.reason) == (Status.UNJUDGED, "its prefix list pl-1 can't be read")

    def test_what_is_nested_too_deeply_to_be_read_is_not_judged(self, world: World) -> None:
        """boto3 parses trust policies, and json gives up at about a thousand levels."""
        public(world)
        (outcome,) = engine_of(world).handle(Event.parse(public_event("mallory")), [raising(RecursionError("x"))])
        assert (outcome.status, outcome.reason) == (Status.UNJUDGED, "its content is nested too deeply to be read")

    @pytest.mark.parametrize("code", ["Throttling", "InternalError", "ExpiredToken"])
    def test_what_a_retry_may_mend_is_delivered_again(self, world: World, code: str) -> None:
        public(world)
        with deny("GetBucketAcl", code=code), pytest.raises(Unfinished, match=code):
            engine_of(world).handle(Event.parse(public_event("mallory")), [guardrail()])
        assert not world.records()

    def test_the_same_event_again_is_the_same_record(self, world: World) -> None:
        public(world)
        first, again = denied(world), denied(world)
        assert (again.status, again.record) == ("duplicate", first.record)

    def test_an_event_that_is_delivered_again_and_again_leaves_room_for_the_others(self, world: World) -> None:
        public(world)
        denied(world)
        engine, rule = engine_of(world), raising(refusal())

        def about(name: str) -> str:
            event = Event.parse(cloudtrail_event("s3", "PutBucketAcl", {"bucketName": name}))
            return engine.handle(replace(event, id=name), [rule])[0].status

        assert [about("first") for _ in range(50)] == [Status.UNJUDGED, *["duplicate"] * 49]
        assert {about(f"bucket-{number}") for number in range(25)} == {Status.UNJUDGED}
        assert len(unjudged(world)) == 1 + 20

    def test_one_message_goes_out_for_a_cause_and_a_new_one_when_it_begins_again(self, world: World) -> None:
        public(world)
        first = denied(world)
        rule = raising(refusal())
        event = Event.parse(cloudtrail_event("s3", "PutBucketAcl", {"bucketName": "other"}))
        (second,) = engine_of(world).handle(event, [rule])
        records = {record.id: record for record in world.records()}
        assert is_sent(records[first.record])
        assert not is_sent(records[second.record])
        assert records[second.record].covered_by == first.record

    def test_the_worst_has_the_message_whichever_comes_first(self, world: World) -> None:
        low = raising(refusal())
        rules = [replace(low, id=f"s3.{severity}", severity=severity) for severity in Severity]
        event = Event.parse(public_event("mallory"))
        engine_of(world).handle(event, rules[:2])
        assert [record.severity for record in world.records() if is_sent(record)] == [Severity.MEDIUM]
        engine_of(world).handle(replace(event, id="later"), rules)
        sent = {record.severity for record in world.records() if is_sent(record)}
        assert sent == {Severity.MEDIUM, Severity.CRITICAL}

    def test_exempt_in_the_settings_it_is_not_told(self, world: World) -> None:
        public(world)
        exemption = Exemption(
            guardrail=ID, resource="arn:aws:s3:::app-*", reason="theirs", owner="x", expires=date(2027, 1, 1)
        )
        assert denied(world, exemptions=(exemption,)).status == "exempt"
        assert not world.records()

    def test_off_it_is_not_asked(self, world: World) -> None:
        public(world)
        assert denied(world, mode="off").status == "off"

    def test_a_finding_whose_fix_cannot_be_prepared_is_reported_all_the_same(self, world: World) -> None:
        class Unreadable(Broken):
            def read(self, resource: Any, aws: Any) -> Any:
                raise refusal("s3:GetBucketOwnershipControls")

        (outcome,) = engine_of(world).handle(Event.parse(public(world)), [guardrail(fix=Unreadable())])
        assert outcome.status == Status.ALERTED
        assert outcome.reason.startswith("its ACL grants READ to AllUsers; ")
        assert "Snapback can't prepare the fix: AWS denied Snapback s3:GetBucketOwnershipControls" in outcome.reason

    def test_where_it_is_unseen_whether_a_fix_does_harm_a_person_is_asked(self, world: World) -> None:
        class Doubtful(Broken):
            def needs_approval(self, *_: Any) -> str | None:
                raise refusal("iam:ListAccountAliases")

        (outcome,) = engine_of(world).handle(Event.parse(public(world)), [guardrail(fix=Doubtful())])
        assert outcome.status == Status.ASKING
        assert "AWS denied Snapback iam:ListAccountAliases" in world.record(outcome.record).history[-1].note

    def test_a_kind_that_may_not_be_listed_is_told_of_its_account(self, world: World) -> None:
        class Unlisted(Bucket):
            affecting = frozenset({"PutBucketAcl"})

            @classmethod
            def in_event(cls, _event: Event) -> Any:
                return ()

            @classmethod
            def affected(cls, _event: Event, _aws: Any) -> Any:
                raise refusal("s3:ListAllMyBuckets")

        (outcome,) = engine_of(world).handle(Event.parse(public(world)), [guardrail(resource=Unlisted)])
        assert (outcome.status, outcome.resource) == (Status.UNJUDGED, f"arn:aws:iam::{HOME}:root")


class TestASweep:
    def test_one_record_counts_them_all_by_one_write_a_message(self, world: World) -> None:
        rule = raising(refusal())
        found = swept(world, "one", "two", "three", rule=rule)
        (record,) = world.records()
        assert {outcome.status for outcome in found.outcomes} == {Status.UNJUDGED}
        assert {outcome.record for outcome in found.outcomes} == {record.id}
        assert not found.errors
        world.calls.clear()
        application = world.application()
        swept(world, *(f"more-{number}" for number in range(50)), rule=rule)
        assert len([call for call in world.calls if call.operation == "UpdateItem"]) == 1
        standing = application.ledger.causes.get("s3", record.cause)
        assert standing
        assert (standing.record, standing.times) == (record.id, 52)

    def test_the_next_day_it_is_the_same_record_and_no_message(self, world: World) -> None:
        for day in range(3):
            swept(world, "one", "two", rule=raising(refusal()), run=f"day-{day}")
            world.later(days=1)
        (record,) = world.records()
        assert len(record.history) == 1

    def test_what_a_person_exempted_does_not_hide_what_is_beside_it(self, world: World) -> None:
        rule = raising(refusal())
        (outcome,) = swept(world, "one", rule=rule).outcomes
        engine_of(world).exempt(outcome.record, "bob", world.clock + timedelta(days=30), "a vault")
        assert [each.status for each in swept(world, "one", rule=rule, run="two").outcomes] == ["exempt"]
        again = swept(world, "one", "two", rule=rule, run="three").outcomes
        assert [each.status for each in again] == ["exempt", Status.UNJUDGED]
        assert [record.resource for record in unjudged(world)] == ["two"]

    def test_a_cause_of_the_whole_account_is_exempted_as_one(self, world: World) -> None:
        rule = raising(refusal(because=SCP))
        (outcome,) = swept(world, "one", rule=rule).outcomes
        engine_of(world).exempt(outcome.record, "bob", world.clock + timedelta(days=30), "a region we don't use")
        assert {each.status for each in swept(world, "one", "two", rule=rule, run="two").outcomes} == {"exempt"}
        world.later(days=31)
        assert {each.status for each in swept(world, "one", "two", rule=rule, run="three").outcomes} == {
            Status.UNJUDGED
        }


class TestLookingAgain:
    def test_what_is_safe_by_now_is_closed(self, world: World) -> None:
        public(world)
        denied(world)
        world.client("s3").put_bucket_acl(Bucket="app-logs", ACL="private")
        maintained(world, minutes=5)
        (record,) = world.records()
        assert (record.status, record.history[-1].why) == (Status.EXPIRED, "safe")
        assert is_sent(record)

    def test_what_is_unsafe_is_fixed_with_a_record_that_names_who_did_it(self, world: World) -> None:
        public(world)
        denied(world)
        maintained(world, minutes=5)
        first, second = sorted(world.records(), key=lambda record: record.cause, reverse=True)
        assert (first.status, first.history[-1].why) == (Status.EXPIRED, "judged")
        assert (second.status, second.actor.name) == (Status.FIXED, "mallory")
        assert second.id in first.history[-1].note

    def test_what_is_gone_is_closed_as_that(self, world: World) -> None:
        public(world)
        denied(world)
        world.client("s3").delete_bucket(Bucket="app-logs")
        maintained(world, minutes=5)
        assert world.records()[0].status is Status.GONE

    def test_while_nothing_changes_it_is_asked_each_hour_and_said_once_a_day(self, world: World) -> None:
        public(world)
        denied(world)
        with deny("GetBucketAcl", because=BY_RESOURCE_POLICY):
            for _ in range(25):
                maintained(world, hours=1)
        (record,) = world.records()
        assert [step.status for step in record.history] == ["unjudged", "reminded"]
        assert record.history[-1].note == "unjudged for 1 day"

    def test_it_is_looked_at_within_five_minutes_and_then_once_an_hour(
        self, memory: tuple[Engine, MemoryLedger], world: World
    ) -> None:
        engine, ledger = memory
        engine.handle(Event.parse(public_event("mallory")), [raising(refusal())])
        (record,), looked = ledger.opened, list[int]()
        unjudged = engine.look_again._unjudged
        for minutes in range(5, 245, 5):
            world.later(minutes=5)
            if unjudged.is_due(record):
                looked.append(minutes)
        assert looked == [5, 60, 120, 180, 240]

    def test_a_record_that_others_were_counted_in_stays_until_no_sweep_counts_them(self, world: World) -> None:
        public(world)
        world.client("s3").put_bucket_acl(Bucket="app-logs", ACL="private")
        with deny("GetBucketAcl", because=BY_RESOURCE_POLICY):
            swept(world, "app-logs", "other")
        maintained(world, minutes=5)
        assert world.records()[0].status is Status.UNJUDGED
        world.later(minutes=55)
        for _ in range(3):
            maintained(world, hours=9)
        assert world.records()[0].status is Status.EXPIRED

    def test_when_it_begins_again_it_is_sent_again(self, world: World) -> None:
        self.test_what_is_safe_by_now_is_closed(world)
        swept_again = swept(world, "app-logs", rule=raising(refusal()))
        assert [is_sent(record) for record in unjudged(world)] == [True]
        assert swept_again.outcomes[0].status == Status.UNJUDGED

    def test_one_that_another_stands_for_is_kept_for_a_week(self, world: World) -> None:
        self_ = TestAnEvent()
        self_.test_one_message_goes_out_for_a_cause_and_a_new_one_when_it_begins_again(world)
        with deny("GetBucketAcl", because=BY_RESOURCE_POLICY):
            maintained(world, days=7)
        assert {(record.status, bool(record.covered_by)) for record in world.records()} == {
            (Status.UNJUDGED, False),
            (Status.EXPIRED, True),
        }

    @pytest.mark.parametrize("ended", ["safe", "exempt"])
    def test_where_the_one_that_stands_for_a_cause_ends_another_is_sent(self, world: World, ended: str) -> None:
        public(world)
        first = denied(world)
        world.client("s3").create_bucket(Bucket="other")
        event = Event.parse(cloudtrail_event("s3", "PutBucketAcl", {"bucketName": "other"}))
        with deny("GetBucketAcl", because=BY_RESOURCE_POLICY, about="other"):
            (second,) = engine_of(world).handle(event, [guardrail()])
            assert not is_sent(world.record(second.record))
            if ended == "exempt":
                engine_of(world).exempt(first.record, "bob", world.clock + timedelta(days=30), "a test bucket")
            else:
                world.client("s3").put_bucket_acl(Bucket="app-logs", ACL="private")
            maintained(world, minutes=5)
            maintained(world, minutes=5)
        assert world.record(first.record).status is Status.EXPIRED
        taken_over = world.record(second.record)
        assert (taken_over.status, taken_over.covered_by) == (Status.UNJUDGED, "")
        assert is_sent(taken_over)

    def test_the_days_line_counts_what_has_no_message(self, world: World) -> None:
        public(world)
        first = denied(world)
        world.client("s3").create_bucket(Bucket="other")
        event = Event.parse(cloudtrail_event("s3", "PutBucketAcl", {"bucketName": "other"}))
        with deny("GetBucketAcl", because=BY_RESOURCE_POLICY):
            engine_of(world).handle(event, [guardrail()])
            swept(world, "app-logs", "more", rule=raising(refusal()))
            maintained(world, days=1)
        assert world.record(first.record).history[-1].note == (
            "unjudged for 1 day; same cause: arn:aws:s3:::other; counted 1 more, for s3:GetBucketAcl, first arn:aws:s3:::more:"
            " the daily sweep evaluates those again, and `snapback sweep` lists them"
        )


class TestPeople:
    def test_an_approval_that_cannot_be_judged_changes_nothing_and_says_why(self, world: World) -> None:
        (outcome,) = engine_of(world, mode="ask").handle(Event.parse(public(world)), [guardrail()])
        with (
            deny("GetBucketAcl", because=BY_RESOURCE_POLICY),
            pytest.raises(CannotAct, match="explicit deny in a resource"),
        ):
            engine_of(world, mode="ask").approve(outcome.record, "carol")
        assert world.record(outcome.record).status is Status.ASKING

    def test_an_undo_that_cannot_see_says_why(self, world: World) -> None:
        (outcome,) = engine_of(world).handle(Event.parse(public(world)), [guardrail()])
        with deny("GetBucketAcl", because=BY_RESOURCE_POLICY), pytest.raises(CannotAct, match="can't be undone now"):
            engine_of(world).undo(outcome.record, "bob")
        assert world.record(outcome.record).status is Status.FIXED


class TestAFault:
    def test_its_number_is_in_the_dead_letter_and_in_the_log_and_its_text_nowhere(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        public(world)
        application, logged = world.application(), list[Any]()
        monkeypatch.setattr(application.logger, "error", lambda text, extra: logged.append((text, extra)))
        with pytest.raises(Unfinished) as raised, _loud(application):
            application.engine.handle(Event.parse(public_event("mallory")), [raising(StopIteration("hunter2"))])
        ((said, extra),) = logged
        assert said == "a fault in Snapback"
        assert extra["fault"]["type"] == "StopIteration"
        assert extra["fault"]["number"] in str(raised.value)
        assert "StopIteration" not in str(raised.value)
        assert "hunter2" not in f"{raised.value} {logged}"
        assert not world.records()

    def test_a_fault_beside_a_finding_does_not_hide_it(self, world: World) -> None:
        with pytest.raises(Unfinished, match="a fault in Snapback") as raised:
            engine_of(world, mode="alert").handle(Event.parse(public(world)), [raising(KeyError("x")), guardrail()])
        assert [outcome.status for outcome in raised.value.outcomes] == [Status.ALERTED]

    def test_outside_of_the_engine_it_is_raised_as_a_fault_too(self, world: World) -> None:
        with pytest.raises(Fault, match=r"number [0-9a-f]{8}"), _loud(world.application()):
            raise KeyError("hunter2")

    def test_a_write_that_fails_by_one_is_failed_with_the_number(self, world: World) -> None:
        rule = guardrail(fix=Broken(KeyError("hunter2")))
        with pytest.raises(Unfinished, match="a fault in Snapback"):
            engine_of(world).handle(Event.parse(public(world)), [rule])
        (record,) = world.records()
        assert record.status is Status.FAILED
        assert record.error.startswith("a fault in Snapback, number ")
        assert "hunter2" not in f"{record}"


@pytest.fixture
def memory(world: World) -> tuple[Engine, MemoryLedger]:
    """An engine on a ledger in memory, for very many."""
    ledger: Any = MemoryLedger(lambda: world.clock)
    real: Any = world.application()
    return Engine(
        Context(
            ledger=ledger,
            sessions=real.sessions,
            settings=real.settings,
            rule=lambda _: guardrail(),
            who_changed=lambda *_: None,
            now=lambda: world.clock,
            sleep=lambda _: None,
            time_left=lambda: 900.0,
            later=lambda *_: None,
        )
    ), ledger


@pytest.mark.parametrize("causes", [1, 500], ids=["one cause", "an attacker who varies that too"])
def test_thousands_of_refusals_make_a_hundred_records_at_most(
    memory: tuple[Engine, MemoryLedger], world: World, causes: int
) -> None:
    engine, ledger = memory
    numbers = iter(range(10**6))

    def evaluate(_resource: Any, _aws: Any) -> str | None:
        raise refusals[next(numbers) % causes]

    refusals = [refusal(f"s3:Get{number}") for number in range(causes)]
    rule, event = guardrail(evaluate=evaluate), Event.parse(public_event("mallory"))
    outcomes = 0
    for number in range(1_000):
        detail = {**event.detail, "requestParameters": {"bucketName": f"bucket-{number}"}}
        outcomes += len(engine.handle(replace(event, id=f"e{number}", detail=detail), [rule]))
    place = Place(HOME, REGION, "s3.Bucket")
    for message in range(20):
        some = [Bucket(f"swept-{message}-{number}", HOME, REGION) for number in range(100)]
        found = engine.sweep([rule], some, event_of(place, "one", world.clock, []))
        outcomes += len(found.outcomes)
        assert not found.errors
    assert outcomes == 1_000 + 2_000
    assert next(numbers) == 5_000
    assert len(ledger.opened) <= 100
    assert len([record for record in ledger.opened if is_sent(record)]) == min(causes, 77)
    assert all(record.status is Status.UNJUDGED for record in ledger.opened)


def test_a_record_that_is_refused_for_good_does_not_stand_for_its_cause(
    memory: tuple[Engine, MemoryLedger], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, ledger = memory

    def refused(*_: Any) -> Any:
        raise StepRefused("exempt", "x")

    monkeypatch.setattr(ledger, "open", refused)
    (outcome,) = engine.handle(Event.parse(public_event("mallory")), [raising(refusal())])
    assert outcome.status == "exempt"
    monkeypatch.undo()
    event = replace(Event.parse(public_event("mallory")), id="later")
    (outcome,) = engine.handle(event, [raising(refusal())])
    assert outcome.status == Status.UNJUDGED
    assert [record.covered_by for record in ledger.opened] == [""]
