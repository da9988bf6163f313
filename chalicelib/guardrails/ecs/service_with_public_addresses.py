from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.event import dig, rows
from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.ecs.take_off_public_addresses import TakeOffPublicAddresses
from chalicelib.resources.ecs import Service

if TYPE_CHECKING:
    from chalicelib.core.session import Session

_ASSIGNED = ("networkConfiguration", "awsvpcConfiguration", "assignPublicIp")


@guardrail(
    severity=Severity.HIGH,
    resource=Service,
    on=cloudtrail(
        "ecs",
        "CreateExpressGatewayService",
        "CreateService",
        "CreateTaskSet",
        "UpdateExpressGatewayService",
        "UpdateService",
    ),
    reads=("ecs:DescribeServices",),
    fix=TakeOffPublicAddresses(),
    controls=("ECS.2", "ECS.16"),
    opt_in=True,
)
def service_with_public_addresses(service: Service, aws: Session) -> str | None:
    """ECS service that assigns public IP addresses to its tasks.

    The internet can reach each task directly, without the load balancer, wherever the security groups allow it. The fix
    turns the setting off and leaves subnets and security groups as they are. ECS then replaces the tasks.

    In a subnet whose only route out is an internet gateway, new tasks can't pull their image and the deployment fails.
    Add a NAT gateway or VPC endpoints first. Snapback therefore fixes this only where the settings name this guardrail.
    It only reports task sets and services deployed by CodeDeploy or another controller. Exempt services that must be
    reachable directly.

    Legitimate look-alikes: services in public subnets without a NAT gateway, which need an address to pull their image.
    Nothing tells them from a mistake. Snapback therefore fixes this only where the settings name this guardrail.
    """
    found = service.described(aws)
    parts = {"its tasks": [found], "tasks of its task sets": rows(found, "taskSets")}
    public = [name for name, some in parts.items() if any(dig(part, *_ASSIGNED) == "ENABLED" for part in some)]
    return f"{' and '.join(public)} get public addresses" if public else None
