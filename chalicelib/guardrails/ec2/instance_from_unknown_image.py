from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.resources.absent import absent
from chalicelib.resources.ec2.images import Image
from chalicelib.resources.ec2.instances import Instance

if TYPE_CHECKING:
    from chalicelib.core.session import Session


@guardrail(
    severity=Severity.HIGH,
    resource=Instance,
    on=cloudtrail("ec2", "RunInstances"),
    reads=("ec2:DescribeInstances", "ec2:DescribeImages"),
)
def instance_from_unknown_image(instance: Instance, aws: Session) -> str | None:
    """EC2 instance started from a machine image of an unknown owner.

    Anyone can publish an image under a name like a vendor's. The image's software runs in your network, with the
    instance's role. Your own account, `allow.accounts` and `allow.image_owners` (Amazon, by default) are known.
    Snapback only reports it: a person must decide whether to stop the instance or keep it for analysis. Snapback also
    reports an image that is deleted or no longer shared, because its owner is unknown. EC2's own Allowed AMIs setting
    refuses such launches beforehand.

    Legitimate look-alikes: images from Marketplace vendors, Canonical, Red Hat and the organization's image factory.
    `allow.image_owners` and `allow.accounts` tell them apart; Amazon's own images count as known.
    """
    found = instance.described(aws)
    if found is None:
        return None
    images: list[Any] = []
    with absent(*Image.gone):
        images = aws.client("ec2").describe_images(
            ImageIds=[found["ImageId"]], IncludeDeprecated=True, IncludeDisabled=True
        )["Images"]
    if not images:
        return f"it runs {found['ImageId']}, which is deleted or no longer shared, so its owner is unknown"
    owner, alias = images[0].get("OwnerId", ""), images[0].get("ImageOwnerAlias", "")
    if {owner, alias} & {instance.account, *aws.baseline.allow.accounts, *aws.baseline.allow.image_owners}:
        return None
    return f"it runs {found['ImageId']} from the unknown account {owner}{alias and f' ({alias})'}"
