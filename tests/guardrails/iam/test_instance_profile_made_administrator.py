from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.core.baseline import Allow
from chalicelib.core.settings import Settings
from tests.guardrails.ec2.test_instance_made_administrator import profile
from tests.support.cases import Case
from tests.support.events import HOME, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "iam.instance_profile_made_administrator"


def swapped(role: str = "boss", **powers: Any) -> Any:
    """The profile `app` holds another role now."""

    def made(world: World) -> Envelope:
        iam = world.client("iam")
        profile(world, "app", inline=["s3:GetObject"])
        profile(world, role, **powers)
        iam.remove_role_from_instance_profile(InstanceProfileName="app", RoleName="app")
        iam.add_role_to_instance_profile(InstanceProfileName="app", RoleName=role)
        return cloudtrail_event("iam", "AddRoleToInstanceProfile", {"instanceProfileName": "app", "roleName": role})

    return made


def taken_out_since(world: World) -> Envelope:
    envelope: Envelope = swapped(inline=["*"])(world)
    world.client("iam").remove_role_from_instance_profile(InstanceProfileName="app", RoleName="boss")
    return envelope


def allowed(world: World) -> Envelope:
    world.settings = Settings(allow=Allow(principals=(f"arn:aws:iam::{HOME}:role/boss",)))
    return swapped(managed=["*"])(world)  # type: ignore[no-any-return]


def whole(world: World) -> Any:
    return world.client("iam").get_instance_profile(InstanceProfileName="app")["InstanceProfile"]


def remove(world: World) -> None:
    iam = world.client("iam")
    iam.remove_role_from_instance_profile(InstanceProfileName="app", RoleName="boss")
    iam.delete_instance_profile(InstanceProfileName="app")


CASE = Case(
    unsafe=(swapped(inline=["*"]), swapped(managed=["iam:*"])),
    near_misses=(swapped(inline=["s3:*"], managed=["ec2:Describe*"]), taken_out_since, allowed),
    whole=whole,
    remove=remove,
)


def test_the_reason_names_role_and_policy(world: World) -> None:
    (outcome,) = world.deliver(swapped(managed=["*"])(world), ID)
    assert outcome.status == "alerted"
    assert outcome.reason.startswith("its role boss is administrator: boss-power allows")
