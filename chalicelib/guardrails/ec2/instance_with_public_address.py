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
    """EC2 instance with a public IP address outside the public subnets.

    The internet reaches it as far as its security groups allow. Snapback only reports it: an address assigned by AWS
    can't be restored after its removal. `ec2.address_put_on_instance` removes Elastic IP addresses, and
    `ec2.subnet_assigns_public_addresses` keeps subnets from assigning addresses. At the launch event, an instance may
    have no address yet; the daily sweep finds those. Name the subnets where instances may have public addresses under
    `allow.public_subnets`.

    Legitimate look-alikes: bastions, web servers and NAT instances. Their subnet, under `allow.public_subnets`, tells
    them apart, and Snapback only reports them.
    """
    found = instance.described(aws)
    public = [
        f"{interface['Association']['PublicIp']} in {interface['SubnetId']}"
        for interface in (found.get("NetworkInterfaces", []) if found else ())
        if interface.get("Association", {}).get("PublicIp")
        and interface["SubnetId"] not in aws.baseline.allow.public_subnets
    ]
    return f"it has {', '.join(public)}" if public else None
