"""What an Elastic IP address is put on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.event import dig
from chalicelib.core.partitions import partition
from chalicelib.core.rule import Fix, FixContext
from chalicelib.resources.absent import absent

if TYPE_CHECKING:
    from chalicelib.core.resource import Resource
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.ec2.addresses import Address


class TakeAddressOff(Fix["Address"]):
    """Disassociate the Elastic IP address from the instance. The address stays in your account.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisassociateAddress.html
    EC2 may then give an instance that was launched with a public address a new one:
    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-instance-addressing.html
    """

    document = "ec2:address"
    reads = ("ec2:DescribeAddresses", "ec2:DescribeNetworkInterfaces")
    writes = ("ec2:DescribeAddresses", "ec2:DisassociateAddress", "ec2:AssociateAddress")
    undo_writes = ("ec2:AssociateAddress",)

    def read(self, resource: Address, aws: Session) -> State:
        found = resource.described(aws)
        if "AssociationId" not in found:
            return {"on": None}
        return {"on": {"interface": found["NetworkInterfaceId"], "private_address": found["PrivateIpAddress"]}}

    def safe(self, state: State, context: FixContext) -> State:
        return {**state, "on": None}

    def still_unsafe(self, resource: Address, before: State, aws: Session) -> str | None:
        """The interface may have got another address, which no longer has to do with this one."""
        if not before["on"]:
            return None
        interface = before["on"]["interface"]
        with absent("InvalidNetworkInterfaceID.NotFound"):  # The interface is gone with its instance.
            found = aws.client("ec2").describe_network_interfaces(NetworkInterfaceIds=[interface])
            address = dig(found["NetworkInterfaces"][0], "Association", "PublicIp")
            return (
                f"the address is disassociated, but EC2 assigned {interface} another one, {address}"
                if address
                else None
            )
        return None

    def touches(self, resource: Address, before: State, after: State) -> tuple[Resource | str, ...]:
        begin = f"arn:{partition(resource.region)}:ec2:{resource.region}:{resource.account}"
        return (f"{begin}:network-interface/{before['on']['interface']}",) if before["on"] else ()

    def write(self, resource: Address, state: State, aws: Session) -> None:
        ec2, wanted = aws.client("ec2"), state["on"]
        if wanted is None:
            association = resource.described(aws).get("AssociationId")
            if association:
                with absent("InvalidAssociationID.NotFound"):
                    ec2.disassociate_address(AssociationId=association)
        elif self.read(resource, aws)["on"] != wanted:
            ec2.associate_address(
                AllocationId=resource.id,
                NetworkInterfaceId=wanted["interface"],
                PrivateIpAddress=wanted["private_address"],
                AllowReassociation=True,
            )
