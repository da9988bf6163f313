from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.event import Event
from chalicelib.resources.efs import FileSystem
from tests.support.events import HOME, STRANGER, Envelope, cloudtrail_event
from tests.support.resource_policies import Guarded, root

if TYPE_CHECKING:
    from tests.support.world import World

ID = "fs-0123456789abcdef0"
ARN = f"arn:aws:elasticfilesystem:us-east-1:{HOME}:file-system/{ID}"


def put(world: World, text: str) -> Envelope:
    """EFS chooses the id: here it is always the same."""
    client = world.client("efs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("moto.efs.models.mock_random.get_random_hex", lambda *_: ID.removeprefix("fs-"))
        client.create_file_system(CreationToken="files", Encrypted=True)
    client.put_file_system_policy(FileSystemId=ID, Policy=text)
    return cloudtrail_event("elasticfilesystem", "PutFileSystemPolicy", {"fileSystemId": ID, "policy": text})


def mounted(world: World) -> Envelope:
    """As EFS's console writes it."""
    condition = {"Bool": {"elasticfilesystem:AccessedViaMountTarget": "true"}}
    return FILES.policy({**FILES.allow({"AWS": "*"}, "Mounted"), "Condition": condition})(world)


def not_mounted(world: World) -> Envelope:
    """Everyone who doesn't come through a mount target; and an unknown account, whichever way it comes."""
    condition = {"elasticfilesystem:AccessedViaMountTarget": "true"}
    return FILES.policy(
        FILES.friends,
        FILES.allow("*", "Elsewhere", Bool={"elasticfilesystem:AccessedViaMountTarget": "false"}),
        FILES.allow("*", "Perhaps", BoolIfExists=condition),
        FILES.allow({"AWS": root(STRANGER)}, "Stranger", Bool=condition),
    )(world)


def bare(world: World) -> Envelope:
    envelope = CASE.unsafe[0](world)
    world.client("efs").delete_file_system_policy(FileSystemId=ID)
    return envelope


def text(world: World) -> str | None:
    client = world.client("efs")
    try:
        found: str = client.describe_file_system_policy(FileSystemId=ID)["Policy"]
    except client.exceptions.PolicyNotFound:
        return None
    return found


def whole(world: World) -> Any:
    (found,) = world.client("efs").describe_file_systems(FileSystemId=ID)["FileSystems"]
    del found["SizeInBytes"]  # Measured by the minute.
    return text(world), found


FILES = Guarded(
    id="efs.file_system_policy_made_public",
    arn=ARN,
    action="elasticfilesystem:ClientMount",
    put=put,
    text=text,
    emptied='{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "'
    f'{root(HOME)}"}}, "Action": ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite", '
    '"elasticfilesystem:ClientRootAccess"]}]}',
    analyzed="AWS::EFS::FileSystem",
)
CASE = FILES.case(
    whole,
    lambda world: world.client("efs").delete_file_system(FileSystemId=ID),
    lambda world: world.client("efs").tag_resource(ResourceId=ID, Tags=[{"Key": "team", "Value": "web"}]),
    unsafe=(not_mounted,),
    near_misses=(mounted, bare),
)


@pytest.mark.parametrize(
    "given",
    [None, {"fileSystemId": "files"}, {"fileSystemId": ARN.replace(HOME, STRANGER)}, {"fileSystemId": "fsap-1"}],
)
def test_a_strange_event_names_no_file_system(given: Any) -> None:
    event = cloudtrail_event("elasticfilesystem", "PutFileSystemPolicy", given)
    assert not list(FileSystem.in_event(Event.parse(event)))
