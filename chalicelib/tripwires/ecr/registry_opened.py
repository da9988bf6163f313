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
    """Registry policy of ECR rewritten, or given more reach.

    It says which accounts may replicate images into the registry and fill it by a cache; in its second scope it rules every
    call of ECR, for all repositories at once, beside their own policies. Read who is let in, and delete the policy if
    nobody meant this. Name who may write it under `allow.principals`.
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry-permissions.html

    Legitimate look-alikes: registries that replicate within the organization, or that fill caches. Nothing in the
    call tells whom the policy lets in: who may write it is told apart by `allow.principals`.
    """
    if any(map(baseline.principal, event.actor_arns)):
        return None
    if event.name == "PutRegistryPolicy":
        return f"{event.actor.name} rewrote the registry's policy"
    if (event.text("name"), event.text("value")) != ("REGISTRY_POLICY_SCOPE", "V2"):
        return None
    return f"{event.actor.name} had the registry's policy rule every call of ECR"
