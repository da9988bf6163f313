from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from moto.ec2.models import ec2_backends

from chalicelib.core.baseline import Allow
from chalicelib.core.event import Event
from chalicelib.core.settings import Settings
from chalicelib.core.types import Status
from chalicelib.fixes.ec2.take_address_off import TakeAddressOff
from chalicelib.resources.ec2.addresses import Address
from tests.guardrails.ec2.instances import launch, the_instance
from tests.support.cases import Case
from tests.support.events import HOME, REGION, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "ec2.address_put_on_instance"


def address(world: World) -> str:
    tags = [{"ResourceType": "elastic-ip", "Tags": [{"Key": "team", "Value": "shop"}]}]
    return str(world.client("ec2").allocate_address(Domain="vpc", TagSpecifications=tags)["AllocationId"])


def whole(world: World) -> Any:
    """Without the association's id: AWS makes a new one each time."""
    (found,) = world.client("ec2").describe_addresses(Filters=[{"Name": "tag:team", "Values": ["shop"]}])["Addresses"]
    found.pop("AssociationId", None)
    return {key: value for key, value in found.items() if value}  # moto has empty ones where AWS has none.


def event(allocation: str, **on: str) -> Envelope:
    asked = {"allocationId": allocation, **on, "allowReassociation": False}
    return cloudtrail_event("ec2", "AssociateAddress", asked, {"associationId": "eipassoc-1", "_return": True})


def without_address(world: World) -> str:
    """An instance that EC2 gave no address of its own: it gets none when the Elastic IP address goes."""
    subnet = world.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    interface: Any = {"DeviceIndex": 0, "SubnetId": subnet, "AssociatePublicIpAddress": False}
    return launch(world, NetworkInterfaces=[interface])


def on_instance(world: World) -> Envelope:
    made, instance = address(world), without_address(world)
    world.client("ec2").associate_address(AllocationId=made, InstanceId=instance)
    return event(made, instanceId=instance)


def on_interface(world: World) -> Envelope:
    made, _ = address(world), without_address(world)
    (interface,) = the_instance(world)["NetworkInterfaces"]
    on = interface["NetworkInterfaceId"]
    world.client("ec2").associate_address(AllocationId=made, NetworkInterfaceId=on)
    return event(made, networkInterfaceId=on)


def on_no_instance(world: World) -> Envelope:
    """As that of a NAT gateway."""
    ec2, made = world.client("ec2"), address(world)
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    ec2.associate_address(AllocationId=made, NetworkInterfaceId=interface)
    return event(made, networkInterfaceId=interface)


def off_again(world: World) -> Envelope:
    envelope = on_instance(world)
    ec2 = world.client("ec2")
    ec2.disassociate_address(AssociationId=ec2.describe_addresses()["Addresses"][0]["AssociationId"])
    return envelope


def remove(world: World) -> None:
    (found,) = world.client("ec2").describe_addresses()["Addresses"]
    world.client("ec2").release_address(AllocationId=found["AllocationId"])


def disturb(world: World) -> None:
    (found,) = world.client("ec2").describe_addresses()["Addresses"]
    world.client("ec2").create_tags(Resources=[found["AllocationId"]], Tags=[{"Key": "touched", "Value": "yes"}])


CASE = Case(
    unsafe=(on_instance, on_interface),
    near_misses=(on_no_instance, off_again),
    whole=whole,
    remove=remove,
    disturb=disturb,
)


def test_in_a_public_subnet_it_is_let_be(world: World) -> None:
    envelope = on_instance(world)
    world.settings = Settings(allow=Allow(public_subnets=frozenset({the_instance(world)["SubnetId"]})))
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == "compliant"


@pytest.mark.parametrize(
    "parameters", [None, {}, {"publicIp": "203.0.113.7"}, {"allocationId": ["a", "b"]}, "eipalloc-1"]
)
def test_a_strange_event_names_no_address(parameters: Any) -> None:
    assert not list(Address.in_event(Event.parse(cloudtrail_event("ec2", "AssociateAddress", parameters))))


def test_all_addresses_are_found_with_their_tags(world: World) -> None:
    made = address(world)
    reader = world.application().sessions.reader(HOME, "us-east-1")
    (found,) = Address.all_in(reader)
    assert (found.id, found.tags(reader)) == (made, {"team": "shop"})


def test_another_public_address_that_ec2_gives_afterwards_is_told(world: World) -> None:
    """moto gives none; EC2 does, to an instance that was launched with one.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-instance-addressing.html
    """
    envelope = on_instance(world)
    (interface,) = the_instance(world)["NetworkInterfaces"]
    real = TakeAddressOff.write

    def write(self: Any, resource: Any, state: Any, aws: Any) -> None:
        real(self, resource, state, aws)
        ec2_backends[HOME][REGION].enis[interface["NetworkInterfaceId"]].public_ip = "198.51.100.7"

    with patch.object(TakeAddressOff, "write", write):
        (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == Status.STILL_UNSAFE
    assert "198.51.100.7" in world.records()[0].life[-1].note
    assert world.client("ec2").describe_addresses()["Addresses"][0].get("AssociationId") is None
