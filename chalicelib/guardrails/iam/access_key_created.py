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
    """Active IAM access key of a user not allowed to have keys.

    A key works from anywhere until somebody deactivates it. Intruders create keys for other users to keep their access.
    The fix deactivates the key and keeps it, so an undo can activate it again. It doesn't change the user's other key.
    Name users who may have keys, by ARN with their path, under `allow.principals`. `iam.root_key_created` reports keys
    of the root user.

    Legitimate look-alikes: keys for programs outside AWS, SES's SMTP users and CI without OIDC. `allow.principals`,
    which names the user, tells them apart; nothing in a key tells its purpose.
    """
    if key.user is None or FIX.read(key, aws)["status"] != ACTIVE:
        return None
    owner = key.user.described(aws)["Arn"]
    return (
        None if aws.baseline.principal(owner) else f"{owner} isn't allowed to have access keys, and {key.key} is active"
    )
