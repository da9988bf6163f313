from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.event import Event
from chalicelib.core.pattern import EVEN_READS
from chalicelib.resources.events import OwnRule, Rule
from tests.support.cases import Case
from tests.support.events import FRIEND, HOME, Envelope, alice, cloudtrail_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.world import World

ID = "events.own_rule_disabled"
NAME = "snapback-GuardS3GuardS3Event-1A2B3C4D5E6F"
ABOUT_S3 = {"source": [{"prefix": "aws."}], "detail": {"eventSource": ["s3.amazonaws.com"]}}
ABOUT_STS = {"source": [{"prefix": "aws."}], "detail": {"eventSource": ["sts.amazonaws.com"]}}
FUNCTION = f"arn:aws:lambda:us-east-1:{HOME}:function:snapback-GuardS3-1A2B3C4D5E6F"


def rule(world: World, state: str, pattern: Any = ABOUT_S3, name: str = NAME) -> Any:
    client = world.client("events")
    described = {"Description": "what it is for", "EventPattern": json.dumps(pattern), "State": state}
    client.put_rule(Name=name, Tags=[{"Key": "owner", "Value": "security"}], **described)
    client.put_targets(Rule=name, Targets=[{"Id": "function", "Arn": FUNCTION}])
    return client


def disabled(world: World) -> Envelope:
    rule(world, "ENABLED").disable_rule(Name=NAME)
    return cloudtrail_event("events", "DisableRule", {"name": NAME})


def put_again_disabled(world: World) -> Envelope:
    rule(world, "DISABLED")
    bus = f"arn:aws:events:us-east-1:{HOME}:event-bus/default"
    return cloudtrail_event("events", "PutRule", {"name": NAME, "state": "DISABLED", "eventBusName": bus})


def disabled_although_about_sts(world: World) -> Envelope:
    rule(world, EVEN_READS, ABOUT_STS).disable_rule(Name=NAME)
    return cloudtrail_event("events", "DisableRule", {"name": NAME, "eventBusName": "default"})


def enabled_but_not_for_reads(world: World) -> Envelope:
    rule(world, "ENABLED", ABOUT_STS)
    return cloudtrail_event("events", "EnableRule", {"name": NAME})


def as_it_should_be(world: World) -> Envelope:
    rule(world, "ENABLED")
    return cloudtrail_event("events", "EnableRule", {"name": NAME})


def about_sts_as_it_should_be(world: World) -> Envelope:
    rule(world, EVEN_READS, ABOUT_STS)
    return cloudtrail_event("events", "RemoveTargets", {"rule": NAME, "ids": ["another"]})


def anothers(name: str) -> Callable[[World], Envelope]:
    def made(world: World) -> Envelope:
        rule(world, "ENABLED")
        rule(world, "DISABLED", name=name)
        return cloudtrail_event("events", "DisableRule", {"name": name})

    return made


def by_a_deployment(world: World) -> Envelope:
    envelope = disabled(world)
    envelope["detail"]["userIdentity"] = {**alice(), "invokedBy": "cloudformation.amazonaws.com"}
    return envelope


def whole(world: World) -> Any:
    client = world.client("events")
    rules = client.list_rules()["Rules"]
    targets = [client.list_targets_by_rule(Rule=each["Name"])["Targets"] for each in rules]
    return rules, targets, [client.list_tags_for_resource(ResourceARN=each["Arn"])["Tags"] for each in rules]


CASE = Case(
    unsafe=(disabled, disabled_although_about_sts, enabled_but_not_for_reads),
    near_misses=(
        as_it_should_be,
        about_sts_as_it_should_be,
        anothers("nightly"),
        anothers("snapback-test-GuardS3GuardS3Event-1A2B3C4D5E6F"),
        by_a_deployment,
    ),
    whole=whole,
)


@pytest.mark.parametrize(
    ("make", "state", "reason"),
    [
        (disabled, "ENABLED", "it is disabled"),
        (put_again_disabled, "ENABLED", "it is disabled"),
        (disabled_although_about_sts, EVEN_READS, "it is disabled"),
        (enabled_but_not_for_reads, EVEN_READS, "it no longer matches read-only calls"),
    ],
)
def test_the_fix_enables_it_in_the_state_that_it_needs(
    make: Callable[[World], Envelope], state: str, reason: str, world: World
) -> None:
    (outcome,) = world.deliver(make(world), ID)
    assert (outcome.status, outcome.reason) == ("fixed", reason)
    assert whole(world)[0][0]["State"] == state


