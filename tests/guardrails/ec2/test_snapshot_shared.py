from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.baseline import Baseline
from chalicelib.core.event import Event
from chalicelib.core.rule import FixContext
from chalicelib.fixes.ec2.stop_sharing import StopSharingSnapshot
from chalicelib.resources.ec2.volumes import Snapshot
from tests.support.cases import Case
from tests.support.events import FRIEND, HOME, STRANGER, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "ec2.snapshot_shared"


def snapshot(world: World) -> str:
    ec2 = world.client("ec2")
    volume = ec2.create_volume(Size=1, AvailabilityZone="us-east-1a")
    tags = [{"ResourceType": "snapshot", "Tags": [{"Key": "team", "Value": "shop"}]}]
    return str(ec2.create_snapshot(VolumeId=volume["VolumeId"], TagSpecifications=tags)["SnapshotId"])


def own_snapshot(world: World) -> str:
    """Ours: moto has snapshots of its own images too."""
    found = world.client("ec2").describe_snapshots(
        OwnerIds=["self"], Filters=[{"Name": "tag:team", "Values": ["shop"]}]
    )
    return str(found["Snapshots"][0]["SnapshotId"])


def whole(world: World) -> Any:
    ec2 = world.client("ec2")
    attribute = ec2.describe_snapshot_attribute(SnapshotId=own_snapshot(world), Attribute="createVolumePermission")
    permissions = sorted(map(str, attribute["CreateVolumePermissions"]))
    return permissions, ec2.describe_snapshots(SnapshotIds=[own_snapshot(world)])["Snapshots"]


def shared(*accounts: str, everyone: bool = False) -> Any:
    def made(world: World) -> Envelope:
        found = snapshot(world)
        world.client("ec2").modify_snapshot_attribute(
            SnapshotId=found,
            Attribute="createVolumePermission",
            OperationType="add",
            UserIds=[*accounts],
            GroupNames=["all"] if everyone else [],
        )
        items = {"items": [{"userId": account} for account in accounts]}
        return cloudtrail_event(
            "ec2",
            "ModifySnapshotAttribute",
            {
                "snapshotId": found,
                "attributeType": "CREATE_VOLUME_PERMISSION",
                "createVolumePermission": {"add": items},
            },
            {"_return": True},
        )

    return made


def restored(*to: Any) -> Any:
    """It comes back from the Recycle Bin, shared as it was."""

    def made(world: World) -> Envelope:
        named = shared(*to)(world)["detail"]["requestParameters"]["snapshotId"]
        return cloudtrail_event("ec2", "RestoreSnapshotFromRecycleBin", {"snapshotId": named})

    return made


CASE = Case(
    unsafe=(
        restored(STRANGER),
        shared(everyone=True),
        shared(STRANGER),
        shared(FRIEND, STRANGER, everyone=True),
    ),
    near_misses=(restored(), restored(FRIEND), shared(FRIEND), shared(HOME, FRIEND)),
    whole=whole,
    remove=lambda world: world.client("ec2").delete_snapshot(SnapshotId=own_snapshot(world)),
)


def test_known_accounts_keep_their_permission(world: World) -> None:
    world.deliver(shared(FRIEND, STRANGER, everyone=True)(world), ID)
    assert whole(world)[0] == [f"{{'UserId': '{FRIEND}'}}"]


def test_the_reason_names_everyone_and_the_account(world: World) -> None:
    (outcome,) = world.deliver(shared(STRANGER, everyone=True)(world), ID, "alert")
    assert outcome.reason == f"volumes can be created from it by everyone, {STRANGER}"


def test_more_accounts_than_aws_takes_in_a_call_are_taken_off(world: World) -> None:
    envelope = shared(*(f"{number:012d}" for number in range(1, 1201)))(world)
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == "fixed"
    assert [call.operation for call in world.calls].count("ModifySnapshotAttribute") == 3
    assert whole(world)[0] == []


def test_the_account_itself_is_known() -> None:
    state = {"account": HOME, "permissions": [{"UserId": HOME}, {"UserId": STRANGER}]}
    assert StopSharingSnapshot().safe(state, FixContext(Baseline())) == {
        "account": HOME,
        "permissions": [{"UserId": HOME}],
    }


@pytest.mark.parametrize("parameters", [None, {}, {"snapshotId": None}, {"snapshotId": {"items": []}}, "snap-1"])
def test_a_strange_event_names_no_snapshot(parameters: Any) -> None:
    assert not list(Snapshot.in_event(Event.parse(cloudtrail_event("ec2", "ModifySnapshotAttribute", parameters))))


def test_all_own_snapshots_are_found_with_their_tags(world: World) -> None:
    found = snapshot(world)
    reader = world.application().sessions.reader(HOME, "us-east-1")
    (ours,) = (each for each in Snapshot.all_in(reader) if each.id == found)
    assert ours.tags(reader) == {"team": "shop"}
