from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.cases import Case
from tests.support.events import Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "ec2.ebs_default_encryption_off"


def opened(world: World) -> Envelope:
    world.client("ec2").disable_ebs_encryption_by_default()
    asked: Any = {"DisableEbsEncryptionByDefaultRequest": {}}
    return cloudtrail_event("ec2", "DisableEbsEncryptionByDefault", asked)


def closed(world: World) -> Envelope:
    envelope = opened(world)
    world.client("ec2").enable_ebs_encryption_by_default()
    return envelope


def whole(world: World) -> Any:
    ec2 = world.client("ec2")
    return ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"]


CASE = Case(unsafe=(opened,), near_misses=(closed,), whole=whole)
