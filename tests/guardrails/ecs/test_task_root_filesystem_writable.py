from __future__ import annotations

from typing import TYPE_CHECKING

from tests.guardrails.ecs.definitions import container, deregistered_since, disturb, registered, remove, whole
from tests.support.cases import Case

if TYPE_CHECKING:
    from tests.support.world import World

ID = "ecs.task_root_filesystem_writable"

CASE = Case(
    unsafe=(
        registered(container(readonlyRootFilesystem=False)),
        registered(container(), {"name": "side", "image": "nginx", "memory": 128}),
    ),
    near_misses=(
        registered(),
        registered(
            container(readonlyRootFilesystem=False),
            runtimePlatform={"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE", "cpuArchitecture": "X86_64"},
        ),
        deregistered_since(registered(container(readonlyRootFilesystem=False))),
    ),
    whole=whole,
    remove=remove,
    disturb=disturb,
)


def test_the_reason_names_the_containers(world: World) -> None:
    make = registered(container(name="b", readonlyRootFilesystem=False), container(), {**container(), "name": "c"})
    (outcome,) = world.deliver(make(world), ID, "alert")
    assert outcome.reason == "the root filesystem is writable in container b"
