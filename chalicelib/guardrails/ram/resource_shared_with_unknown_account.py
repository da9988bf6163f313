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
    """Resource shared with an unknown account outside the organization.

    Through Resource Access Manager, the other account uses the resource like its own: subnets, transit gateways,
    certificate authorities, databases. The fix removes only the unknown principals from the share and leaves the other
    principals and the resources. An undo invites them again; an account outside the organization must accept again. AWS
    says who is in the same organization. Name others under `allow.accounts`, `allow.organizations` or
    `allow.principals`. Snapback doesn't evaluate shares from other accounts to yours.

    Legitimate look-alikes: shares within the organization, with its units and with service principals. AWS says for
    each principal whether it is outside the organization. `allow.accounts`, `allow.organizations` and
    `allow.principals` tell partners apart.
    """
    found = FIX.read(share, aws)["unknown_principals"]
    return f"shared with {', '.join(found)}" if found else None
