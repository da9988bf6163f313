from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.analysis.image_name import untrusted
from chalicelib.core.event import rows
from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.ecs.deregister_task_definition import DeregisterTaskDefinition
from chalicelib.resources.ecs import TaskDefinition

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = DeregisterTaskDefinition()


@guardrail(
    severity=Severity.MEDIUM,
    resource=TaskDefinition,
    on=cloudtrail("ecs", "RegisterTaskDefinition", "CreateService", "UpdateService"),
    reads=("ecs:DescribeTaskDefinition",),
    fix=FIX,
)
def task_image_not_allowed(definition: TaskDefinition, aws: Session) -> str | None:
    """ECS task definition with an image that isn't allowed.

    An image from elsewhere is code that nobody here has reviewed, and a tag can point to another image tomorrow.
    `allow.registries` lists allowed registries. The account's own ECR is always allowed; while the list is empty, all
    registries are. With `require.images_by_digest`, images must also be named by digest.

    The fix deregisters the revision if no service uses it and none of its tasks runs. Otherwise Snapback only reports
    it. The fix can't be undone, so Snapback always asks first. Exempt definitions with a vendor's images, or add the
    vendor's registry.

    Legitimate look-alikes: sidecars from AWS (`public.ecr.aws/…`: CloudWatch agent, Fluent Bit, X-Ray, App Mesh) and
    from vendors. Only `allow.registries` tells them apart. The account's own ECR is always allowed.
    """
    found = definition.described(aws)
    if found["status"] != "ACTIVE":
        return None
    images = {container["image"] for container in rows(found, "containerDefinitions")}
    reasons = {image: untrusted(image, aws.baseline, definition.account) for image in sorted(images)}
    return "; ".join(f"{image} {reason}" for image, reason in reasons.items() if reason) or None
