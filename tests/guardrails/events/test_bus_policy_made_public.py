from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.event import Event
from chalicelib.resources.events import Bus
from tests.support.events import FRIEND, HOME, STRANGER, Envelope, cloudtrail_event
from tests.support.resource_policies import Guarded

if TYPE_CHECKING:
    from tests.support.world import World

ARN = f"arn:aws:events:us-east-1:{HOME}:event-bus/central"


def put(world: World, text: str, name: str = "central") -> Envelope:
    client = world.client("events")
    if name not in {bus["Name"] for bus in client.list_event_buses()["EventBuses"]}:
        client.create_event_bus(Name=name)
    client.put_permission(EventBusName=name, Policy=text)
    return cloudtrail_event("events", "PutPermission", {"eventBusName": name, "policy": text})


def statement_by_statement(world: World) -> Envelope:
    """The call adds a statement to those that are there."""
    put(world, CENTRAL.written(CENTRAL.friends))
    asked = {"Action": "events:PutEvents", "Principal": STRANGER, "StatementId": "partner"}
    world.client("events").put_permission(EventBusName="central", **asked)
    return cloudtrail_event("events", "PutPermission", {"eventBusName": ARN, "statementId": "partner"})


def deny_removed(world: World) -> Envelope:
    """The statement that kept everyone out is gone."""
    nobody = {**CENTRAL.allow({"AWS": STRANGER}, "Nobody"), "Effect": "Deny"}
    put(world, CENTRAL.written(CENTRAL.allow("*", "Everyone"), nobody))
    world.client("events").remove_permission(EventBusName="central", StatementId="Nobody")
    return cloudtrail_event("events", "RemovePermission", {"eventBusName": "central", "statementId": "Nobody"})


def bare(world: World) -> Envelope:
    envelope = CASE.unsafe[0](world)
    world.client("events").remove_permission(EventBusName="central", RemoveAllPermissions=True)
    return envelope


def text(world: World) -> str | None:
    found: str | None = world.client("events").describe_event_bus(Name="central").get("Policy")
    return found


def whole(world: World) -> Any:
    client = world.client("events")
    return (
        text(world),
        client.describe_event_bus(Name="central")["Arn"],
        client.list_rules(EventBusName="central")["Rules"],
    )


CENTRAL = Guarded(
    id="events.bus_policy_made_public",
    arn=ARN,
    action="events:PutEvents",
    put=put,
    text=text,
    keeps=lambda text: json.dumps(json.loads(text)),
)
CASE = CENTRAL.case(
    whole,
    lambda world: world.client("events").delete_event_bus(Name="central"),
    lambda world: world.client("events").put_rule(
        Name="nightly", EventBusName="central", EventPattern=json.dumps({"account": [FRIEND]})
    ),
    unsafe=(statement_by_statement, deny_removed),
    near_misses=(bare,),
)


def test_snapbacks_own_bus_is_for_its_tripwire(world: World) -> None:
    envelope = put(world, CENTRAL.written(CENTRAL.allow({"AWS": STRANGER})), "snapback-members")
    (outcome,) = world.deliver(envelope, CENTRAL.id)
    assert outcome.status == "compliant"


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (None, ["default"]),
        ({"eventBusName": "central"}, ["central"]),
        ({"eventBusName": ARN}, ["central"]),
        ({"eventBusName": ARN.replace(HOME, STRANGER)}, []),
        ({"eventBusName": "two words"}, []),
    ],
)
def test_a_bus_is_named_by_name_or_arn_or_not_at_all(given: Any, named: list[str]) -> None:
    event = Event.parse(cloudtrail_event("events", "PutPermission", given))
    assert [each.id for each in Bus.in_event(event)] == named
