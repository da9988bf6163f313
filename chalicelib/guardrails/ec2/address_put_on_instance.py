from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.ec2.take_address_off import TakeAddressOff
from chalicelib.resources.absent import absent
from chalicelib.resources.ec2.addresses import Address

if TYPE_CHECKING:
    from chalicelib.core.session import Session


@guardrail(
    severity=Severity.MEDIUM,
    resource=Address,
    on=cloudtrail("ec2", "AssociateAddress"),
    reads=("ec2:DescribeAddresses", "ec2:DescribeNetworkInterfaces"),
    fix=TakeAddressOff(),
    opt_in=True,
)
def address_put_on_instance(address: Address, aws: Session) -> str | None:
    """Elastic IP address on an instance outside the public subnets.

    The address makes an internal instance reachable from the internet, as far as its security groups allow. The fix
    disassociates the address; an undo associates it again. The fix cuts off traffic to the instance through that
    address. Name the subnets where instances may have public addresses under `allow.public_subnets`. Addresses of NAT
    gateways and load balancers are exempt.

    Legitimate look-alikes: bastions, VPN servers and NAT instances. Their subnet, under `allow.public_subnets`, tells
    them apart. NAT gateways and load balancers have addresses on interfaces without an instance, and are fine.
    """
    found = address.described(aws)
    instance, interface = found.get("InstanceId"), found.get("NetworkInterfaceId")
    if not instance or not interface:
        return None
    subnet = ""
    with absent("InvalidNetworkInterfaceID.NotFound"):  # Terminated since: the address is off by now.
        (each,) = aws.client("ec2").describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"]
        subnet = each["SubnetId"]
    if not subnet or subnet in aws.baseline.allow.public_subnets:
        return None
    return f"{found['PublicIp']} is on {instance} in {subnet}"
