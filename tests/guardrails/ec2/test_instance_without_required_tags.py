from __future__ import annotations

from typing import TYPE_CHECKING

from tests.guardrails.ec2.instances import disturb, forget, launch, launched, the_instance
from tests.support.cases import Case
from tests.support.events import HOME, Envelope

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.world import World

ID = "ec2.instance_without_required_tags"
FILLED = {"owner": "alice", "made-by": f"arn:aws:iam::{HOME}:user/alice", "made-at": "2026-11-23T10:00:00Z"}


def started(**tags: str) -> Callable[[World], Envelope]:
    def make(world: World) -> Envelope:
        made = launch(world)
        if tags:
            pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
            world.client("ec2").create_tags(Resources=[made], Tags=pairs)
        return launched(made)

    return make


def terminated(world: World) -> Envelope:
    envelope = started()(world)
    world.client("ec2").terminate_instances(InstanceIds=[the_instance(world)["InstanceId"]])
    return envelope


CASE = Case(
    unsafe=(started(), started(owner="web team")),
    near_misses=(started(**FILLED), terminated),
    whole=the_instance,
    remove=forget,
    disturb=disturb,
)


def test_each_instance_of_a_launch_is_tagged_once_and_keeps_its_tags(world: World) -> None:
    ids = [launch(world) for _ in range(3)]
    outcomes = world.deliver(launched(*ids, *ids), ID)
    assert [outcome.status for outcome in outcomes] == ["fixed"] * 3
    for reservation in world.client("ec2").describe_instances(InstanceIds=ids)["Reservations"]:
        tags = {tag["Key"]: tag["Value"] for tag in reservation["Instances"][0]["Tags"]}
        assert tags == {"team": "shop", **FILLED}
