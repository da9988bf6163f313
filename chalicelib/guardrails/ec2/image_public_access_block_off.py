from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.resource import Account
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.ec2.block_public_sharing import BY_POLICY, OPEN, BlockPublicImages

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = BlockPublicImages()


@guardrail(
    severity=Severity.HIGH,
    resource=Account,
    on=cloudtrail("ec2", "DisableImageBlockPublicAccess"),
    reads=FIX.reads,
    fix=FIX,
)
def image_public_access_block_off(account: Account, aws: Session) -> str | None:
    """Public sharing of machine images (AMIs) no longer blocked.

    Anyone can then start an image shared by mistake and read its disks. The fix blocks new public sharing in this
    region. Images that are already public stay public; `ec2.image_shared` covers them. If an organization's declarative
    policy removed the block, the account can't change that, and Snapback only reports it. Exempt accounts that publish
    images.

    Legitimate look-alikes: accounts that publish images. Nothing in the setting tells them apart: exempt them.
    """
    found = FIX.read(account, aws)
    if found["block"] != OPEN:
        return None
    by_policy = ", by a declarative policy of the organization" if found["managed_by"] == BY_POLICY else ""
    return f"public sharing of images isn't blocked in {account.region}{by_policy}"
