"""The promises of the design, held for every guardrail there is and will be: each finds itself by the catalog."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from chalicelib import catalog
from chalicelib.core.event import Event
from chalicelib.core.pattern import LIMIT, check
from chalicelib.core.rule import FixContext
from chalicelib.core.types import Status
from tests.support.cases import GUARDRAILS, Case, about, case_of, is_skeleton
from tests.support.events import HOME, REGION, Envelope
from tests.support.iam_actions import actions_of
from tests.support.world import World

if TYPE_CHECKING:
    from chalicelib.core.resource import Resource
    from chalicelib.core.rule import Guardrail, Rule

ROOT = Path(__file__).parents[1]
Make = Callable[[World], Envelope]

EVERY = [pytest.param(rule, id=rule.id) for rule in GUARDRAILS]
EVERY_WITH_FIX = [pytest.param(rule, id=rule.id) for rule in GUARDRAILS if rule.fix]
UNSAFE = [
    pytest.param(rule, make, id=f"{rule.id}-{number}")
    for rule in GUARDRAILS
    for number, make in enumerate(case_of(rule.id).unsafe)
]
UNSAFE_WITH_FIX = [
    pytest.param(rule, make, id=f"{rule.id}-{number}")
    for rule in GUARDRAILS
    if rule.fix
    for number, make in enumerate(case_of(rule.id).unsafe)
]
FIRST = [each for each in UNSAFE if str(each.id).endswith("-0")]
FIRST_WITH_FIX = [each for each in UNSAFE_WITH_FIX if str(each.id).endswith("-0")]
"""For what the engine does alike with all ways of being unsafe."""
KINDS: list[type[Resource]] = list(dict.fromkeys(rule.resource for rule in GUARDRAILS))
_FIXES = [rule.fix for rule in GUARDRAILS if rule.fix]
ONLY_DOUBTED = {action for fix in _FIXES for action in fix.approval_reads}.difference(
    *(rule.reads for rule in GUARDRAILS), *(fix.reads for fix in _FIXES)
)
"""Actions that the reader has for doubts alone: all others are known to be called by the guardrails' and fixes' own."""
NEAR_MISSES = [
    pytest.param(rule, make, id=f"{rule.id}-{number}")
    for rule in GUARDRAILS
    for number, make in enumerate(case_of(rule.id).near_misses)
]


def names_of(rule: Guardrail[Any]) -> set[str]:
    """The eventNames that a rule's pattern asks for."""
    branches = rule.on.get("$or", [rule.on])
    return {str(name) for one in branches for name in one.get("detail", {}).get("eventName", ())}


def one(outcomes: list[Any]) -> Any:
    assert len(outcomes) == 1, outcomes
    return outcomes[0]


def whole(case: Case, world: World) -> Any:
    return json.loads(json.dumps(case.whole(world), sort_keys=True, default=str))


def settled(rule: Guardrail[Any], outcome: Any, world: World) -> Any:
    """Have a fix that isn't reversible approved, as it never runs without."""
    if outcome.status == Status.ASKING:
        assert rule.fix is not None
        assert not rule.fix.reversible
        return world.application("fix", rule.id).engine.approve(outcome.record, "carol")
    return outcome


@pytest.mark.parametrize("rule", catalog.guardrails(), ids=lambda rule: rule.id)
def test_it_is_written(rule: Guardrail[Any]) -> None:
    code, test = (rule.id.replace(".", f"/{begin}") for begin in ("", "test_"))
    if is_skeleton(rule):
        pytest.fail(
            f"{rule.id} is a skeleton. Write its function in chalicelib/guardrails/{code}.py, then its CASE in "
            f"tests/guardrails/{test}.py.",
            pytrace=False,
        )


@pytest.mark.parametrize("rule", catalog.all_rules(), ids=lambda rule: rule.id)
def test_its_page_says_what_legitimate_setup_looks_like_it(rule: Rule) -> None:
    """A tripwire's too. And how that is told apart; or why nothing looks like it."""
    found = re.findall(r"^Legitimate look-alikes: (.+?)(?:\n\n|\Z)", rule.doc, re.DOTALL | re.MULTILINE)
    assert len(found) == 1, f"{rule.id}: a docstring has one paragraph `Legitimate look-alikes: …`, or `none.` and why"
    said = found[0].removeprefix("none.").split()
    assert len(said) >= 8, f"{rule.id}: {found[0]!r} doesn't say how they are told apart"


