from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.event import Event
from chalicelib.resources.ec2.volumes import Volume
from tests.support.cases import Case
from tests.support.events import HOME, Envelope, cloudtrail_event, scheduled_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "ec2.volume_unencrypted"


def whole(world: World) -> Any:
    return world.client("ec2").describe_volumes()["Volumes"]


def created(*, encrypted: bool) -> Any:
    def made(world: World) -> Envelope:
        tags = [{"ResourceType": "volume", "Tags": [{"Key": "team", "Value": "shop"}]}]
        volume = world.client("ec2").create_volume(
            Size=8, AvailabilityZone="us-east-1a", Encrypted=encrypted, TagSpecifications=tags
        )
        answer = {"volumeId": volume["VolumeId"], "size": "8", "status": "creating", "encrypted": encrypted}
        return cloudtrail_event("ec2", "CreateVolume", {"size": "8", "zone": "us-east-1a"}, answer)

    return made


def again(call: str, *, encrypted: bool) -> Any:
    """A volume that is copied, or comes back from the Recycle Bin."""

    def made(world: World) -> Envelope:
        volume = created(encrypted=encrypted)(world)["detail"]["responseElements"]["volumeId"]
        copied = {"CopyVolumesResponse": {"volumeSet": {"items": [{"volumeId": volume}]}}}
        restores = call != "CopyVolumes"
        asked = {"volumeId": volume} if restores else {"CopyVolumesRequest": {"SourceVolumeId": "vol-1"}}
        return cloudtrail_event("ec2", call, asked, {"_return": True} if restores else copied)

    return made


def needs_sweep(world: World) -> Envelope:
    created(encrypted=False)(world)
    return scheduled_event()


CASE = Case(
    unsafe=(
        created(encrypted=False),
        needs_sweep,
        again("CopyVolumes", encrypted=False),
        again("RestoreVolumeFromRecycleBin", encrypted=False),
    ),
    near_misses=(
        created(encrypted=True),
        again("CopyVolumes", encrypted=True),
        again("RestoreVolumeFromRecycleBin", encrypted=True),
    ),
    whole=whole,
    remove=lambda world: world.client("ec2").delete_volume(VolumeId=whole(world)[0]["VolumeId"]),
)


def test_the_reason_tells_its_size(world: World) -> None:
    (outcome,) = world.deliver(created(encrypted=False)(world), ID)
    assert outcome.reason == "its 8 GiB aren't encrypted"


@pytest.mark.parametrize("answer", [None, {}, {"volumeId": None}, {"volumeId": "snap-1"}, "vol-1", ["vol-1"]])
def test_a_strange_event_names_no_volume(answer: Any) -> None:
    assert not list(Volume.in_event(Event.parse(cloudtrail_event("ec2", "CreateVolume", None, answer))))


def test_volumes_are_found_with_their_tags(world: World) -> None:
    created(encrypted=True)(world)
    reader = world.application().sessions.reader(HOME, "us-east-1")
    (volume,) = Volume.all_in(reader)
    assert volume.tags(reader) == {"team": "shop"}
