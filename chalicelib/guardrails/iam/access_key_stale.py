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
    """IAM access key too old or unused for too long.

    The older a key, the more places hold a copy. Nobody notices when an unused key is stolen. The limits are 90 days of
    age and 45 days without use (CIS's numbers), or `require.key_days` and `require.unused_days`. The fix deactivates
    the key and keeps it, so an undo can activate it again. Snapback evaluates all keys once a day. Exempt keys that
    can't be rotated.

    Legitimate look-alikes: keys used once a quarter, and keys of devices that can't rotate them. `require.key_days` and
    `require.unused_days` set the limits; exempt the others.
    """
    listed = key.listed(aws)
    if listed["Status"] != ACTIVE:
        return None
    now = aws.now
    age = (now - listed["CreateDate"]).days
    if age > aws.baseline.require.key_days:
        return f"{key.key} is {age} days old; the limit is {aws.baseline.require.key_days} days"
    if age < aws.baseline.require.unused_days:
        return None
    used = aws.client("iam").get_access_key_last_used(AccessKeyId=key.key)["AccessKeyLastUsed"].get("LastUsedDate")
    idle = (now - used).days if used else age
    if idle < aws.baseline.require.unused_days:
        return None
    return f"{key.key} was {f'last used {idle} days ago' if used else f'made {age} days ago and never used'}"
