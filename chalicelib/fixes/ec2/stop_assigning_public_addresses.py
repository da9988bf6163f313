"""Whether a subnet gives each new instance a public address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.rule import Fix, FixContext

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.ec2.vpcs import Subnet


class StopAssigningPublicAddresses(Fix["Subnet"]):
    """Stop the subnet from assigning public IP addresses to new instances.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifySubnetAttribute.html
    """

    document = "ec2:subnet-attribute"
    reads = ("ec2:DescribeSubnets",)
    writes = ("ec2:ModifySubnetAttribute",)

    def read(self, resource: Subnet, aws: Session) -> State:
        return {"assigns_public_addresses": resource.described(aws)["MapPublicIpOnLaunch"]}

    def safe(self, state: State, context: FixContext) -> State:
        return {**state, "assigns_public_addresses": False}

    def write(self, resource: Subnet, state: State, aws: Session) -> None:
        aws.client("ec2").modify_subnet_attribute(
            SubnetId=resource.id, MapPublicIpOnLaunch={"Value": state["assigns_public_addresses"]}
        )
