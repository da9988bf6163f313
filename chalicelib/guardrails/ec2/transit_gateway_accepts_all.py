from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.ec2.accept_no_attachments import AcceptNoAttachments
from chalicelib.resources.ec2.connections import TransitGateway

if TYPE_CHECKING:
    from chalicelib.core.session import Session


@guardrail(
    severity=Severity.HIGH,
    resource=TransitGateway,
    on=cloudtrail("ec2", "CreateTransitGateway", "ModifyTransitGateway"),
    reads=("ec2:DescribeTransitGateways",),
    fix=AcceptNoAttachments(),
    controls=("EC2.23",),
    grace=timedelta(minutes=5),
)
def transit_gateway_accepts_all(gateway: TransitGateway, aws: Session) -> str | None:
    """Transit gateway that accepts attachments from other accounts automatically.

    Any account it is shared with can join its network to yours without approval. The fix requires approval for each
    attachment; existing attachments stay. AWS accepts no change while it creates the gateway, so Snapback waits.

    Legitimate look-alikes: network accounts that share a gateway with their whole organization to avoid approvals. The
    share decides who can attach, and nothing tells these gateways apart: exempt them.
    """
    found = gateway.described(aws)
    if found["State"] in {"deleting", "deleted"} or found["OwnerId"] != gateway.account:
        return None
    accepts = found["Options"]["AutoAcceptSharedAttachments"] == "enable"
    return "it accepts attachments from other accounts automatically" if accepts else None
