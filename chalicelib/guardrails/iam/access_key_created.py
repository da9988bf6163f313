from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.iam.deactivate_access_key import ACTIVE, DeactivateAccessKey
from chalicelib.resources.iam.access_keys import AccessKey

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = DeactivateAccessKey()


@guardrail(
    severity=Severity.HIGH,
    resource=AccessKey,
    on=cloudtrail("iam", "CreateAccessKey", "UpdateAccessKey"),
    reads=(*FIX.reads, "iam:GetUser"),
    fix=FIX,
    controls=("CIS-5.0 1.10",),
)
def access_key_created(key: AccessKey, aws: Session) -> str | None:
    """IAM access key active for a user who isn't known to need one.

    A key works from anywhere and until somebody switches it off; making one for another user is how intruders stay.
    The fix switches the key off and keeps it, so that undo switches it on again; another key of the same user is not
    touched. Name users who may hold keys, by ARN with their path, under `allow.principals`. A key of the root user is
    reported by iam.root_key_created.

    Legitimate look-alikes: keys for programs outside AWS, SES's SMTP users and CI without OIDC. They are told apart
    by `allow.principals`, which names the user; nothing in a key tells what it is for.
    """
    if key.user is None or FIX.read(key, aws)["status"] != ACTIVE:
        return None
    owner = key.user.described(aws)["Arn"]
    return None if aws.baseline.principal(owner) else f"{owner} may hold no access key, and {key.key} is active"
