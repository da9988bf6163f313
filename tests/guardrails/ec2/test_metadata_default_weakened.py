from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.cases import Case
from tests.support.events import Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "ec2.metadata_default_weakened"


def opened(world: World) -> Envelope:
    world.client("ec2").modify_instance_metadata_defaults(HttpTokens="optional", HttpPutResponseHopLimit=2)
    return event("optional")


def forgotten(world: World) -> Envelope:
    ec2 = world.client("ec2")
    ec2.modify_instance_metadata_defaults(HttpTokens="required", HttpPutResponseHopLimit=2)
    ec2.modify_instance_metadata_defaults(HttpTokens="no-preference")
    return event("no-preference")


def event(tokens: str) -> Envelope:
    name = "ModifyInstanceMetadataDefaults"
    return cloudtrail_event(
        "ec2", name, {f"{name}Request": {"HttpTokens": tokens}}, {f"{name}Response": {"return": True}}
    )


def closed(world: World) -> Envelope:
    world.client("ec2").modify_instance_metadata_defaults(HttpTokens="required", HttpPutResponseHopLimit=2)
    return event("required")


def disturb(world: World) -> None:
    world.client("ec2").modify_instance_metadata_defaults(HttpEndpoint="enabled")


def whole(world: World) -> Any:
    ec2 = world.client("ec2")
    return ec2.get_instance_metadata_defaults()["AccountLevel"]


CASE = Case(unsafe=(opened, forgotten), near_misses=(closed,), whole=whole, disturb=disturb)


def test_the_hop_limit_stays(world: World) -> None:
    world.deliver(opened(world), ID)
    assert whole(world) == {"HttpTokens": "required", "HttpPutResponseHopLimit": 2, "ManagedBy": "account"}


def test_what_a_declarative_policy_sets_is_only_reported(world: World) -> None:
    envelope = opened(world)
    from moto.ec2.models import ec2_backends

    vars(ec2_backends["123456789012"]["us-east-1"])["_snapback_settings"]["managed_by"] = "declarative-policy"
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == "alerted"
    assert outcome.reason.endswith("by a declarative policy of the organization")
