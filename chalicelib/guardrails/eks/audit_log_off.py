from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.eks.log_cluster_audit import LogClusterAudit
from chalicelib.resources.eks import Cluster

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = LogClusterAudit()


@guardrail(
    severity=Severity.MEDIUM,
    resource=Cluster,
    on=cloudtrail("eks", "CreateCluster", "UpdateClusterConfig"),
    reads=FIX.reads,
    fix=FIX,
    controls=("EKS.8",),
    grace=timedelta(minutes=15),
)
def audit_log_off(cluster: Cluster, aws: Session) -> str | None:
    """EKS cluster without an audit log.

    Nobody can tell afterwards who did what in the cluster. The fix turns the audit log on, and leaves the cluster's
    other logs as they are; CloudWatch Logs charges for what is written.

    EKS takes no change while it makes a cluster or carries out another, so it waits a quarter of an hour. What it
    writes takes EKS minutes too: until then the record stays under way. Exempt clusters that are there to be played
    with.

    Legitimate look-alikes: clusters to play with. Nothing tells them apart: exempt them. A cluster that is only
    being made is waited for.
    """
    return None if FIX.coming(cluster, aws)["audit"] else "its audit log is off"