@pytest.mark.parametrize(("rule", "make"), FIRST)
def test_what_is_unsafe_is_reported_and_left_alone_in_alert(rule: Guardrail[Any], make: Make, world: World) -> None:
    envelope, case = make(world), case_of(rule.id)
    before = whole(case, world)
    outcome = one(world.deliver(envelope, rule.id, "alert"))
    assert outcome.status == Status.ALERTED
    assert outcome.reason
    assert whole(case, world) == before


@pytest.mark.parametrize(("rule", "make"), UNSAFE_WITH_FIX)
def test_what_is_unsafe_is_fixed_and_proved_and_undo_restores_exactly_what_was_there(
    rule: Guardrail[Any], make: Make, world: World
) -> None:
    envelope, case = make(world), case_of(rule.id)
    before = whole(case, world)
    application = world.application("fix", rule.id)
    outcome = settled(rule, one(world.deliver(envelope, rule.id)), world)
    assert outcome.status == Status.FIXED
    assert whole(case, world) != before
    assert rule.fix is not None
    record = application.ledger.get(getattr(outcome, "record", None) or outcome.id)
    assert record is not None
    assert record.before is not None
    safe = rule.fix.safe(record.before, FixContext(application.settings))
    assert rule.fix.safe(safe, FixContext(application.settings)) == safe
    if not rule.fix.reversible:
        return
    assert application.engine.undo(record.id, "bob").status == Status.UNDONE
    assert whole(case, world) == before


@pytest.mark.parametrize(("rule", "make"), FIRST_WITH_FIX)
def test_after_an_undo_the_next_event_lets_it_be(rule: Guardrail[Any], make: Make, world: World) -> None:
    assert rule.fix is not None
    if not rule.fix.reversible:
        pytest.skip("this fix can't be undone, so nothing can follow an undo")
    envelope = make(world)
    outcome = one(world.deliver(envelope, rule.id))
    world.later(minutes=1)
    world.application("fix", rule.id).engine.undo(outcome.record, "bob")
    again = json.loads(json.dumps(envelope, default=str))
    again["detail"]["eventID"] = again["id"] = "33333333-0000-4000-8000-000000000001"
    again["detail"]["eventTime"] = again["time"] = "2026-11-23T10:05:00Z"
    world.later(minutes=5)
    assert one(world.deliver(again, rule.id)).status == "exempt"
    world.later(days=8)
    assert one(world.deliver(again, rule.id)).status == Status.FIXED


@pytest.mark.parametrize(("rule", "make"), FIRST_WITH_FIX)
def test_a_second_delivery_changes_nothing(rule: Guardrail[Any], make: Make, world: World) -> None:
    envelope, case = make(world), case_of(rule.id)
    settled(rule, one(world.deliver(envelope, rule.id)), world)
    after, records = whole(case, world), world.records()
    world.later(seconds=30)
    for outcome in world.deliver(envelope, rule.id):
        assert outcome.status in {"compliant", "duplicate", "gone"}
    assert whole(case, world) == after
    assert world.records() == records


@pytest.mark.parametrize(("rule", "make"), FIRST)
def test_a_second_delivery_is_reported_once(rule: Guardrail[Any], make: Make, world: World) -> None:
    envelope = make(world)
    first = one(world.deliver(envelope, rule.id, "alert"))
    again = one(world.deliver(envelope, rule.id, "alert"))
    assert (again.status, again.record) == ("duplicate", first.record)
    assert len(world.records()) == 1


@pytest.mark.parametrize(("rule", "make"), FIRST_WITH_FIX)
def test_in_ask_nothing_changes_before_a_person_approves(rule: Guardrail[Any], make: Make, world: World) -> None:
    envelope, case = make(world), case_of(rule.id)
    before = whole(case, world)
    outcome = one(world.deliver(envelope, rule.id, "ask"))
    assert outcome.status == Status.ASKING
    assert whole(case, world) == before
    approved = world.application("ask", rule.id).engine.approve(outcome.record, "carol")
    assert approved.status == Status.FIXED
    assert approved.history[-1].by == "carol"


