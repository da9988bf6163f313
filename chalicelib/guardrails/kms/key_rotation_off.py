from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.kms.rotate_key import RotateKey
from chalicelib.resources.kms import Key

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = RotateKey()


@guardrail(
    severity=Severity.LOW,
    resource=Key,
    on=cloudtrail("kms", "DisableKeyRotation", "EnableKey", "CancelKeyDeletion"),
    reads=("kms:DescribeKey", *FIX.reads),
    fix=FIX,
    controls=("KMS.4", "CIS-5.0 3.6"),
)
def key_rotation_off(key: Key, aws: Session) -> str | None:
    """KMS key that isn't rotated.

    With one key material for ever, whoever gets at it once can read everything. The fix turns automatic rotation on.
    KMS keeps the old material and decrypts with it: nothing has to be encrypted again. KMS charges one dollar a month
    for each of the first two rotations. KMS then rotates the key every 365 days; set another period yourself.

    Legitimate look-alikes: keys that KMS can't rotate. Their kind tells them apart: asymmetric keys, HMAC keys, keys with
    imported material, keys of a custom key store, replicas, disabled keys and keys of AWS count as rotated. A new key is
    evaluated by the sweep: only turning rotation off is an event of this guardrail.
    """
    described = key.described(aws)
    replica = described.get("MultiRegionConfiguration", {}).get("MultiRegionKeyType") == "REPLICA"
    of_kms = (described["Origin"], described["KeyManager"], described["KeySpec"], described["KeyState"])
    if replica or of_kms != ("AWS_KMS", "CUSTOMER", "SYMMETRIC_DEFAULT", "Enabled"):
        return None
    return None if FIX.read(key, aws)["rotates"] else "its automatic rotation is off"
