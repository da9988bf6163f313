from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.event import Event
from chalicelib.core.types import Status
from chalicelib.resources.ecs import TaskDefinition
from tests.guardrails.ecs.definitions import (
    TASK,
    among_others,
    container,
    deregistered_since,
    disturb,
    event,
    registered,
    remove,
    run,
    whole,
)
from tests.support.cases import Case
from tests.support.events import HOME, REGION, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "ecs.task_runs_as_host"


def mounts(path: str, *, mounted: bool = True) -> Any:
    points = [{"sourceVolume": "host", "containerPath": "/host"}] if mounted else []
    return registered(container(mountPoints=points), volumes=[{"name": "host", "host": {"sourcePath": path}}])


CASE = Case(
    unsafe=(
        among_others(registered(container(privileged=True))),
        registered(networkMode="host", pidMode="host", ipcMode="host"),
        registered(container(), container(name="agent", user="0:0")),
        mounts("/var/run/docker.sock"),
        registered(container(linuxParameters={"capabilities": {"add": ["NET_ADMIN", "SYS_ADMIN"], "drop": []}})),
    ),
    near_misses=(
        registered(
            container(
                user="rooter:0",
                privileged=False,
                linuxParameters={"capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]}},
            ),
            networkMode="awsvpc",
            pidMode="task",
        ),
        mounts("/var/runner"),
        mounts("/", mounted=False),
        deregistered_since(registered(container(privileged=True))),
    ),
    whole=whole,
    remove=remove,
    disturb=disturb,
)


@pytest.mark.parametrize("path", ["/", "/var", "/var/run/", "/run", "/run/containerd", "/var/run/docker.sock"])
def test_a_directory_that_holds_the_socket_counts_as_the_socket(path: str, world: World) -> None:
    (outcome,) = world.deliver(mounts(path)(world), ID, "alert")
    assert outcome.reason == f"container web mounts the host's {path}"


def test_a_revision_that_a_service_asks_for_is_reported_and_stays(world: World) -> None:
    envelope = among_others(registered(container(privileged=True)))(world)
    ecs = world.client("ecs")
    for number in range(11):  # More than one DescribeServices takes.
        ecs.create_service(cluster="shop", serviceName=f"old-{number}", taskDefinition="web:2", desiredCount=0)
    ecs.update_service(cluster="shop", service="site", taskDefinition=TASK)
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == Status.ALERTED
    assert world.record(outcome.record).before == {"status": "ACTIVE", "used_by": ["shop/site"]}
    assert ecs.describe_task_definition(taskDefinition="web:1")["taskDefinition"]["status"] == "ACTIVE"


def test_a_service_that_starts_an_older_revision_is_reported(world: World) -> None:
    among_others(registered(container(privileged=True)))(world)
    found = world.client("ecs").update_service(cluster="shop", service="site", taskDefinition=TASK)["service"]
    envelope = cloudtrail_event("ecs", "UpdateService", {"service": "site", "cluster": "shop"}, {"service": found})
    (outcome,) = world.deliver(envelope, ID)
    assert (outcome.status, outcome.resource) == (Status.ALERTED, TASK)


def test_a_revision_of_which_a_task_runs_is_reported_and_stays(world: World) -> None:
    envelope = among_others(registered(container(privileged=True)))(world)
    run(world, "web:1")
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == Status.ALERTED
    assert world.record(outcome.record).before == {"status": "ACTIVE", "used_by": ["tasks in shop"]}


def test_no_revision_is_deregistered_without_a_person(world: World) -> None:
    (outcome,) = world.deliver(registered(container(privileged=True))(world), ID)
    assert outcome.status == Status.ASKING
    world.application("fix", ID).engine.approve(outcome.record, "carol")
    assert whole(world)[0]["status"] == "INACTIVE"


def test_a_harmless_definition_costs_one_call(world: World) -> None:
    world.deliver(registered()(world), ID)
    assert [call.operation for call in world.calls] == ["DescribeTaskDefinition"]


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {},
        "web:1",
        {"taskDefinition": None},
        {"taskDefinition": {"taskDefinitionArn": "web"}},
        {"taskDefinition": {"taskDefinitionArn": f"{TASK.removesuffix('1')}latest"}},
        {"taskDefinition": {"taskDefinitionArn": ["a", "b"]}},
    ],
)
def test_a_strange_answer_names_no_definition(answer: Any) -> None:
    envelope = cloudtrail_event("ecs", "RegisterTaskDefinition", {"family": "web"}, answer)
    assert not list(TaskDefinition.in_event(Event.parse(envelope)))


def test_all_active_revisions_are_found_with_their_tags(world: World) -> None:
    assert list(TaskDefinition.in_event(Event.parse(event()))) == [TaskDefinition("web:1", HOME, REGION)]
    among_others(registered())(world)
    reader = world.application().sessions.reader(HOME, REGION)
    found = list(TaskDefinition.all_in(reader))
    assert [each.id for each in found] == ["web:1", "web:2"]
    assert found[0].arn == TASK
    assert found[0].tags(reader) == {"team": "shop"}
