from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.ec2.end_peering import JOINED, EndPeering
from chalicelib.resources.ec2.connections import Peering
from chalicelib.resources.look_ups import ORGANIZATION, reads_of, with_own

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.session import Session


@guardrail(
    severity=Severity.HIGH,
    resource=Peering,
    on=cloudtrail("ec2", "CreateVpcPeeringConnection", "AcceptVpcPeeringConnection"),
    reads=("ec2:DescribeVpcPeeringConnections", *reads_of(ORGANIZATION)),
    fix=EndPeering(),
    opt_in=True,
)
def vpc_peered_with_unknown_account(peering: Peering, aws: Session) -> str | None:
    """VPC peered with an unknown account.

    The peering joins its network with yours, as far as routes and security groups allow. The fix deletes the peering,
    or rejects a pending one. It asks first, because both sides must agree to peer again. Name your own and your
    partners' accounts under `allow.accounts`.

    Legitimate look-alikes: peerings with the organization's management account, which Snapback asks AWS about, and with
    partners, vendors (MongoDB Atlas, Confluent) and the organization's other accounts. `allow.accounts` tells those
    apart. Snapback always asks first.
    """
    found = peering.described(aws)
    if found["Status"]["Code"] not in JOINED:
        return None
    sides = (found["RequesterVpcInfo"], found["AccepterVpcInfo"])

    def outside(baseline: Baseline) -> list[Any]:
        return [side for side in sides if side.get("OwnerId") not in {peering.account, *baseline.allow.accounts}]

    owners = " ".join(side.get("OwnerId", "") for side in sides)
    unknown = with_own(outside, owners, (ORGANIZATION,), aws)
    if not unknown:
        return None
    told = ", ".join(f"{side.get('VpcId', 'a VPC')} of {side.get('OwnerId', 'an unknown account')}" for side in unknown)
    return f"it is {found['Status']['Code']} with {told}"
