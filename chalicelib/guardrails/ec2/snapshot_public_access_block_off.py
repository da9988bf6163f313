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
    """EBS snapshots may be shared with everyone again.

    Snapshots that were shared with everyone, and treated as private only by this block, are public at once. The fix
    blocks all public sharing in this region, of what is shared already too; an undo makes just that public again. The
    weaker block-new-sharing is exempt. Where an organization's declarative policy unblocked it, the account can't
    change that, and it is only reported. Exempt accounts that publish snapshots.

    Legitimate look-alikes: accounts that publish snapshots. The milder block-new-sharing is fine; nothing else
    tells them apart: exempt them.
    """
    found = FIX.read(account, aws)
    if found["block"] != OPEN:
        return None
    by_policy = ", by a declarative policy of the organization" if found["managed_by"] == BY_POLICY else ""
    return f"nothing keeps snapshots in {account.region} from being shared with everyone{by_policy}"
