from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.ec2.stop_assigning_public_addresses import StopAssigningPublicAddresses
from chalicelib.resources.ec2.vpcs import Subnet

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = StopAssigningPublicAddresses()


@guardrail(
    severity=Severity.MEDIUM,
    resource=Subnet,
    on=cloudtrail("ec2", "CreateSubnet", "CreateDefaultSubnet", "ModifySubnetAttribute"),
    reads=FIX.reads,
    fix=FIX,
)
def subnet_assigns_public_addresses(subnet: Subnet, aws: Session) -> str | None:
    """Subnet that assigns public IP addresses to new instances.

    Every instance started in the subnet is on the internet by default. The fix turns the setting off; existing
    addresses stay. Name intended public subnets under `allow.public_subnets`.

    Legitimate look-alikes: public subnets for load balancers and NAT gateways, and those that AWS creates in the
    default VPC. Only `allow.public_subnets` tells them apart.
    """
    if subnet.id in aws.baseline.allow.public_subnets or not FIX.read(subnet, aws)["assigns_public_addresses"]:
        return None
    return "it assigns a public IP address to each new instance"
