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
    """ECS task definition with an image that the settings don't allow.

    An image from elsewhere is code that nobody here has looked at, and one that is named by a tag can be another one
    tomorrow. Where images may come from is `allow.registries`; the account's own ECR always counts, and while none is
    named, any does. With `require.images_by_digest`, images must be named by digest as well.

    The fix deregisters the revision, if no service asks for it and no task of it runs; else it is only reported. That
    can't be undone, so a person approves it. Exempt definitions whose images come from a vendor on purpose, or name the
    vendor's registry.

    Legitimate look-alikes: sidecars of AWS (`public.ecr.aws/…`: CloudWatch agent, Fluent Bit, X-Ray, App Mesh) and
    of vendors. They are told apart by `allow.registries` alone; the account's own ECR always counts.
    """
    found = definition.described(aws)
    if found["status"] != "ACTIVE":
        return None
    images = {container["image"] for container in rows(found, "containerDefinitions")}
    reasons = {image: untrusted(image, aws.baseline, definition.account) for image in sorted(images)}
    return "; ".join(f"{image} {reason}" for image, reason in reasons.items() if reason) or None
