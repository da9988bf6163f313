from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import SCHEDULED
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.iam.deactivate_access_key import ACTIVE, DeactivateAccessKey
from chalicelib.resources.iam.access_keys import AccessKey

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = DeactivateAccessKey()


@guardrail(
    severity=Severity.MEDIUM,
    resource=AccessKey,
    on=SCHEDULED,
    reads=(*FIX.reads, "iam:GetAccessKeyLastUsed"),
    fix=FIX,
    controls=("IAM.3", "IAM.22", "CIS-5.0 1.11", "CIS-5.0 1.13"),
)
def access_key_stale(key: AccessKey, aws: Session) -> str | None:
    """IAM access key too old, or long unused.

    The older a key, the more places hold a copy of it; one that nobody uses is missed by nobody when it is stolen. A
    key may become 90 days old and lie unused for 45 (CIS's numbers), unless `require.key_days` and
    `require.unused_days` say otherwise. The fix switches the key off and keeps it, so that undo switches it on again.
    Asked once a day, of all keys. Exempt keys of things that can't change theirs.

    Legitimate look-alikes: keys that are used once a quarter, and those of devices that can't change theirs.
    `require.key_days` and `require.unused_days` say what is too old; exempt the others.
    """
    listed = key.listed(aws)
    if listed["Status"] != ACTIVE:
        return None
    now = aws.now
    age = (now - listed["CreateDate"]).days
    if age > aws.baseline.require.key_days:
        return f"{key.key} is {age} days old; {aws.baseline.require.key_days} are allowed"
    if age < aws.baseline.require.unused_days:
        return None
    used = aws.client("iam").get_access_key_last_used(AccessKeyId=key.key)["AccessKeyLastUsed"].get("LastUsedDate")
    idle = (now - used).days if used else age
    if idle < aws.baseline.require.unused_days:
        return None
    return f"{key.key} was {f'last used {idle} days ago' if used else f'made {age} days ago and never used'}"
