from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.ram.stop_sharing_with_unknown_principals import StopSharingWithUnknownPrincipals
from chalicelib.resources.ram import ResourceShare

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = StopSharingWithUnknownPrincipals()


@guardrail(
    severity=Severity.HIGH,
    resource=ResourceShare,
    on=cloudtrail("ram", "CreateResourceShare", "AssociateResourceShare", "PromoteResourceShareCreatedFromPolicy"),
    reads=FIX.reads,
    fix=FIX,
)
def resource_shared_with_unknown_account(share: ResourceShare, aws: Session) -> str | None:
    """Resource shared with an account outside the organization that isn't known.

    By Resource Access Manager the other account uses the resource as if it were its own: subnets, transit gateways,
    certificate authorities, databases. The fix takes just the unknown principals out of the share, and leaves the
    others and the resources in it; an undo invites them again, and an account outside the organization must accept
    again. AWS says who is in the same organization; name others under `allow.accounts`, `allow.organizations` or
    `allow.principals`. What other accounts share with yours is not looked at.

    Legitimate look-alikes: shares within the organization, with its units and with service principals. AWS says of
    each principal whether it is outside the organization; partners are told apart by `allow.accounts`,
    `allow.organizations` and `allow.principals`.
    """
    found = FIX.read(share, aws)["unknown_principals"]
    return f"shared with {', '.join(found)}" if found else None
