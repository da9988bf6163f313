from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.event import dig, rows, text
from chalicelib.core.pattern import any_of
from chalicelib.core.rule import tripwire
from chalicelib.core.types import Severity
from chalicelib.resources.s3 import EXPOSED

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Event

_UNGUARDED = {
    "Policy:IAMUser/S3BucketReplicatedExternally": "copies its objects to an unknown account",
    "Policy:IAMUser/S3BucketSharedWithCloudFront": "is shared with CloudFront",
}
"""What no guardrail looks for: https://docs.aws.amazon.com/macie/latest/user/findings-types.html#findings-policy-types."""


@tripwire(severity=Severity.HIGH, on=any_of(*EXPOSED))
def exposure_found(event: Event, baseline: Baseline) -> str | None:
    """Resource open to outsiders that no guardrail covers.

    IAM Access Analyzer or Macie found access from outside the account or organization that no guardrail fixes. It goes
    to a key, a queue, a function or a directory bucket, through an access point or an ACL, or to another account of an
    organization-wide analyzer. Remove the access there, or archive the finding. Snapback doesn't report findings about
    bucket policies, public ACLs and trust policies of roles here: their guardrails evaluate these directly. It doesn't
    report access for principals that the settings know either.

    Legitimate look-alikes: resources shared on purpose, such as a key with a partner. Archive rules of Access Analyzer,
    and the accounts and organizations under `allow`, tell them apart.
    """
    detail = event.detail
    if event.source == "aws.macie":
        done = _UNGUARDED.get(text(detail, "type") or "")
        return (
            f"Macie finds that bucket {text(detail, 'resourcesAffected', 's3Bucket', 'name')} {done}" if done else None
        )
    principal = dig(detail, "principal")
    who = [each for each in principal.values() if isinstance(each, str)] if isinstance(principal, dict) else []
    if _guarded(event) or not who or all(_known(each, event.account, baseline) for each in who):
        return None
    actions = [each for each in rows(detail, "action") if isinstance(each, str)]
    allowed = ", ".join(actions[:3]) + (f" and {len(actions) - 3} more" if len(actions) > 3 else "")  # noqa: PLR2004
    somebody = "anyone" if "*" in who else ", ".join(who)
    return f"Access Analyzer finds that {somebody} can do {allowed or 'something'} with {text(detail, 'resource')}"


def _guarded(event: Event) -> bool:
    """Whether a guardrail looks at what gives the access."""
    owners = {text(event.detail, key) for key in ("accountId", "resourceOwnerAccount")} - {None}
    if not owners <= {event.account}:
        return False
    kind, ways = text(event.detail, "resourceType"), {text(each, "type") for each in rows(event.detail, "sources")}
    if kind == "AWS::S3::Bucket":
        return ways <= {"POLICY"} or (ways <= {"POLICY", "BUCKET_ACL"} and event.detail.get("isPublic") is True)
    return kind == "AWS::IAM::Role"


def _known(principal: str, account_id: str, baseline: Baseline) -> bool:
    account = principal.split(":")[4] if principal.count(":") > 4 else principal  # noqa: PLR2004
    return account in {account_id, *baseline.allow.accounts} or baseline.principal(principal)
