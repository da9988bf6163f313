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
    """ECS service whose tasks get public addresses.

    Each task can be reached from the internet, past the load balancer, wherever its security groups let it. The fix
    takes the setting off and leaves subnets and security groups as they are; ECS then replaces the tasks.

    In a subnet whose only way out is an internet gateway, the new tasks can't pull their image, and the deployment
    fails: give it a NAT gateway or VPC endpoints first. So this is fixed only where the settings name this guardrail. A
    service that CodeDeploy or another controller deploys is only reported, and so are task sets. Exempt services that
    are to be reached directly.

    Legitimate look-alikes: services in public subnets without a NAT gateway, which need an address to pull their
    image. Nothing tells them from a mistake: hence the fix is only for those who name the guardrail.
    """
    found = service.described(aws)
    parts = {"its tasks": [found], "tasks of its task sets": rows(found, "taskSets")}
    public = [name for name, some in parts.items() if any(dig(part, *_ASSIGNED) == "ENABLED" for part in some)]
    return f"{' and '.join(public)} get public addresses" if public else None
