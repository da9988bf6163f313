from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.analysis.policy_reach import ALL_TRAILS
from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.iam.reach import POLICY_READS, why_policy_is_broad
from chalicelib.resources.iam.managed_policies import ManagedPolicy

if TYPE_CHECKING:
    from chalicelib.core.session import Session


@guardrail(
    severity=Severity.LOW,
    resource=ManagedPolicy,
    on=cloudtrail("iam", "CreatePolicy", "CreatePolicyVersion", "SetDefaultPolicyVersion"),
    reads=POLICY_READS,
)
def policy_stops_all_trails(policy: ManagedPolicy, aws: Session) -> str | None:
    """Customer managed policy that can stop every CloudTrail trail.

    Its default version allows stopping, deleting or weakening every CloudTrail trail or event data store. Anyone with
    it can act unseen, by Snapback too. Snapback only reports it. Allow reads (`cloudtrail:Get*`, `Describe*`, `List*`,
    `LookupEvents`), or name the trail in Resource. A policy used only as a permissions boundary is exempt. A policy
    that makes administrator belongs to `iam.policy_allows_everything`.

    Legitimate look-alikes: pipelines that set up trails. A named trail tells them apart. Exempt the logging team's
    policy.
    """
    return why_policy_is_broad(policy, ALL_TRAILS, aws)
