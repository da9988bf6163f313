from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import SCHEDULED, any_of, cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.resources.ec2.instances import Instance

if TYPE_CHECKING:
    from chalicelib.core.session import Session


@guardrail(
    severity=Severity.MEDIUM,
    resource=Instance,
    on=any_of(cloudtrail("ec2", "RunInstances"), SCHEDULED),
    reads=("ec2:DescribeInstances",),
    controls=("EC2.9",),
)
def instance_with_public_address(instance: Instance, aws: Session) -> str | None:
    """Instance with a public address outside the public subnets.

    The internet reaches it as far as its security groups let it. It is only reported: to take away an address that AWS
    assigned is to lose it for good. `ec2.address_put_on_instance` takes off Elastic IP addresses, and
    `ec2.subnet_assigns_public_addresses` keeps subnets from assigning any. An instance may have got none yet when
    its launch is reported: the daily sweep finds those. Name the subnets in which instances may have public addresses
    under `allow.public_subnets`.

    Legitimate look-alikes: bastions, web servers and NAT instances. They are told apart by their subnet, under
    `allow.public_subnets`; it is only reported.
    """
    found = instance.described(aws)
    public = [
        f"{interface['Association']['PublicIp']} in {interface['SubnetId']}"
        for interface in (found.get("NetworkInterfaces", []) if found else ())
        if interface.get("Association", {}).get("PublicIp")
        and interface["SubnetId"] not in aws.baseline.allow.public_subnets
    ]
    return f"it has {', '.join(public)}" if public else None
