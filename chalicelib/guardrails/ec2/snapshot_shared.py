from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.ec2.stop_sharing import StopSharingSnapshot, format_permissions
from chalicelib.resources.ec2.volumes import Snapshot
from chalicelib.resources.look_ups import reads_of

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = StopSharingSnapshot()


@guardrail(
    severity=Severity.CRITICAL,
    resource=Snapshot,
    on=cloudtrail("ec2", "ModifySnapshotAttribute", "RestoreSnapshotFromRecycleBin"),
    reads=(*FIX.reads, *reads_of(*FIX.look_ups)),
    fix=FIX,
    controls=("EC2.1",),
)
def snapshot_shared(snapshot: Snapshot, aws: Session) -> str | None:
    """EBS snapshot shared with everyone or an unknown account.

    Anyone it is shared with can create a volume from it and read the whole disk. The fix removes only those permissions
    and keeps those of `allow.accounts`. Copies already made stay with whoever made them. Exempt snapshots that are
    published on purpose.

    Legitimate look-alikes: snapshots shared with the management account of the account's own organization. Snapback
    asks AWS about it.
    """
    found = FIX.unknown(FIX.read(snapshot, aws), aws)
    return f"volumes can be created from it by {format_permissions(found)}" if found else None
