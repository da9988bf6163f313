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
    """Customer managed policy that can assume any role.

    Its default version allows sts:AssumeRole on every role. Anyone with it can become each role whose trust policy
    leaves access to IAM, such as one that trusts the whole account, administrator roles included. Snapback only reports
    it: only you know which roles are meant. Name them in Resource, at least by a path or a name prefix. A policy used
    only as a permissions boundary is exempt. A policy that makes administrator belongs to
    `iam.policy_allows_everything`, and inline policies belong to `iam.inline_policy_escalates`.

    Legitimate look-alikes: hubs that assume one role in each account (`arn:aws:iam::*:role/audit`) or any role in
    another account, and calls that must send an external id. The ARN or `sts:ExternalId` tells them apart.
    """
    return why_policy_is_broad(policy, ALL_ROLES, aws)
