from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.resource import Account
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.ec2.encrypt_ebs_by_default import EncryptEbsByDefault

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = EncryptEbsByDefault()


@guardrail(
    severity=Severity.MEDIUM,
    resource=Account,
    on=cloudtrail("ec2", "DisableEbsEncryptionByDefault"),
    reads=FIX.reads,
    fix=FIX,
    controls=("EC2.7", "CIS-5.0 5.1.1"),
)
def ebs_default_encryption_off(account: Account, aws: Session) -> str | None:
    """EBS encryption by default turned off in a region.

    New volumes and copies of unencrypted snapshots are then encrypted only on request. The fix turns it on again, with
    the key that is set for it. Volumes created in between stay unencrypted.

    Legitimate look-alikes: none. AWS turns it off by default in each region, and the setting costs nothing. Exempt
    accounts that must share unencrypted volumes.
    """
    return (
        None if FIX.read(account, aws)["encrypted_by_default"] else f"new volumes in {account.region} aren't encrypted"
    )
