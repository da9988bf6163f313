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
    """Transit gateway that accepts attachments of other accounts by itself.

    Whoever it is shared with joins their network to yours without anybody here agreeing to it. The fix has each asked
    for; attachments that there are stay. While it is being made AWS changes nothing about it: hence the wait.

    Legitimate look-alikes: network accounts that share a gateway with their whole organization to save approvals.
    The setting lets in whoever the share lets in: nothing tells them apart, so exempt their gateway.
    """
    found = gateway.described(aws)
    if found["State"] in {"deleting", "deleted"} or found["OwnerId"] != gateway.account:
        return None
    accepts = found["Options"]["AutoAcceptSharedAttachments"] == "enable"
    return "it accepts attachments of other accounts by itself" if accepts else None
