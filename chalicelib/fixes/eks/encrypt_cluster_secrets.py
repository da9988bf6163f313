"""The key that an EKS cluster encrypts its Kubernetes secrets with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.core.event import rows, text
from chalicelib.fixes.eks.cluster_setting import ClusterSetting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.core.rule import FixContext
    from chalicelib.core.types import State
    from chalicelib.resources.eks import Cluster


class EncryptClusterSecrets(ClusterSetting):
    """Encrypt the cluster's secrets with the key in `require.kms_keys`. This can't be undone.

    The state is `{"account", "region", "key": the key's ARN or None}`.
    https://docs.aws.amazon.com/eks/latest/userguide/enable-kms.html
    """

    document = "eks:cluster-update"
    writes = (*ClusterSetting.reads, "eks:AssociateEncryptionConfig")
    reversible = False

    def setting(self, cluster: Mapping[str, Any], under_way: Mapping[str, Any], resource: Cluster) -> State:
        kinds = (*rows(cluster, "encryptionConfig"), *rows(under_way, "EncryptionConfig"))
        keys = [text(each, "provider", "keyArn") for each in kinds if "secrets" in rows(each, "resources")]
        return {"account": resource.account, "region": resource.region, "key": keys[-1] if keys else None}

    def safe(self, state: State, context: FixContext) -> State:
        return {**state, "key": state["key"] or context.baseline.kms_key(state["account"], state["region"])}

    def change(self, resource: Cluster, state: State, eks: Any) -> None:
        if state["key"]:
            wanted = [{"resources": ["secrets"], "provider": {"keyArn": state["key"]}}]
            eks.associate_encryption_config(clusterName=resource.id, encryptionConfig=wanted)