@pytest.mark.parametrize(("rule", "make"), NEAR_MISSES)
def test_a_near_miss_is_let_be_at_the_price_of_its_reads(rule: Guardrail[Any], make: Make, world: World) -> None:
    envelope, case = make(world), case_of(rule.id)
    before = whole(case, world)
    for outcome in world.deliver(envelope, rule.id):
        assert outcome.status == "compliant", outcome
    assert not [call for call in world.calls if call.about_items]
    assert whole(case, world) == before
    assert not world.records()


@pytest.mark.parametrize("rule", EVERY)
def test_a_failed_call_is_of_no_interest(rule: Guardrail[Any], world: World) -> None:
    envelope = case_of(rule.id).unsafe[0](world)
    if "errorCode" not in json.dumps(rule.on):
        pytest.skip("on a service's own event, which is never a failed call")
    envelope["detail"]["errorCode"] = "AccessDenied"
    assert not world.deliver(envelope, rule.id)


@pytest.mark.parametrize("rule", EVERY)
def test_a_resource_that_is_gone_costs_nothing_and_raises_nothing(rule: Guardrail[Any], world: World) -> None:
    case = case_of(rule.id)
    if case.remove is None:
        pytest.skip("this kind of resource can't be deleted, or its being deleted is the finding")
    envelope = case.unsafe[0](world)
    case.remove(world)
    assert one(world.deliver(envelope, rule.id)).status == "gone"
    assert not world.records()


@pytest.mark.parametrize("rule", EVERY_WITH_FIX)
def test_a_denied_write_is_a_failure_loudly_and_on_record(rule: Guardrail[Any], world: World) -> None:
    from chalicelib.core.errors import FixFailed, Unfinished

    case = case_of(rule.id)
    envelope = case.unsafe[0](world)
    before = whole(case, world)
    assert rule.fix is not None
    world.application()  # Its ledger is made by calls that may be among the denied.
    with world.denied(*writes_of(rule)), pytest.raises((Unfinished, FixFailed)):
        settled(rule, one(world.deliver(envelope, rule.id)), world)
    assert whole(case, world) == before
    record = one(world.records())
    assert record.status == Status.FAILED
    assert "AccessDenied" in record.error


@pytest.mark.parametrize("rule", EVERY)
def test_each_read_that_is_denied_leaves_it_unjudged_and_never_compliant(rule: Guardrail[Any], world: World) -> None:
    """What is known to be unsafe without that read is reported all the same."""
    from tests.support.moto_gaps import BY_NOBODY, BY_RESOURCE_POLICY, deny

    envelope = case_of(rule.id).unsafe[0](world)
    application = world.application("alert", rule.id)
    sessions = application.sessions
    resources = about(rule, envelope, sessions.reader(HOME, REGION))
    listed = {call.operation for call in world.calls}
    for resource in resources:
        assert rule(resource, sessions.reader(resource.account, resource.region))
    statuses = set[str]()
    for number, operation in enumerate(sorted({call.operation for call in world.calls})):
        for ours, because in enumerate((BY_RESOURCE_POLICY, BY_NOBODY)):
            event = json.loads(json.dumps(envelope, default=str))
            event["id"] = event["detail"]["eventID"] = f"event-{number}-{ours}"
            with deny(operation, because=because):
                outcomes = application.guard(rule.service, event)
            outcomes = [outcome for outcome in outcomes if outcome.guardrail == rule.id]
            assert outcomes, operation
            for outcome in outcomes:
                assert outcome.status in {Status.UNJUDGED, Status.ALERTED, "duplicate"}, (operation, outcome)
                if outcome.status == Status.UNJUDGED:
                    assert operation in outcome.reason
                    assert bool(outcome.missing) == bool(ours)
                    assert ("fault in the stack" in outcome.reason) == bool(ours)
                    assert outcome.record
                else:
                    assert operation not in listed
                statuses.add(outcome.status)
    assert Status.UNJUDGED in statuses
    unjudged = [record for record in world.records() if record.status is Status.UNJUDGED]
    assert unjudged
    assert all(record.before is None and not record.document for record in unjudged)


