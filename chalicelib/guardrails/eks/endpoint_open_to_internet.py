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
    """EKS cluster whose Kubernetes API the internet can reach.

    Anyone can try stolen credentials and holes of Kubernetes on it. It counts when 0.0.0.0/0 or as much of the internet
    is let in, in one range or in many; ranges in `allow.cidrs` are not counted. The fix takes the broad ranges out and
    opens the private endpoint for the nodes. Where no narrow range is left, it lets in `allow.cidrs`, and without these
    it closes the public endpoint: then nobody reaches the cluster from outside its VPC. So this is fixed only where the
    settings name this guardrail.

    EKS takes no change while it makes a cluster or carries out another, so it waits a quarter of an hour. What it
    writes takes EKS minutes too: until then the record stays under way, and it is `fixed` once EKS is done. Exempt
    clusters that are to be reached from everywhere.

    Legitimate look-alikes: EKS makes clusters with a public endpoint for 0.0.0.0/0 by default, and CI outside the
    VPC needs some of it. Ranges in `allow.cidrs` are told apart; the fix is only for those who name the guardrail.
    """
    found = internet_cidrs(FIX.coming(cluster, aws)["cidrs"], aws.baseline)
    return f"its Kubernetes API can be reached from {', '.join(found)}" if found else None
