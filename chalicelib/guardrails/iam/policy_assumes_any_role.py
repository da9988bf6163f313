from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.analysis.policy_reach import ALL_ROLES
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
def policy_assumes_any_role(policy: ManagedPolicy, aws: Session) -> str | None:
    """Customer managed policy that assumes any role.

    Its default version allows sts:AssumeRole on every role: whoever has it becomes each role whose trust policy leaves the
    choice to IAM, as one that trusts the whole account does, administrators' among them. It is reported, never fixed:
    only you know which roles are meant. Name them in Resource, by a path or the beginning of a name at least.
    A policy that is used as a permissions boundary only is exempt, and one
    that makes administrator is `iam.policy_allows_everything`'s. Inline policies are `iam.inline_policy_escalates`'s.

    Legitimate look-alikes: hubs that assume one role in each account (`arn:aws:iam::*:role/audit`) or any in another
    account, and calls that must send an external id. The ARN or `sts:ExternalId` tells them apart.
    """
    return why_policy_is_broad(policy, ALL_ROLES, aws)
