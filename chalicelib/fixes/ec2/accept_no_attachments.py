"""Whether a transit gateway takes in whatever asks for it, from the accounts that it is shared with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.core.rule import Fix, FixContext

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.ec2.connections import TransitGateway


class AcceptNoAttachments(Fix["TransitGateway"]):
    """Require approval for each attachment from another account.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyTransitGateway.html
    """

    document = "ec2:transit-gateway-options"
    reads = ("ec2:DescribeTransitGateways",)
    writes = ("ec2:ModifyTransitGateway",)

    def read(self, resource: TransitGateway, aws: Session) -> State:
        return {"auto_accept": resource.described(aws)["Options"]["AutoAcceptSharedAttachments"]}

    def safe(self, state: State, context: FixContext) -> State:
        return {**state, "auto_accept": "disable"}

    def write(self, resource: TransitGateway, state: State, aws: Session) -> None:
        options: Any = {"AutoAcceptSharedAttachments": state["auto_accept"]}
        aws.client("ec2").modify_transit_gateway(TransitGatewayId=resource.id, Options=options)
