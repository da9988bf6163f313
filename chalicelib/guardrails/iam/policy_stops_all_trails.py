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
    """Customer managed policy that can stop every trail.

    Its default version allows CloudTrail's trails or event data stores to be stopped, deleted or made blind, whichever they
    are: whoever has it can work unseen, Snapback's own events included. It is reported, never fixed. Allow reads
    (`cloudtrail:Get*`, `Describe*`, `List*`, `LookupEvents`), or name the trail in Resource.
    A policy that is used as a permissions boundary only is exempt, and one
    that makes administrator is `iam.policy_allows_everything`'s.

    Legitimate look-alikes: pipelines that set trails up. Those that name their trail are told apart; exempt the policy of
    the team that runs logging.
    """
    return why_policy_is_broad(policy, ALL_TRAILS, aws)
