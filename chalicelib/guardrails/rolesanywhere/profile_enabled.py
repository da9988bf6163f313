from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.resources.rolesanywhere import Profile

if TYPE_CHECKING:
    from chalicelib.core.session import Session


@guardrail(
    severity=Severity.MEDIUM,
    resource=Profile,
    on=cloudtrail("rolesanywhere", "CreateProfile", "EnableProfile", "UpdateProfile"),
    reads=("rolesanywhere:GetProfile",),
)
def profile_enabled(profile: Profile, aws: Session) -> str | None:
    """Unknown IAM Roles Anywhere profile enabled.

    Anyone with a certificate from a trusted authority gets the profile's roles. Snapback only reports it: an undo would
    need the right to pass those roles. Name your profiles, by ARN, under `allow.principals`
    (`arn:aws:rolesanywhere:*:*:profile/…`).
    https://docs.aws.amazon.com/rolesanywhere/latest/userguide/security_iam_id-based-policy-examples.html

    Legitimate look-alikes: profiles of your own servers outside AWS. Only `allow.principals` tells them apart.
    """
    described = profile.described(aws)
    if not described["enabled"] or aws.baseline.principal(profile.arn):
        return None
    roles = ", ".join(arn.rpartition("/")[2] for arn in described.get("roleArns", []))
    return f"the unknown profile {described['name']} is enabled; it grants {roles or 'no role yet'}"
