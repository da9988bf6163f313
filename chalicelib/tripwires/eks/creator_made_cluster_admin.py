from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.event import dig
from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import tripwire
from chalicelib.core.types import Severity

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Event


@tripwire(severity=Severity.MEDIUM, on=cloudtrail("eks", "CreateCluster"))
def creator_made_cluster_admin(event: Event, baseline: Baseline) -> str | None:
    """EKS cluster whose creator, who isn't known, is its administrator.

    Whoever makes a cluster becomes its administrator, unless `bootstrapClusterCreatorAdminPermissions` is off: by an access
    entry that is there when EKS has made the cluster, which `eks.unknown_principal_made_admin` then finds by the daily
    sweep; or, with the aws-auth ConfigMap alone (`CONFIG_MAP`), by rights that no AWS call shows. Name who may make clusters
    under `allow.principals`, or have pipelines turn the setting off and give access entries of their own.
    https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateAccessConfigRequest.html
    """
    asked = dig(event.detail, "requestParameters", "accessConfig", "bootstrapClusterCreatorAdminPermissions")
    if asked is False or any(map(baseline.principal, event.actor_arns)):
        return None
    return f"{event.actor.issuer or event.actor.principal} made cluster {event.text('name') or '?'}, and is its administrator"
