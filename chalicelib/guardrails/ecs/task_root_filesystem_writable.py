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
    """ECS task definition with a writable root filesystem.

    Someone who gets into such a container can add tools and change the running program. Snapback only reports it: most
    images need a volume for their data before `readonlyRootFilesystem` can be set. Windows containers don't support it
    and are exempt. Switch this guardrail off if you don't require it.

    Legitimate look-alikes: nearly every image, because few are built to run read-only. Nothing tells them apart, so
    Snapback only reports it. You can switch this guardrail off.
    """
    found = definition.described(aws)
    windows = (text(found, "runtimePlatform", "operatingSystemFamily") or "").startswith("WINDOWS")
    if found["status"] != "ACTIVE" or windows:
        return None
    containers = rows(found, "containerDefinitions")
    names = sorted(each["name"] for each in containers if not each.get("readonlyRootFilesystem"))
    return f"the root filesystem is writable in container {', '.join(names)}" if names else None
