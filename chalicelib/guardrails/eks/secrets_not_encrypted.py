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
    """EKS cluster without a customer KMS key for its secrets.

    From Kubernetes 1.28 on, EKS encrypts secrets with its own key, and before that with none. Either way, you can't
    revoke the key or see who used it. The fix encrypts the secrets with the first key in `require.kms_keys` of the
    cluster's account and region. Without such a key, Snapback only reports the cluster. The fix can't be undone, and a
    cluster whose key is deleted is lost, so Snapback always asks first. The key's policy must let Snapback's role call
    kms:DescribeKey and kms:CreateGrant.

    EKS accepts no change while it creates a cluster, so Snapback waits 15 minutes. EKS may then need an hour; until
    then, the record stays in progress. Exempt clusters without sensitive secrets.

    Legitimate look-alikes: clusters from version 1.28 on, which EKS encrypts with its own key. That doesn't count as
    your key. Without `require.kms_keys`, Snapback only reports the cluster.
    """
    return None if FIX.coming(cluster, aws)["key"] else "its secrets aren't encrypted with a KMS key of the account's"