def test_a_rule_that_is_not_ours_costs_no_call(world: World) -> None:
    (outcome,) = world.deliver(anothers("nightly")(world), ID)
    assert outcome.status == "compliant"
    assert not world.calls


def test_a_user_agent_does_not_pass_for_a_deployment(world: World) -> None:
    envelope = disabled(world)
    envelope["detail"]["userAgent"] = "cloudformation.amazonaws.com"
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == "fixed"


def test_a_deleted_rule_is_reported(world: World) -> None:
    client = rule(world, "ENABLED")
    client.remove_targets(Rule=NAME, Ids=["function"])
    client.delete_rule(Name=NAME)
    (outcome,) = world.deliver(cloudtrail_event("events", "DeleteRule", {"name": NAME}), ID)
    assert (outcome.status, outcome.reason) == ("alerted", "it is deleted")


def test_a_rule_without_a_target_is_reported(world: World) -> None:
    rule(world, "ENABLED").remove_targets(Rule=NAME, Ids=["function"])
    event = cloudtrail_event("events", "RemoveTargets", {"rule": NAME, "ids": ["function"]})
    (outcome,) = world.deliver(event, ID)
    assert (outcome.status, outcome.reason) == ("alerted", "it has no target, so nothing is called")


def test_a_disabled_rule_without_a_target_is_enabled_and_said_to_be_unsafe_still(world: World) -> None:
    rule(world, "DISABLED").remove_targets(Rule=NAME, Ids=["function"])
    (outcome,) = world.deliver(cloudtrail_event("events", "DisableRule", {"name": NAME}), ID)
    assert outcome.status == "still_unsafe"
    assert whole(world)[0][0]["State"] == "ENABLED"


@pytest.mark.parametrize(
    "parameters",
    [
        None,
        {},
        {"name": 1},
        {"name": ["a", "b"]},
        {"name": "a b"},
        {"rule": NAME},
        {"name": NAME, "eventBusName": "a b"},
    ],
)
def test_an_event_that_names_no_rule_is_of_no_interest(parameters: Any) -> None:
    assert not list(Rule.in_event(Event.parse(cloudtrail_event("events", "DisableRule", parameters))))


@pytest.mark.parametrize("bus", ["orders", f"arn:aws:events:us-east-1:{HOME}:event-bus/orders"])
def test_a_rule_of_another_bus_is_another_rule(bus: str) -> None:
    event = Event.parse(cloudtrail_event("events", "DisableRule", {"name": NAME, "eventBusName": bus}))
    (found,) = Rule.in_event(event)
    assert (found.name, found.bus) == (NAME, "orders")
    assert found.arn == f"arn:aws:events:us-east-1:{HOME}:rule/orders/{NAME}"


def test_the_sweep_finds_the_rules_of_all_buses(world: World) -> None:
    client = rule(world, "ENABLED")
    client.create_event_bus(Name="orders")
    client.put_rule(Name="nightly", EventBusName="orders", EventPattern=json.dumps(ABOUT_S3))
    found = Rule.all_in(world.application().sessions.reader(HOME, "us-east-1"))
    assert {each.id for each in found} == {NAME, "orders/nightly"}


def test_tags_are_read_and_a_deleted_rule_has_none(world: World) -> None:
    rule(world, "ENABLED")
    reader = world.application().sessions.reader(HOME, "us-east-1")
    assert OwnRule(NAME, HOME, "us-east-1").tags(reader) == {"owner": "security"}
    assert OwnRule("snapback-NeverMade-1A2B", HOME, "us-east-1").tags(reader) == {}


def test_a_rule_of_the_same_name_in_another_account_is_not_ours(world: World) -> None:
    reader = world.application().sessions.reader(HOME, "us-east-1")
    from chalicelib import catalog

    guardrail: Any = catalog.rule(ID)
    assert guardrail(OwnRule(NAME, FRIEND, "us-east-1"), reader) is None
