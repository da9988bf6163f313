from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.eks.encrypt_cluster_secrets import EncryptClusterSecrets
from chalicelib.resources.eks import Cluster

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = EncryptClusterSecrets()


@guardrail(
    severity=Severity.MEDIUM,
    resource=Cluster,
    on=cloudtrail("eks", "CreateCluster"),
    reads=FIX.reads,
    fix=FIX,
    controls=("EKS.3",),
    grace=timedelta(minutes=15),
)
def secrets_not_encrypted(cluster: Cluster, aws: Session) -> str | None:
    """EKS cluster whose secrets aren't encrypted with a KMS key of yours.

    From Kubernetes 1.28 on EKS encrypts them with a key of its own, before that with none; either way you can't take
    the key away, or see who used it. The fix has them encrypted with the first key in `require.kms_keys` of the
    cluster's account and region; without one it is only reported. It can't be undone, and a cluster whose key is
    deleted is lost, so a person approves it. The key's policy must let Snapback's role call kms:DescribeKey and
    kms:CreateGrant.

    EKS takes no change while it makes a cluster, so it waits a quarter of an hour; then EKS may be at it for an hour,
    while the record stays under way. Exempt clusters without secrets worth it.

    Legitimate look-alikes: clusters from version 1.28 on, which EKS encrypts with a key of its own. That counts as
    not encrypted with yours, since it is asked for; without `require.kms_keys` it is only reported.
    """
    return None if FIX.coming(cluster, aws)["key"] else "its secrets aren't encrypted with a KMS key of the account's"