def writes_of(rule: Guardrail[Any]) -> list[str]:
    """The operations that a rule's fix needs to write, by its own IAM actions, without those that only look."""
    from tests.support.iam_actions import operations_for

    assert rule.fix is not None
    writes = [action for action in rule.fix.writes if action not in (*rule.reads, *rule.fix.reads)]
    return [operation for action in writes for operation in operations_for(action)]


@pytest.mark.parametrize("rule", EVERY)
def test_declared_iam_actions_are_the_calls_made(rule: Guardrail[Any], world: World) -> None:
    """No more and no less, over all the ways of being unsafe, fixed and undone."""
    from moto import mock_aws

    from tests.support.world import World as Fresh

    case = case_of(rule.id)
    looked: set[str] = set()
    read: set[str] = set()
    fixed: set[str] = set()
    written: set[str] = set()
    doubted: set[str] = set()
    for make in (*case.unsafe, *case.near_misses):
        with mock_aws() as account:
            account.reset()  # It is nested in the fixture's, and would go on with what that holds.
            fresh = Fresh(world.aws)
            envelope = make(fresh)
            application = fresh.application("fix", rule.id)
            for resource in about(rule, envelope, application.sessions.reader("123456789012", "us-east-1")):
                fresh.calls.clear()
                found = rule(resource, application.sessions.reader(resource.account, resource.region))
                looked |= actions_of(fresh.calls)
                if rule.fix is None or found is None:
                    continue
                fresh.calls.clear()
                reader = application.sessions.reader(resource.account, resource.region)
                before = rule.fix.read(resource, reader)
                read |= actions_of(fresh.calls)
                event = Event.parse(json.loads(json.dumps(envelope, default=str)))
                after = rule.fix.safe(before, FixContext(reader.baseline, event.actor, event.time))
                rule.fix.needs_approval(resource, before, after, event.actor, reader)
                doubted |= actions_of(fresh.calls)
                fresh.calls.clear()
                application.sessions.reader(resource.account, resource.region)  # Else the hand would remember the look.
                who = (resource.account, resource.region, "0123456789abcdef", rule.service)
                rule.fix.write(resource, after, application.sessions.writer(*who))
                fixed |= actions_of(fresh.calls)
                written |= fixed
                fresh.calls.clear()
                looks = application.sessions.reader(resource.account, resource.region)
                rule.fix.still_unsafe(resource, before, looks)
                read |= actions_of(fresh.calls)
                fresh.calls.clear()
                application.sessions.reader(resource.account, resource.region)
                if rule.fix.reversible:
                    writer = application.sessions.writer(*who, undo=bool(rule.fix.undo_writes))
                    rule.fix.write(resource, before, writer)
                written |= actions_of(fresh.calls)
    assert looked - {"sts:AssumeRole"} == set(rule.reads)  # Another account is read with its own reader's role.
    if rule.fix:
        assert read == set(rule.fix.reads)
        assert written == set(rule.fix.writes)
        assert set(rule.fix.undo_writes) <= written - fixed
        assert doubted <= {*rule.fix.reads, *rule.fix.approval_reads}


@pytest.mark.parametrize("rule", EVERY)
def test_what_lists_all_is_declared_too(rule: Guardrail[Any], world: World) -> None:
    case_of(rule.id).unsafe[0](world)
    reader = world.application().sessions.reader("123456789012", "us-east-1")
    found, declared = list(rule.resource.all_in(reader)), set(rule.resource.list_reads)
    assert actions_of(world.calls) == declared or (not found and actions_of(world.calls) < declared)


@pytest.mark.parametrize(
    "kind", dict.fromkeys(rule.resource for rule in GUARDRAILS if names_of(rule) & rule.resource.affecting)
)
def test_what_an_event_affects_is_read_with_what_is_declared(kind: type[Resource], world: World) -> None:
    _reads(kind, set(kind.affected_reads), _affected, world)


