from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.resource import Account
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.s3.block_public_access import BlockAccountPublicAccess, off

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = BlockAccountPublicAccess()


@guardrail(
    severity=Severity.HIGH,
    resource=Account,
    on=cloudtrail("s3", "PutAccountPublicAccessBlock", "DeleteAccountPublicAccessBlock"),
    reads=FIX.reads,
    fix=FIX,
    controls=("S3.1", "CIS-5.0 2.1.4"),
)
def account_public_access_block_weakened(account: Account, aws: Session) -> str | None:
    """S3 Block Public Access weakened for the whole account.

    The account's setting overrules every bucket and access point in all regions. With one of the four settings off, a
    bucket's own ACL or policy can open the bucket to everyone. The fix turns on all four. This also blocks public
    access to buckets that are public on purpose: exempt accounts with such buckets.

    Legitimate look-alikes: accounts that serve public buckets. Nothing in the setting tells them apart: exempt the
    account.
    """
    state = FIX.read(account, aws)
    if state["block"] is None:
        return "the account has no Block Public Access"
    flags = off(state)
    return f"the account's Block Public Access has {', '.join(flags)} off" if flags else None
