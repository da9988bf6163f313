from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.analysis.policy_reach import ALL_TRAILS
from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.iam.reach import INLINE_READS, why_inline_is_broad
from chalicelib.resources.iam.identities import LESS_HELD_BACK, Identity

if TYPE_CHECKING:
    from chalicelib.core.session import Session


@guardrail(
    severity=Severity.LOW,
    resource=Identity,
    on=cloudtrail("iam", "PutGroupPolicy", "PutRolePolicy", "PutUserPolicy", *LESS_HELD_BACK),
    reads=INLINE_READS,
)
def inline_policy_stops_all_trails(identity: Identity, aws: Session) -> str | None:
    """Inline policy that can stop every CloudTrail trail.

    A user, role or group may stop, delete or weaken every CloudTrail trail or event data store, and then act unseen, by
    Snapback too. Snapback only reports it. Allow reads (`cloudtrail:Get*`, `Describe*`, `List*`, `LookupEvents`), or
    name the trail in Resource.

    Denies in the attached policies and the permissions boundary count. Allowed administrators (`allow.principals`),
    Snapback's own roles and roles that AWS manages are exempt. A policy that makes administrator belongs to
    `iam.inline_policy_escalates`.

    Legitimate look-alikes: pipeline roles that set up trails. A named trail tells them apart. Name the logging team's
    role under `allow.principals`, or exempt it.
    """
    return why_inline_is_broad(identity, ALL_TRAILS, aws)
