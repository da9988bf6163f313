from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.events import HOME, STRANGER, Envelope, cloudtrail_event
from tests.support.resource_policies import Guarded, root

if TYPE_CHECKING:
    from tests.support.world import World


def put(world: World, text: str) -> Envelope:
    world.client("ecr").create_repository(repositoryName="build/web")
    world.client("ecr").put_registry_policy(policyText=text)
    return cloudtrail_event("ecr", "PutRegistryPolicy", {"policyText": text})


def widened(world: World) -> Envelope:
    """The policy stays, and governs every call from now on."""
    REGISTRY.policy(REGISTRY.friends, REGISTRY.allow({"AWS": root(STRANGER)}, "Stranger"))(world)
    return cloudtrail_event("ecr", "PutAccountSetting", {"name": "REGISTRY_POLICY_SCOPE", "value": "V2"})


def bare(world: World) -> Envelope:
    envelope = CASE.unsafe[0](world)
    world.client("ecr").delete_registry_policy()
    return envelope


def text(world: World) -> str | None:
    client = world.client("ecr")
    try:
        found: str = client.get_registry_policy()["policyText"]
    except client.exceptions.RegistryPolicyNotFoundException:
        return None
    return found


def whole(world: World) -> Any:
    return text(world), world.client("ecr").describe_repositories()["repositories"]


REGISTRY = Guarded(
    id="ecr.registry_policy_made_public",
    arn=f"arn:aws:iam::{HOME}:root",
    action="ecr:ReplicateImage",
    put=put,
    text=text,
    where=f"arn:aws:ecr:us-east-1:{HOME}:repository/*",
)
CASE = REGISTRY.case(
    whole,
    None,
    lambda world: world.client("ecr").create_repository(repositoryName="build/api"),
    unsafe=(widened,),
    near_misses=(bare,),
)
