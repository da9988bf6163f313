from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import tripwire
from chalicelib.core.types import Severity

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Event


@tripwire(severity=Severity.MEDIUM, on=cloudtrail("ecr", "PutRegistryPolicy", "PutAccountSetting"))
def registry_opened(event: Event, baseline: Baseline) -> str | None:
    """ECR registry policy rewritten, or its scope extended.

    The policy says which accounts may replicate images into the registry and fill it through a cache. In its second
    scope (V2), it governs every ECR call for all repositories, beside their own policies. Check who is allowed, and
    delete the policy if nobody intended this. Name who may write it under `allow.principals`.
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry-permissions.html

    Legitimate look-alikes: registries that replicate within the organization, or that fill caches. Nothing in the call
    shows whom the policy allows; `allow.principals` tells allowed writers apart.
    """
    if any(map(baseline.principal, event.actor_arns)):
        return None
    if event.name == "PutRegistryPolicy":
        return f"{event.actor.name} rewrote the registry's policy"
    if (event.text("name"), event.text("value")) != ("REGISTRY_POLICY_SCOPE", "V2"):
        return None
    return f"{event.actor.name} made the registry's policy apply to every ECR call"
