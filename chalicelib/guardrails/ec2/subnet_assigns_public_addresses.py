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
    """Subnet that gives new instances public addresses.

    Whoever starts an instance in it puts it on the internet without a word about that. The fix switches it off;
    addresses that instances already have stay. Name the subnets that are meant to be public under
    `allow.public_subnets`.

    Legitimate look-alikes: public subnets of load balancers and NAT gateways, the default VPC's too, which AWS
    makes so. They are told apart by `allow.public_subnets` alone.
    """
    if subnet.id in aws.baseline.allow.public_subnets or not FIX.read(subnet, aws)["assigns_public_addresses"]:
        return None
    return "each new instance in it gets a public address"
