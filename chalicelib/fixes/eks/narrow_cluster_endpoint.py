"""From where the Kubernetes API of an EKS cluster can be reached."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from chalicelib.fixes.ec2.revoke_open_rules import internet_cidrs, is_public, networks_of
from chalicelib.fixes.eks.cluster_setting import ClusterSetting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.core.rule import FixContext
    from chalicelib.core.types import State
    from chalicelib.resources.eks import Cluster

_EVERYWHERE = ["0.0.0.0/0"]
"""What a public endpoint is open to unless something else is set."""
_MOST = 40
"""Ranges a cluster: https://docs.aws.amazon.com/eks/latest/userguide/service-quotas.html."""


class NarrowClusterEndpoint(ClusterSetting):
    """Close the cluster's public endpoint to the internet, and open the private one for its nodes.

    Narrow ranges stay; where there is none, `allow.cidrs` are let in, and without these the public endpoint is closed.
    The state is `{"public", "private", "cidrs": sorted, of the public endpoint}`.
    https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html
    """

    document = "eks:cluster-update"
    writes = (*ClusterSetting.reads, "eks:UpdateClusterConfig")

    def setting(self, cluster: Mapping[str, Any], under_way: Mapping[str, Any], resource: Cluster) -> State:
        network = cluster["resourcesVpcConfig"]
        public = under_way.get("EndpointPublicAccess", network.get("endpointPublicAccess", True))
        return {
            "public": public,
            "private": under_way.get("EndpointPrivateAccess", network.get("endpointPrivateAccess", False)),
            "cidrs": sorted(under_way.get("PublicAccessCidrs") or network.get("publicAccessCidrs") or _EVERYWHERE)
            if public
            else [],
        }

    def safe(self, state: State, context: FixContext) -> State:
        wide = internet_cidrs(state["cidrs"], context.baseline)
        if not wide:
            return state
        versions = {network.version for cidr in wide for network in networks_of(cidr)}
        ours = [
            cidr
            for cidr in context.baseline.allow.cidrs
            if is_public(cidr) and ip_network(cidr, strict=False).version in versions
        ]
        left = [cidr for cidr in state["cidrs"] if cidr not in wide] or sorted({*ours})[:_MOST]
        return {"public": bool(left), "private": True, "cidrs": left}

    def change(self, resource: Cluster, state: State, eks: Any) -> None:
        cidrs = {"publicAccessCidrs": state["cidrs"]} if state["public"] else {}
        eks.update_cluster_config(
            name=resource.id,
            resourcesVpcConfig={
                "endpointPublicAccess": state["public"],
                "endpointPrivateAccess": state["private"],
                **cidrs,
            },
        )
