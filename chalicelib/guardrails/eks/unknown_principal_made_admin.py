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
    """Unknown administrator of an EKS cluster.

    An access entry gives an IAM user or role AmazonEKSClusterAdminPolicy or AmazonEKSAdminPolicy in the whole cluster,
    or in kube-system, which leads to the whole cluster. The user or role isn't in `allow.principals`, which takes ARNs
    with their paths. The fix removes these policies and leaves the entry and its other policies. An undo associates
    them again in their former scope. When no other entry has such a policy, Snapback asks first.

    Name the allowed administrators before you switch the fix on; otherwise it locks them out. Snapback doesn't evaluate
    Kubernetes groups or the aws-auth ConfigMap.

    Legitimate look-alikes: a cluster's creator gets an entry automatically (`bootstrapClusterCreatorAdminPermissions`),
    as do pipelines and IAM Identity Center roles. Only `allow.principals` tells them apart. Entries of EKS's own nodes
    have no such policy.
    """
    if aws.baseline.principal(entry.principal):
        return None
    found = [each["policy"].rpartition("/")[2] for each in FIX.read(entry, aws)["admin"]]
    return f"{entry.principal} is administrator by {', '.join(found)}" if found else None
