"""The audit log of an EKS cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.core.event import rows
from chalicelib.fixes.eks.cluster_setting import ClusterSetting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.core.rule import FixContext
    from chalicelib.core.types import State
    from chalicelib.resources.eks import Cluster


class LogClusterAudit(ClusterSetting):
    """Turn on the cluster's audit log in CloudWatch Logs. Its other logs stay as they are.

    The state is `{"audit": whether it is on}`: what a call doesn't name stays.
    https://docs.aws.amazon.com/eks/latest/userguide/control-plane-logs.html
    """

    document = "eks:cluster-update"
    writes = (*ClusterSetting.reads, "eks:UpdateClusterConfig")

    def setting(self, cluster: Mapping[str, Any], under_way: Mapping[str, Any], resource: Cluster) -> State:
        kinds = (*rows(cluster, "logging", "clusterLogging"), *rows(under_way, "ClusterLogging", "clusterLogging"))
        told = [each["enabled"] for each in kinds if "audit" in rows(each, "types")]
        return {"audit": told[-1] if told else False}

    def safe(self, state: State, context: FixContext) -> State:
        return {**state, "audit": True}

    def change(self, resource: Cluster, state: State, eks: Any) -> None:
        kinds = [{"types": ["audit"], "enabled": state["audit"]}]
        eks.update_cluster_config(name=resource.id, logging={"clusterLogging": kinds})
