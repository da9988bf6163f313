from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.eks.withdraw_cluster_admin import WithdrawClusterAdmin
from chalicelib.resources.eks import AccessEntry

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = WithdrawClusterAdmin()


@guardrail(
    severity=Severity.HIGH,
    resource=AccessEntry,
    on=cloudtrail("eks", "AssociateAccessPolicy", "CreateAccessEntry"),
    reads=FIX.reads,
    fix=FIX,
    opt_in=True,
)
def unknown_principal_made_admin(entry: AccessEntry, aws: Session) -> str | None:
    """EKS cluster with an administrator who isn't known.

    An access entry gives an IAM user or role AmazonEKSClusterAdminPolicy or AmazonEKSAdminPolicy in the whole cluster,
    or in kube-system, from where the whole cluster can be had. It isn't in `allow.principals`, which takes ARNs with
    their paths. The fix withdraws these policies, and leaves the entry and its other policies; an undo associates them
    again in the scope that they had. When no other entry has such a policy, it asks first.

    Name who may be administrator before you switch the fix on: it would lock out the others. What Kubernetes itself
    allows by groups, and the aws-auth ConfigMap, are not looked at.

    Legitimate look-alikes: the creator of a cluster gets an entry by itself
    (`bootstrapClusterCreatorAdminPermissions`), as do pipelines and the roles of IAM Identity Center. They are told
    apart by `allow.principals` alone; entries of EKS's own nodes have no such policy.
    """
    if aws.baseline.principal(entry.principal):
        return None
    found = [each["policy"].rpartition("/")[2] for each in FIX.read(entry, aws)["admin"]]
    return f"{entry.principal} is administrator by {', '.join(found)}" if found else None
