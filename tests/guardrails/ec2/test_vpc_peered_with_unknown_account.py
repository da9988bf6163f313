from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.event import Event
from chalicelib.resources.ec2.connections import Peering
from tests.support.cases import Case
from tests.support.events import FRIEND, HOME, REGION, STRANGER, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "ec2.vpc_peered_with_unknown_account"


def peering(world: World, requester: str, accepter: str) -> str:
    """moto's own session is of one account: the other's VPC and who asked are put in."""
    from moto.ec2.models import ec2_backends

    sides = {}
    for account in (requester, accepter):
        sides[account] = ec2_backends[account][REGION].create_vpc("10.1.0.0/16" if account == HOME else "10.2.0.0/16")
    home = ec2_backends[HOME][REGION]
    made = ec2_backends[requester][REGION].create_vpc_peering_connection(
        sides[requester], sides[accepter], {"team": "net"}
    )
    home.vpc_pcxs[made.id] = made
    return str(made.id)


def whole(world: World) -> Any:
    (found,) = world.client("ec2").describe_vpc_peering_connections()["VpcPeeringConnections"]
    return found


def asked(accepter: str) -> Any:
    def made(world: World) -> Envelope:
        which = peering(world, HOME, accepter)
        answer = {"vpcPeeringConnection": {"vpcPeeringConnectionId": which}}
        said = {"vpcId": "vpc-1", "peerVpcId": "vpc-2", "peerOwnerId": accepter}
        return cloudtrail_event("ec2", "CreateVpcPeeringConnection", said, answer)

    return made


def accepted(requester: str) -> Any:
    def made(world: World) -> Envelope:
        which = peering(world, requester, HOME)
        world.client("ec2").accept_vpc_peering_connection(VpcPeeringConnectionId=which)
        return event(which)

    return made


def event(id: str) -> Envelope:
    answer = {"vpcPeeringConnection": {"vpcPeeringConnectionId": id}}
    return cloudtrail_event("ec2", "AcceptVpcPeeringConnection", {"vpcPeeringConnectionId": id}, answer)


def asks_us(world: World) -> Envelope:
    return event(peering(world, STRANGER, HOME))


def ended(world: World) -> Envelope:
    envelope = accepted(STRANGER)(world)
    world.client("ec2").delete_vpc_peering_connection(VpcPeeringConnectionId=whole(world)["VpcPeeringConnectionId"])
    return envelope  # type: ignore[no-any-return]


def remove(world: World) -> None:
    """As two hours after it was deleted: AWS knows it no longer."""
    from moto.ec2.models import ec2_backends

    world.client("ec2").delete_vpc_peering_connection(VpcPeeringConnectionId=whole(world)["VpcPeeringConnectionId"])
    ec2_backends[HOME][REGION].vpc_pcxs.clear()


def disturb(world: World) -> None:
    which = whole(world)["VpcPeeringConnectionId"]
    world.client("ec2").create_tags(Resources=[which], Tags=[{"Key": "touched", "Value": "yes"}])


CASE = Case(
    unsafe=(asked(STRANGER), accepted(STRANGER), asks_us),
    near_misses=(asked(FRIEND), accepted(HOME), ended),
    whole=whole,
    remove=remove,
    disturb=disturb,
)


def test_the_reason_names_the_stranger(world: World) -> None:
    (outcome,) = world.deliver(accepted(STRANGER)(world), ID, "alert")
    assert outcome.reason.startswith("it is active with vpc-")
    assert outcome.reason.endswith(f"of {STRANGER}")


def test_who_only_asks_is_rejected(world: World) -> None:
    (outcome,) = world.deliver(asks_us(world), ID)
    world.application("fix", ID).engine.approve(outcome.record, "carol")
    assert whole(world)["Status"]["Code"] == "rejected"
    assert "DeleteVpcPeeringConnection" not in {call.operation for call in world.calls}


@pytest.mark.parametrize("answer", [None, {}, {"vpcPeeringConnection": "pcx-1"}, {"vpcPeeringConnection": {}}, []])
def test_a_strange_event_names_no_connection(answer: Any) -> None:
    envelope = cloudtrail_event("ec2", "CreateVpcPeeringConnection", None, answer)
    assert not list(Peering.in_event(Event.parse(envelope)))


def test_all_connections_are_found_with_their_tags(world: World) -> None:
    made = peering(world, HOME, FRIEND)
    reader = world.application().sessions.reader(HOME, REGION)
    (found,) = Peering.all_in(reader)
    assert (found.id, found.tags(reader)) == (made, {"team": "net"})
