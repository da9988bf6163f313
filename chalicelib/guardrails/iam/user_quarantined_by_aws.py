from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.iam.deactivate_access_key import ACTIVE
from chalicelib.fixes.iam.deactivate_users_keys import DeactivateUsersKeys
from chalicelib.resources.iam.identities import User

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.core.session import Session

FIX = DeactivateUsersKeys()
BY_AWS = ("AWSCompromisedKeyQuarantine", "AWSExposedCredentialPolicy")


@guardrail(
    severity=Severity.CRITICAL,
    resource=User,
    on=cloudtrail("iam", "AttachUserPolicy", "PutUserPolicy"),
    reads=(*FIX.reads, "iam:ListAttachedUserPolicies", "iam:ListUserPolicies"),
    fix=FIX,
)
def user_quarantined_by_aws(user: User, aws: Session) -> str | None:
    """IAM user quarantined by AWS, with active keys.

    AWS found one of the user's keys exposed and attached AWSCompromisedKeyQuarantine…. That policy denies a few dozen
    actions and leaves the key working for all others. AWS doesn't say which key, so the fix deactivates all of the
    user's keys (two at most) and keeps them. An undo activates those that were active. The policy stays.
    https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSCompromisedKeyQuarantineV3.html

    Legitimate look-alikes: a policy of the account's own with AWS's name, which isn't AWS's quarantine. Its ARN tells
    it apart. A user whose keys are all inactive or expired is fine.
    """
    found = next(_quarantines(user, aws), None)
    active = [key for key, status in FIX.read(user, aws)["keys"].items() if status == ACTIVE] if found else []
    return f"AWS attached {found} to the user, and {' and '.join(active)} still works" if active else None


def _quarantines(user: User, aws: Session) -> Iterator[str]:
    iam = aws.client("iam")
    for attached in iam.get_paginator("list_attached_user_policies").paginate(**user.name):
        yield from (each["PolicyName"] for each in attached["AttachedPolicies"] if _of_aws(each["PolicyArn"]))
    for page in iam.get_paginator("list_user_policies").paginate(**user.name):
        yield from (name for name in page["PolicyNames"] if name.startswith(BY_AWS))


def _of_aws(arn: str) -> bool:
    return ":iam::aws:policy/" in arn and arn.rpartition("/")[2].startswith(BY_AWS)
