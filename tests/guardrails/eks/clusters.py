"""EKS clusters for the tests."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from snapback.memory_aws.containers import over, under_way
from tests.support.events import HOME, REGION, Envelope, cloudtrail_event
from tests.support.world import settings_with

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from tests.support.world import World

ARN = f"arn:aws:eks:{REGION}:{HOME}:cluster/prod"
KEY = f"arn:aws:kms:{REGION}:{HOME}:key/12345678-1234-4234-8234-123456789012"
PRIVATE = {"endpointPublicAccess": False, "endpointPrivateAccess": True, "publicAccessCidrs": []}
AUDITED = {
    "clusterLogging": [
        {"types": ["api", "audit"], "enabled": True},
        {"types": ["authenticator", "controllerManager", "scheduler"], "enabled": False},
    ]
}
ENCRYPTED = [{"resources": ["secrets"], "provider": {"keyArn": KEY}}]


def cluster(
    *,
    network: Any = PRIVATE,
    logging: Any = AUDITED,
    encryption: Any = ENCRYPTED,
    baseline: Baseline | None = None,
    then: Any = None,
    event: str = "CreateCluster",
) -> Any:
    """A cluster `prod`; by default no guardrail has anything against it. `then` is an update that EKS is about."""

    def made(world: World) -> Envelope:
        if baseline:
            world.settings = settings_with(baseline, grace={"*": 0})
        more = {"encryptionConfig": encryption} if encryption else {}
        world.client("eks").create_cluster(
            name="prod",
            roleArn=f"arn:aws:iam::{HOME}:role/eks",
            resourcesVpcConfig={"subnetIds": ["subnet-a", "subnet-b"], **network},
            logging=logging,
            tags={"team": "shop"},
            **more,
        )
        if then:
            under_way(in_moto(), then)
        return cloudtrail_event("eks", event, {"name": "prod", **(then or {})})

    return made


def in_moto() -> Any:
    from moto.eks.models import eks_backends

    return eks_backends[HOME][REGION].clusters["prod"]


def whole(world: World) -> Any:
    """As it will be when EKS is done with what it is about: which update that is, is no part of it."""
    world.client("eks").describe_cluster(name="prod")
    found = deepcopy(in_moto())
    over(found)
    return {key: value for key, value in vars(found).items() if key not in {"snapback_updates", "snapback_stays"}}


def remove(world: World) -> None:
    world.client("eks").delete_cluster(name="prod")


def disturb(world: World) -> None:
    world.client("eks").tag_resource(resourceArn=ARN, tags={"seen": "yes"})
