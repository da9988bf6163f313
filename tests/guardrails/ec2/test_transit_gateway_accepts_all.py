from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.event import Event
from chalicelib.core.settings import Settings
from chalicelib.resources.ec2.connections import TransitGateway
from tests.support.cases import Case
from tests.support.events import HOME, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "ec2.transit_gateway_accepts_all"


def gateway(world: World, accepts: str) -> str:
    tags = [{"ResourceType": "transit-gateway", "Tags": [{"Key": "team", "Value": "net"}]}]
    made = world.client("ec2").create_transit_gateway(
        Description="hub",
        Options={"AutoAcceptSharedAttachments": accepts, "DnsSupport": "disable"},
        TagSpecifications=tags,
    )
    return str(made["TransitGateway"]["TransitGatewayId"])


def whole(world: World) -> Any:
    (found,) = world.client("ec2").describe_transit_gateways()["TransitGateways"]
    return found


def created(accepts: str) -> Any:
    def made(world: World) -> Envelope:
        answer = {"CreateTransitGatewayResponse": {"transitGateway": {"transitGatewayId": gateway(world, accepts)}}}
        asked = {"CreateTransitGatewayRequest": {"Options": {"AutoAcceptSharedAttachments": accepts}}}
        return cloudtrail_event("ec2", "CreateTransitGateway", asked, answer)

    return made


def modified(world: World) -> Envelope:
    asked = {"TransitGatewayId": gateway(world, "enable"), "Options": {"AutoAcceptSharedAttachments": "enable"}}
    return cloudtrail_event("ec2", "ModifyTransitGateway", {"ModifyTransitGatewayRequest": asked})


def remove(world: World) -> None:
    world.client("ec2").delete_transit_gateway(TransitGatewayId=whole(world)["TransitGatewayId"])


def disturb(world: World) -> None:
    world.client("ec2").modify_transit_gateway(TransitGatewayId=whole(world)["TransitGatewayId"], Description="hub 2")


CASE = Case(
    unsafe=(created("enable"), modified),
    near_misses=(created("disable"),),
    whole=whole,
    remove=remove,
    disturb=disturb,
)


def test_one_that_is_being_made_is_asked_again_later(world: World) -> None:
    world.settings = Settings()
    (outcome,) = world.deliver(created("enable")(world), ID)
    assert outcome.status == "waiting"
    assert world.waiting


@pytest.mark.parametrize(
    ("parameters", "answer"),
    [
        (None, None),
        ({"ModifyTransitGatewayRequest": "tgw-1"}, "x"),
        ({"transitGatewayId": "igw-1"}, {"transitGateway": []}),
    ],
)
def test_a_strange_event_names_no_gateway(parameters: Any, answer: Any) -> None:
    event = Event.parse(cloudtrail_event("ec2", "ModifyTransitGateway", parameters, answer))
    assert not list(TransitGateway.in_event(event))


def test_all_gateways_of_the_account_are_found_with_their_tags(world: World) -> None:
    made = gateway(world, "disable")
    reader = world.application().sessions.reader(HOME, "us-east-1")
    (ours,) = TransitGateway.all_in(reader)
    assert ours.id == made
    assert ours.tags(reader) == {"team": "net"}
