"""Whether a VPC is joined, or about to be, to another account's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.rule import Fix, FixContext

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.ec2.connections import Peering

JOINED = frozenset({"initiating-request", "pending-acceptance", "provisioning", "active"})


class EndPeering(Fix["Peering"]):
    """Delete the peering connection, or reject a pending one. To peer again, both sides must agree again.

    https://docs.aws.amazon.com/vpc/latest/peering/delete-vpc-peering-connection.html
    """

    document = "ec2:peering"
    reads = ("ec2:DescribeVpcPeeringConnections",)
    writes = (
        "ec2:DescribeVpcPeeringConnections",
        "ec2:DeleteVpcPeeringConnection",
        "ec2:RejectVpcPeeringConnection",
    )
    reversible = False

    def read(self, resource: Peering, aws: Session) -> State:
        return {"joined": resource.described(aws)["Status"]["Code"] in JOINED}

    def safe(self, state: State, context: FixContext) -> State:
        return {**state, "joined": False}

    def write(self, resource: Peering, state: State, aws: Session) -> None:
        found = resource.described(aws)
        status = found["Status"]["Code"]
        if state["joined"] or status not in JOINED:
            return
        asks_us = found["RequesterVpcInfo"].get("OwnerId") != resource.account
        if status == "pending-acceptance" and asks_us:  # Until it is accepted, only the requester may delete it.
            aws.client("ec2").reject_vpc_peering_connection(VpcPeeringConnectionId=resource.id)
        else:
            aws.client("ec2").delete_vpc_peering_connection(VpcPeeringConnectionId=resource.id)
