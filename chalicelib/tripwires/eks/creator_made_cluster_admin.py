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
    """EKS cluster whose unknown creator is its administrator.

    A cluster's creator becomes its administrator, unless `bootstrapClusterCreatorAdminPermissions` is off. With access
    entries, the daily sweep then finds the creator's entry (`eks.unknown_principal_made_admin`). With the aws-auth
    ConfigMap alone (`CONFIG_MAP`), no AWS call shows the rights. Name who may create clusters under `allow.principals`,
    or have pipelines turn the setting off and create their own access entries.
    https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateAccessConfigRequest.html

    Legitimate look-alikes: people and pipelines that create clusters with EKS's default setting. `allow.principals`
    tells allowed creators apart.
    """
    asked = dig(event.detail, "requestParameters", "accessConfig", "bootstrapClusterCreatorAdminPermissions")
    if asked is False or any(map(baseline.principal, event.actor_arns)):
        return None
    return f"{event.actor.issuer or event.actor.principal} made cluster {event.text('name') or '?'}, and is its administrator"
