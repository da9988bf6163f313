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
    """Inline policy that can stop every trail.

    A user, role or group is allowed to stop, delete or blind CloudTrail's trails or event data stores, whichever they are,
    and can work unseen, by Snapback too. It is reported, never fixed. Allow reads (`cloudtrail:Get*`, `Describe*`,
    `List*`, `LookupEvents`), or name the trail in Resource.

    It counts what the attached policies and the permissions boundary deny. Whoever may be administrator
    (`allow.principals`), Snapback's own roles and those that AWS keeps are exempt; a policy that makes administrator is
    `iam.inline_policy_escalates`'s.

    Legitimate look-alikes: roles of pipelines that set trails up. Those that name their trail are told apart; name the
    logging team's role under `allow.principals`, or exempt it.
    """
    return why_inline_is_broad(identity, ALL_TRAILS, aws)
