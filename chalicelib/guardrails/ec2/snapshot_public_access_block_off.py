from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.resource import Account
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.ec2.block_public_sharing import BY_POLICY, OPEN, BlockPublicSnapshots

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = BlockPublicSnapshots()


@guardrail(
    severity=Severity.HIGH,
    resource=Account,
    on=cloudtrail("ec2", "DisableSnapshotBlockPublicAccess"),
    reads=FIX.reads,
    fix=FIX,
)
def snapshot_public_access_block_off(account: Account, aws: Session) -> str | None:
    """Public sharing of EBS snapshots no longer blocked.

    Snapshots shared with everyone, and kept private only by this block, are public at once. The fix blocks all public
    sharing in this region, existing shares included. An undo makes just those public again. The weaker setting
    block-new-sharing is exempt. If an organization's declarative policy removed the block, the account can't change
    that, and Snapback only reports it. Exempt accounts that publish snapshots.

    Legitimate look-alikes: accounts that publish snapshots. The weaker block-new-sharing is fine; nothing else tells
    them apart: exempt them.
    """
    found = FIX.read(account, aws)
    if found["block"] != OPEN:
        return None
    by_policy = ", by a declarative policy of the organization" if found["managed_by"] == BY_POLICY else ""
    return f"public sharing of snapshots isn't blocked in {account.region}{by_policy}"