@pytest.mark.parametrize("kind", KINDS)
def test_tags_are_read_with_what_is_declared(kind: type[Resource], world: World) -> None:
    _reads(kind, set(kind.tag_reads), _tags, world)


@pytest.mark.parametrize("kind", KINDS)
def test_arns_are_read_with_what_is_declared(kind: type[Resource], world: World) -> None:
    _reads(kind, set(kind.arn_reads), _arns, world)


def _reads(kind: type[Resource], declared: set[str], do: Callable[..., None], world: World) -> None:
    """Over as many cases as it takes to call all of it."""
    read = set[str]()
    for rule in (rule for rule in GUARDRAILS if rule.resource is kind):
        for make in case_of(rule.id).unsafe:
            read |= _in_an_account_of_its_own(world, rule, make, do)
            assert read <= declared
            if read == declared:
                return
    raise AssertionError(f"nothing needs {declared - read}")


@pytest.mark.parametrize("action", sorted(ONLY_DOUBTED))
def test_what_only_a_doubt_needs_is_called_by_one(action: str, world: World) -> None:
    for rule in (rule for rule in GUARDRAILS if rule.fix and action in rule.fix.approval_reads):
        for make in case_of(rule.id).unsafe:
            if action in _in_an_account_of_its_own(world, rule, make, _doubts):
                return
    raise AssertionError(f"nothing needs {action}")


def _in_an_account_of_its_own(world: World, rule: Guardrail[Any], make: Make, do: Callable[..., None]) -> set[str]:
    """The actions that something needs, with each resource that the event is about, on a look at nothing yet."""
    from moto import mock_aws

    from tests.support.world import World as Fresh

    needed: set[str] = set()
    with mock_aws() as account:
        account.reset()
        fresh = Fresh(world.aws)
        envelope = make(fresh)
        sessions = fresh.application("fix", rule.id).sessions
        for resource in about(rule, envelope, sessions.reader("123456789012", "us-east-1")):
            reader = sessions.reader(resource.account, resource.region)
            fresh.calls.clear()
            do(rule, resource, reader, Event.parse(json.loads(json.dumps(envelope, default=str))))
            needed |= actions_of(fresh.calls)
    return needed


def _tags(_rule: Any, resource: Resource, reader: Any, _event: Event) -> None:
    with suppress(ClientError, NotImplementedError):  # Of what is gone, and what moto lacks: it was asked for.
        resource.tags(reader)


def _affected(rule: Guardrail[Any], _resource: Resource, reader: Any, event: Event) -> None:
    if event.call in rule.resource.affecting:
        list(rule.resource.affected(event, reader))


def _arns(_rule: Any, resource: Resource, reader: Any, _event: Event) -> None:
    with suppress(ClientError, NotImplementedError):
        assert resource.arn in resource.arns(reader)


def _doubts(rule: Guardrail[Any], resource: Resource, reader: Any, event: Event) -> None:
    assert rule.fix is not None
    if rule(resource, reader) is not None:
        before = rule.fix.read(resource, reader)
        after = rule.fix.safe(before, FixContext(reader.baseline, event.actor, event.time))
        rule.fix.needs_approval(resource, before, after, event.actor, reader)


@pytest.mark.parametrize("rule", catalog.all_rules(), ids=lambda rule: rule.id)
def test_patterns_are_valid_and_short(rule: Any) -> None:
    check(rule.on)
    assert len(json.dumps(rule.on, separators=(",", ":"))) <= LIMIT


@pytest.mark.parametrize("service", catalog.services())
def test_a_functions_patterns_fit_each_in_a_rule(service: str) -> None:
    for pattern in catalog.patterns(service):
        check(pattern)


@pytest.mark.parametrize("rule", catalog.all_rules(), ids=lambda rule: rule.id)
def test_a_docs_page_tells_of_it(rule: Any) -> None:
    page = ROOT / "docs" / "guardrails" / rule.service / f"{rule.id.partition('.')[2]}.md"
    assert page.read_text().startswith(f"# {rule.title}")
