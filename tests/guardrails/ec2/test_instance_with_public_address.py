from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.core.baseline import Allow
from chalicelib.core.settings import Settings
from tests.guardrails.ec2.instances import forget, launch, launched, the_instance
from tests.support.cases import Case
from tests.support.events import Envelope, scheduled_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "ec2.instance_with_public_address"


def started(*, public: bool) -> Any:
    def made(world: World) -> Envelope:
        subnet = world.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
        interface = {"DeviceIndex": 0, "SubnetId": subnet, "AssociatePublicIpAddress": public}
        return launched(launch(world, NetworkInterfaces=[interface]))

    return made


def needs_sweep(world: World) -> Envelope:
    started(public=True)(world)
    return scheduled_event()


CASE = Case(
    unsafe=(started(public=True), needs_sweep),
    near_misses=(started(public=False),),
    whole=the_instance,
    remove=forget,
)


def test_the_reason_names_address_and_subnet(world: World) -> None:
    (outcome,) = world.deliver(started(public=True)(world), ID)
    assert outcome.reason == f"it has {the_instance(world)['PublicIpAddress']} in {the_instance(world)['SubnetId']}"


def test_in_a_public_subnet_it_is_let_be(world: World) -> None:
    envelope = started(public=True)(world)
    world.settings = Settings(allow=Allow(public_subnets=frozenset({the_instance(world)["SubnetId"]})))
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == "compliant"
