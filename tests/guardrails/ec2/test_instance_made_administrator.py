from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chalicelib.core.baseline import Allow
from chalicelib.core.settings import Settings
from tests.guardrails.ec2.instances import disturb, forget, launch, the_instance
from tests.support.cases import Case
from tests.support.events import HOME, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "ec2.instance_made_administrator"
TRUST = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}


def profile(world: World, name: str, *, inline: Any = None, managed: Any = None) -> None:
    iam = world.client("iam")
    boundary = iam.create_policy(PolicyName=f"{name}-boundary", PolicyDocument=allowing("*"))["Policy"]["Arn"]
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST), PermissionsBoundary=boundary)
    if inline:
        iam.put_role_policy(RoleName=name, PolicyName="power", PolicyDocument=allowing(*inline))
    if managed:
        arn = iam.create_policy(PolicyName=f"{name}-power", PolicyDocument=allowing(*managed))["Policy"]["Arn"]
        iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    iam.create_instance_profile(InstanceProfileName=name)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)


def allowing(*actions: str) -> str:
    return json.dumps(
        {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": [*actions], "Resource": "*"}}
    )


def given(**powers: Any) -> Any:
    def made(world: World) -> Envelope:
        instance = launch(world)
        profile(world, "app", **powers)
        world.client("ec2").associate_iam_instance_profile(IamInstanceProfile={"Name": "app"}, InstanceId=instance)
        asked = {"IamInstanceProfile": {"Name": "app"}, "InstanceId": instance}
        return event("AssociateIamInstanceProfile", asked, instance)

    return made


def swapped(world: World) -> Envelope:
    instance, ec2 = launch(world), world.client("ec2")
    profile(world, "reader", inline=["s3:GetObject"])
    profile(world, "boss", managed=["*"])
    first = ec2.associate_iam_instance_profile(IamInstanceProfile={"Name": "reader"}, InstanceId=instance)
    association = first["IamInstanceProfileAssociation"]["AssociationId"]
    ec2.replace_iam_instance_profile_association(IamInstanceProfile={"Name": "boss"}, AssociationId=association)
    asked = {"IamInstanceProfile": {"Name": "boss"}, "AssociationId": association}
    return event("ReplaceIamInstanceProfileAssociation", asked, instance)


def started(**powers: Any) -> Any:
    """An instance that is launched with the profile."""

    def made(world: World) -> Envelope:
        profile(world, "app", **powers)
        instance = launch(world, IamInstanceProfile={"Name": "app"})
        items = {"items": [{"instanceId": instance}]}
        return cloudtrail_event("ec2", "RunInstances", {"iamInstanceProfile": {"name": "app"}}, {"instancesSet": items})

    return made


def event(name: str, asked: Any, instance: str) -> Envelope:
    answer = {"iamInstanceProfileAssociation": {"associationId": "iip-assoc-1", "instanceId": instance}}
    return cloudtrail_event("ec2", name, {f"{name}Request": asked}, {f"{name}Response": answer})


def without_profile(world: World) -> Envelope:
    return cloudtrail_event("ec2", "RunInstances", {}, {"instancesSet": {"items": [{"instanceId": launch(world)}]}})


def deleted(world: World) -> Envelope:
    """The profile is gone, and with it what it gave."""
    envelope = given(inline=["*"])(world)
    iam = world.client("iam")
    iam.remove_role_from_instance_profile(InstanceProfileName="app", RoleName="app")
    iam.delete_instance_profile(InstanceProfileName="app")
    return envelope  # type: ignore[no-any-return]


CASE = Case(
    unsafe=(given(inline=["*"]), given(managed=["iam:*"]), swapped, started(inline=["*"])),
    near_misses=(
        given(inline=["s3:GetObject"], managed=["ec2:Describe*"]),
        deleted,
        started(inline=["s3:GetObject"]),
        without_profile,
    ),
    whole=the_instance,
    remove=forget,
    disturb=disturb,
)


def test_the_reason_names_role_and_policy(world: World) -> None:
    (outcome,) = world.deliver(swapped(world), ID, "alert")
    assert outcome.reason.startswith("its role boss is administrator: boss-power allows")


def test_it_is_asked_first(world: World) -> None:
    (outcome,) = world.deliver(given(inline=["*"])(world), ID)
    assert outcome.status == "asking"
    assert "IamInstanceProfile" in the_instance(world)


def test_a_role_that_may_be_administrator_is_let_be(world: World) -> None:
    envelope = swapped(world)
    world.settings = Settings(allow=Allow(principals=(f"arn:aws:iam::{HOME}:role/bo*",)))
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == "compliant"
