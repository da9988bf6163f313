from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.baseline import Allow
from chalicelib.core.event import Event
from chalicelib.core.settings import Settings
from chalicelib.resources.ec2.images import Image
from tests.support.cases import Case
from tests.support.events import FRIEND, HOME, STRANGER, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "ec2.image_shared"
ORGANIZATION = "o-ourcompany1"
OURS = {"OrganizationArn": f"arn:aws:organizations::{FRIEND}:organization/{ORGANIZATION}"}
OUR_UNIT = {"OrganizationalUnitArn": f"arn:aws:organizations::{FRIEND}:ou/{ORGANIZATION}/ou-ab12-workload"}
THEIRS = {"OrganizationArn": f"arn:aws:organizations::{STRANGER}:organization/o-another1234"}
THEIR_UNIT = {"OrganizationalUnitArn": f"arn:aws:organizations::{STRANGER}:ou/o-another1234/ou-cd34-workload"}
EVERYONE = {"Group": "all"}


def image(world: World) -> str:
    ec2 = world.client("ec2")
    found = str(ec2.register_image(Name="golden", RootDeviceName="/dev/xvda")["ImageId"])
    ec2.create_tags(Resources=[found], Tags=[{"Key": "team", "Value": "shop"}])
    return found


def own_image(world: World) -> str:
    found = world.client("ec2").describe_images(Filters=[{"Name": "name", "Values": ["golden"]}])
    return str(found["Images"][0]["ImageId"])


def whole(world: World) -> Any:
    ec2 = world.client("ec2")
    attribute = ec2.describe_image_attribute(ImageId=own_image(world), Attribute="launchPermission")
    return sorted(map(str, attribute["LaunchPermissions"])), ec2.describe_images(ImageIds=[own_image(world)])["Images"]


def shared(*permissions: dict[str, str]) -> Any:
    def made(world: World) -> Envelope:
        found = image(world)
        world.settings = Settings(
            allow=Allow(accounts=frozenset({FRIEND}), organizations=frozenset({ORGANIZATION})),
        )
        world.client("ec2").modify_image_attribute(ImageId=found, LaunchPermission={"Add": [*permissions]})
        items = {"items": [{"group": "all"}]}
        return cloudtrail_event(
            "ec2",
            "ModifyImageAttribute",
            {"imageId": found, "launchPermission": {"add": items}, "attributeType": "launchPermission"},
            {"_return": True},
        )

    return made


def restored(*to: Any) -> Any:
    """It comes back from the Recycle Bin, shared as it was."""

    def made(world: World) -> Envelope:
        named = shared(*to)(world)["detail"]["requestParameters"]["imageId"]
        return cloudtrail_event("ec2", "RestoreImageFromRecycleBin", {"imageId": named})

    return made


CASE = Case(
    unsafe=(
        restored(EVERYONE),
        shared(EVERYONE),
        shared({"UserId": STRANGER}),
        shared(THEIRS),
        shared(THEIR_UNIT),
        shared({"UserId": FRIEND}, OURS, EVERYONE, {"UserId": STRANGER}),
    ),
    near_misses=(
        restored(),
        restored(OURS),
        shared(),
        shared({"UserId": FRIEND}, {"UserId": HOME}),
        shared(OURS, OUR_UNIT),
    ),
    whole=whole,
    remove=lambda world: world.client("ec2").deregister_image(ImageId=own_image(world)),
)


def test_whoever_is_known_keeps_the_image(world: World) -> None:
    world.deliver(shared({"UserId": FRIEND}, OURS, OUR_UNIT, EVERYONE, THEIRS, THEIR_UNIT)(world), ID)
    assert whole(world)[0] == sorted(map(str, [{"UserId": FRIEND}, OURS, OUR_UNIT]))


def test_the_reason_names_everyone_and_the_organization(world: World) -> None:
    (outcome,) = world.deliver(shared(EVERYONE, THEIRS)(world), ID, "alert")
    assert outcome.reason == f"it can be started by everyone, {THEIRS['OrganizationArn']}"


@pytest.mark.parametrize("parameters", [None, {}, {"imageId": None}, {"imageId": ["ami-1", "ami-2"]}, "ami-1"])
def test_a_strange_event_names_no_image(parameters: Any) -> None:
    assert not list(Image.in_event(Event.parse(cloudtrail_event("ec2", "ModifyImageAttribute", parameters))))


def test_only_own_images_are_swept_with_their_tags(world: World) -> None:
    found = image(world)
    reader = world.application().sessions.reader(HOME, "us-east-1")
    (ours,) = Image.all_in(reader)
    assert ours.id == found
    assert ours.tags(reader) == {"team": "shop"}
