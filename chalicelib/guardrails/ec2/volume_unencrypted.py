from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import SCHEDULED, any_of, cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.resources.ec2.volumes import Volume

if TYPE_CHECKING:
    from chalicelib.core.session import Session


@guardrail(
    severity=Severity.MEDIUM,
    resource=Volume,
    on=any_of(cloudtrail("ec2", "CreateVolume", "CopyVolumes", "RestoreVolumeFromRecycleBin"), SCHEDULED),
    reads=("ec2:DescribeVolumes",),
    controls=("EC2.3",),
)
def volume_unencrypted(volume: Volume, aws: Session) -> str | None:
    """EBS volume not encrypted.

    Its snapshots aren't encrypted either, and can be shared as they are. AWS can't encrypt a volume in place: take a
    snapshot, copy it encrypted, create a volume from the copy, and swap the volumes. `ec2.ebs_default_encryption_off`
    keeps new volumes encrypted. Launch events don't name the instance's volumes; the daily sweep finds those.

    Legitimate look-alikes: volumes without sensitive data, such as caches. Nothing tells them apart, and Snapback only
    reports them: exempt them.
    """
    found = volume.described(aws)
    if found["Encrypted"] or found["State"] in {"deleting", "deleted"}:
        return None
    on = ", ".join(each["InstanceId"] for each in found.get("Attachments", []) if "InstanceId" in each)
    return f"its {found['Size']} GiB aren't encrypted{on and f', on {on}'}"
