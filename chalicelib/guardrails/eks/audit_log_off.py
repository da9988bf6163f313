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

    Without it, nobody can tell afterwards who did what in the cluster. The fix turns the audit log on and leaves the
    cluster's other logs as they are. CloudWatch Logs charges for the log data.

    EKS accepts no change while it creates or updates a cluster, so Snapback waits 15 minutes. EKS then needs minutes
    for the change; until then, the record stays in progress. Exempt test clusters.

    Legitimate look-alikes: test clusters. Nothing tells them apart: exempt them. Snapback waits for a cluster that is
    still being created.
    """
    return None if FIX.coming(cluster, aws)["audit"] else "its audit log is off"
