"""An instance to make unsafe, and the event of its launch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.events import HOME, REGION, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.events import Envelope
    from tests.support.world import World


def image(world: World) -> str:
    """A machine image of our own."""
    ec2 = world.client("ec2")
    volume = ec2.create_volume(Size=8, AvailabilityZone=f"{REGION}a", Encrypted=True)["VolumeId"]
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    ec2.delete_volume(VolumeId=volume)
    return str(
        ec2.register_image(
            Name=f"ours-{snapshot}",
            RootDeviceName="/dev/xvda",
            BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot}}],
        )["ImageId"]
    )


def launch(world: World, **more: Any) -> str:
    """By a person's hand; answers the instance's id."""
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "team", "Value": "shop"}]}]
    asked = {"ImageId": more.pop("ImageId", None) or image(world), "TagSpecifications": tags, **more}
    made = world.client("ec2").run_instances(MinCount=1, MaxCount=1, InstanceType="t3.micro", **asked)
    return str(made["Instances"][0]["InstanceId"])


def launched(*ids: str) -> Envelope:
    """The event of a launch, as CloudTrail has it."""
    asked = {"instancesSet": {"items": [{"imageId": "ami-0123", "minCount": 1, "maxCount": len(ids)}]}}
    state = {"code": 0, "name": "pending"}
    items = [{"instanceId": each, "instanceState": state, "networkInterfaceSet": {}} for each in ids]
    return cloudtrail_event("ec2", "RunInstances", asked, {"ownerId": HOME, "instancesSet": {"items": items}})


def the_instance(world: World) -> Any:
    """The one that `launch` made, whole."""
    found = world.client("ec2").describe_instances(Filters=[{"Name": "tag:team", "Values": ["shop"]}])["Reservations"]
    return found[0]["Instances"][0]


def disturb(world: World) -> None:
    tags = [{"Key": "touched", "Value": "yes"}]
    world.client("ec2").create_tags(Resources=[the_instance(world)["InstanceId"]], Tags=tags)


def forget(world: World) -> None:
    """As an hour after it was terminated: AWS knows it no longer."""
    from moto.ec2.models import ec2_backends

    world.client("ec2").terminate_instances(InstanceIds=[the_instance(world)["InstanceId"]])
    ec2_backends[HOME][REGION].reservations.clear()
