from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.event import rows, text
from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.resources.ecs import TaskDefinition

if TYPE_CHECKING:
    from chalicelib.core.session import Session


@guardrail(
    severity=Severity.LOW,
    resource=TaskDefinition,
    on=cloudtrail("ecs", "RegisterTaskDefinition"),
    reads=("ecs:DescribeTaskDefinition",),
    controls=("ECS.5",),
)
def task_root_filesystem_writable(definition: TaskDefinition, aws: Session) -> str | None:
    """ECS task definition whose containers may write to their root filesystem.

    Who gets into such a container can put tools there and change the program that runs. It is only reported: most
    images need a volume for what they write before `readonlyRootFilesystem` can be set. Windows containers can't have
    it, and are exempt. Switch this off where you don't ask for it.

    Legitimate look-alikes: nearly every image, since few are made to run otherwise. Nothing tells them apart: it is
    only reported, and is there to be switched off.
    """
    found = definition.described(aws)
    windows = (text(found, "runtimePlatform", "operatingSystemFamily") or "").startswith("WINDOWS")
    if found["status"] != "ACTIVE" or windows:
        return None
    containers = rows(found, "containerDefinitions")
    names = sorted(each["name"] for each in containers if not each.get("readonlyRootFilesystem"))
    return f"the root filesystem can be written to by container {', '.join(names)}" if names else None
