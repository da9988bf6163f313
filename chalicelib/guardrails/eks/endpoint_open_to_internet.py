from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.ec2.revoke_open_rules import internet_cidrs
from chalicelib.fixes.eks.narrow_cluster_endpoint import NarrowClusterEndpoint
from chalicelib.resources.eks import Cluster

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = NarrowClusterEndpoint()


@guardrail(
    severity=Severity.HIGH,
    resource=Cluster,
    on=cloudtrail("eks", "CreateCluster", "UpdateClusterConfig"),
    reads=FIX.reads,
    fix=FIX,
    opt_in=True,
    grace=timedelta(minutes=15),
)
def endpoint_open_to_internet(cluster: Cluster, aws: Session) -> str | None:
    """EKS cluster with a Kubernetes API open to the internet.

    Anyone can try stolen credentials and Kubernetes exploits on it. A finding needs 0.0.0.0/0, or as much of the
    internet, in one range or several. Ranges in `allow.cidrs` don't count. The fix removes the broad ranges and opens
    the private endpoint for the nodes. If no narrow range is left, the fix allows `allow.cidrs`; if that is empty, it
    closes the public endpoint. Nobody then reaches the cluster from outside its VPC, so Snapback fixes this only where
    the settings name this guardrail.

    EKS accepts no change while it creates or updates a cluster, so Snapback waits 15 minutes. EKS then needs minutes
    for the change; until then, the record stays in progress. It is `fixed` once EKS is done. Exempt clusters that must
    be reachable from everywhere.

    Legitimate look-alikes: EKS creates clusters with a public endpoint for 0.0.0.0/0 by default, and CI outside the VPC
    needs part of it. `allow.cidrs` tells known ranges apart. Snapback fixes this only where the settings name this
    guardrail.
    """
    found = internet_cidrs(FIX.coming(cluster, aws)["cidrs"], aws.baseline)
    return f"its Kubernetes API can be reached from {', '.join(found)}" if found else None
