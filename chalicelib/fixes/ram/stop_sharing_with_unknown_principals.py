"""Whom a resource share is for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.core.partitions import is_of_aws
from chalicelib.core.rule import Fix, FixContext

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.ram import ResourceShare

_SHARED = frozenset({"ASSOCIATING", "ASSOCIATED"})
"""An account outside the organization is being associated until it accepts."""


class StopSharingWithUnknownPrincipals(Fix["ResourceShare"]):
    """Remove the unknown principals from the share, and leave the others.

    The state is `{"unknown_principals": account ids and ARNs, sorted}`: who else is in the share is neither drift nor undone.
    AWS says of each association whether it is `external` to the organization, so that nothing has to be looked up.
    https://docs.aws.amazon.com/ram/latest/APIReference/API_ResourceShareAssociation.html
    """

    document = "ram:share-principals"
    reads = ("ram:GetResourceShareAssociations",)
    writes = (*reads, "ram:AssociateResourceShare", "ram:DisassociateResourceShare")
    undo_writes = ("ram:AssociateResourceShare",)

    def read(self, resource: ResourceShare, aws: Session) -> State:
        ram: Any = aws.client("ram")
        pages = ram.get_paginator("get_resource_share_associations").paginate(
            associationType="PRINCIPAL", resourceShareArns=[resource.arn]
        )
        who = {
            each["associatedEntity"]
            for page in pages
            for each in page["resourceShareAssociations"]
            if each["status"] in _SHARED and each.get("external", True)
        }
        return {"unknown_principals": sorted(each for each in who if is_unknown(each, aws.baseline, resource.account))}

    def safe(self, state: State, context: FixContext) -> State:
        return {**state, "unknown_principals": []}

    def write(self, resource: ResourceShare, state: State, aws: Session) -> None:
        ram: Any = aws.client("ram")
        now, then = set(self.read(resource, aws)["unknown_principals"]), set(state["unknown_principals"])
        if now - then:
            ram.disassociate_resource_share(resourceShareArn=resource.arn, principals=sorted(now - then))
        if then - now:
            ram.associate_resource_share(resourceShareArn=resource.arn, principals=sorted(then - now))


def is_unknown(principal: str, baseline: Baseline, account_id: str) -> bool:
    """Whether nobody knows who a share is for: an account, an organization or a part of it, a role, a user, a service.

    https://docs.aws.amazon.com/ram/latest/APIReference/API_AssociateResourceShare.html
    """
    if is_of_aws(principal):
        return False
    account = principal
    arn = principal.split(":", 5)
    if arn[0] == "arn" and len(arn) == 6:  # noqa: PLR2004 - the parts of an ARN
        service, account, what = arn[2], arn[4], arn[5]
        if service == "organizations":
            return what.partition("/")[2].partition("/")[0] not in baseline.allow.organizations
    return account not in {account_id, *baseline.allow.accounts} and not baseline.principal(principal)
