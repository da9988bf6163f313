from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.ec2.stop_sharing import StopSharingImage, format_permissions
from chalicelib.resources.ec2.images import Image
from chalicelib.resources.look_ups import reads_of

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = StopSharingImage()


@guardrail(
    severity=Severity.HIGH,
    resource=Image,
    on=cloudtrail("ec2", "ModifyImageAttribute", "RestoreImageFromRecycleBin"),
    reads=(*FIX.reads, *reads_of(*FIX.look_ups)),
    fix=FIX,
)
def image_shared(image: Image, aws: Session) -> str | None:
    """Machine image (AMI) shared with everyone or an unknown account.

    Anyone it is shared with can start it and read everything on its disks: code, configuration, forgotten keys. The fix
    removes only those permissions and keeps those of `allow.accounts` and `allow.organizations`. Copies already made
    stay with whoever made them. Exempt images that are published on purpose.

    Legitimate look-alikes: images shared with the account's own organization, a part of it, or its management account.
    Snapback asks AWS which organization that is. Where AWS refuses the look-up, Snapback asks before it fixes.
    """
    found = FIX.unknown(FIX.read(image, aws), aws)
    return f"it can be started by {format_permissions(found)}" if found else None
