"""Task definitions for the tests, as AWS tells of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.events import HOME, REGION, Envelope, cloudtrail_event
from tests.support.world import settings_with

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from tests.support.world import World

OWN = f"{HOME}.dkr.ecr.{REGION}.amazonaws.com/shop/web@sha256:{'ab' * 32}"
TASK = f"arn:aws:ecs:{REGION}:{HOME}:task-definition/web:1"


def container(**more: Any) -> dict[str, Any]:
    """One that no guardrail has anything against."""
    return {"name": "web", "image": OWN, "memory": 128, "user": "1000", "readonlyRootFilesystem": True, **more}


def registered(*containers: dict[str, Any], baseline: Baseline | None = None, **definition: Any) -> Any:
    """`web:1` with these containers; without any, a harmless one."""

    def made(world: World) -> Envelope:
        if baseline:
            world.settings = settings_with(baseline)
        world.client("ecs").register_task_definition(
            family="web",
            containerDefinitions=[*containers] or [container()],
            tags=[{"key": "team", "value": "shop"}],
            **definition,
        )
        return event()

    return made


def event() -> Envelope:
    answer = {"taskDefinition": {"taskDefinitionArn": TASK, "family": "web", "revision": 1, "status": "ACTIVE"}}
    return cloudtrail_event("ecs", "RegisterTaskDefinition", {"family": "web"}, answer)


def deregistered_since(make: Any) -> Any:
    def made(world: World) -> Envelope:
        envelope: Envelope = make(world)
        world.client("ecs").deregister_task_definition(taskDefinition="web:1")
        return envelope

    return made


def among_others(make: Any) -> Any:
    """Beside a service and a task of the revision after it, so that a look for who uses it meets both."""

    def made(world: World) -> Envelope:
        envelope: Envelope = make(world)
        ecs = world.client("ecs")
        ecs.register_task_definition(family="web", containerDefinitions=[container()])
        ecs.create_cluster(clusterName="shop")
        ecs.create_service(cluster="shop", serviceName="site", taskDefinition="web:2", desiredCount=1)
        run(world, "web:2")
        return envelope

    return made


def run(world: World, revision: str) -> None:
    ec2 = world.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    network: Any = {"awsvpcConfiguration": {"subnets": [subnet]}}
    world.client("ecs").run_task(
        cluster="shop", taskDefinition=revision, launchType="FARGATE", networkConfiguration=network
    )


def whole(world: World) -> Any:
    ecs = world.client("ecs")
    found = ecs.describe_task_definition(taskDefinition="web:1", include=["TAGS"])
    clusters = ecs.list_clusters()["clusterArns"]
    services = [ecs.list_services(cluster=each)["serviceArns"] for each in clusters]
    return found["taskDefinition"], found["tags"], services


def remove(world: World) -> None:
    """ECS keeps a deleted definition while anything of it runs, and then forgets it; moto keeps it for ever."""
    from moto.ecs.models import ecs_backends

    ecs = world.client("ecs")
    ecs.deregister_task_definition(taskDefinition=TASK)
    ecs.delete_task_definitions(taskDefinitions=[TASK])
    ecs_backends[HOME][REGION].task_definitions["web"].pop(1, None)


def disturb(world: World) -> None:
    world.client("ecs").tag_resource(resourceArn=TASK, tags=[{"key": "seen", "value": "yes"}])
