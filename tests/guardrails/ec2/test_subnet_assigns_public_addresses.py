from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.baseline import Allow
from chalicelib.core.event import Event
from chalicelib.core.settings import Settings
from chalicelib.resources.ec2.vpcs import Subnet
from tests.support.cases import Case
from tests.support.events import HOME, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "ec2.subnet_assigns_public_addresses"


def subnet(world: World, *, public: bool) -> str:
    ec2 = world.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    tags = [{"ResourceType": "subnet", "Tags": [{"Key": "team", "Value": "shop"}]}]
    made = ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.1.0/24", TagSpecifications=tags)["Subnet"]["SubnetId"]
    ec2.modify_subnet_attribute(SubnetId=made, MapPublicIpOnLaunch={"Value": public})
    return str(made)


def found(world: World) -> Any:
    (subnet,) = world.client("ec2").describe_subnets(Filters=[{"Name": "tag:team", "Values": ["shop"]}])["Subnets"]
    return subnet


def modified(world: World, *, public: bool = True) -> Envelope:
    asked = {"subnetId": subnet(world, public=public), "mapPublicIpOnLaunch": {"value": public}}
    return cloudtrail_event("ec2", "ModifySubnetAttribute", asked, {"_return": True})


def created(world: World) -> Envelope:
    answer = {"subnet": {"subnetId": subnet(world, public=True), "mapPublicIpOnLaunch": True}}
    return cloudtrail_event("ec2", "CreateDefaultSubnet", {"availabilityZone": "us-east-1a"}, answer)


def closed(world: World) -> Envelope:
    return modified(world, public=False)


def disturb(world: World) -> None:
    world.client("ec2").modify_subnet_attribute(
        SubnetId=found(world)["SubnetId"], AssignIpv6AddressOnCreation={"Value": True}
    )


CASE = Case(
    unsafe=(modified, created),
    near_misses=(closed,),
    whole=found,
    remove=lambda world: world.client("ec2").delete_subnet(SubnetId=found(world)["SubnetId"]),
    disturb=disturb,
)


def test_a_subnet_that_is_meant_to_be_public_is_let_be_unread(world: World) -> None:
    envelope = modified(world)
    world.settings = Settings(allow=Allow(public_subnets=frozenset({found(world)["SubnetId"]})))
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == "compliant"
    assert not world.calls


def test_all_subnets_of_the_account_are_found_with_their_tags(world: World) -> None:
    made = subnet(world, public=False)
    reader = world.application().sessions.reader(HOME, "us-east-1")
    (ours,) = (each for each in Subnet.all_in(reader) if each.id == made)
    assert ours.tags(reader) == {"team": "shop"}
    assert ours.arn == f"arn:aws:ec2:us-east-1:{HOME}:subnet/{made}"


@pytest.mark.parametrize(
    ("parameters", "answer"),
    [(None, None), ({"subnetId": ["subnet-1"]} | {"x": 1}, {"subnet": "subnet-1"}), ({"subnetId": "vpc-1"}, {})],
)
def test_a_strange_event_names_at_most_one_subnet(parameters: Any, answer: Any) -> None:
    event = Event.parse(cloudtrail_event("ec2", "CreateSubnet", parameters, answer))
    assert {each.id for each in Subnet.in_event(event)} <= {"subnet-1"}
