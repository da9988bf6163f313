"""EBS volumes and snapshots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from chalicelib.core.event import rows, text
from chalicelib.core.partitions import partition
from chalicelib.core.resource import Resource
from chalicelib.resources.ec2.described import Described, ids_in_request, ids_in_response, is_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mypy_boto3_ec2.type_defs import (
        VolumeTypeDef,
    )

    from chalicelib.core.event import Event
    from chalicelib.core.session import Session


@dataclass(frozen=True, slots=True)
class Snapshot(Resource):
    """An EBS snapshot, by id."""

    cloudformation_type: ClassVar[str] = "AWS::EC2::Snapshot"
    gone: ClassVar[frozenset[str]] = frozenset({"InvalidSnapshot.NotFound", "InvalidSnapshotID.Malformed"})
    tag_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeSnapshots",)
    list_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeSnapshots",)

    @property
    def arn(self) -> str:
        # The ARN of a snapshot has no account, as snapshots can be shared.
        return f"arn:{partition(self.region)}:ec2:{self.region}::snapshot/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        for snapshot in ids_in_request(event, "snapshotId"):
            if is_id("snap", snapshot):
                yield cls(snapshot, event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        for page in aws.client("ec2").get_paginator("describe_snapshots").paginate(OwnerIds=["self"]):
            for snapshot in page["Snapshots"]:
                yield cls(snapshot["SnapshotId"], aws.account, aws.region)

    def tags(self, aws: Session) -> Mapping[str, str]:
        (snapshot,) = aws.client("ec2").describe_snapshots(SnapshotIds=[self.id])["Snapshots"]
        return {tag["Key"]: tag["Value"] for tag in snapshot.get("Tags", [])}


@dataclass(frozen=True, slots=True)
class Volume(Described):
    """An EBS volume, by id."""

    cloudformation_type: ClassVar[str] = "AWS::EC2::Volume"
    described_by: ClassVar[tuple[str, str, str, str]] = ("volumes", "VolumeIds", "volume-id", "VolumeId")
    gone: ClassVar[frozenset[str]] = frozenset({"InvalidVolume.NotFound", "InvalidVolumeID.Malformed"})
    tag_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeVolumes",)
    list_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeVolumes",)
    batch_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeVolumes",)

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:ec2:{self.region}:{self.account}:volume/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        copied = (
            rows(event.detail, "responseElements", *path, "volumeSet") for path in ((), (f"{event.name}Response",))
        )
        for volume in (
            *ids_in_response(event, "volumeId"),
            *(ids_in_request(event, "volumeId") if event.name == "RestoreVolumeFromRecycleBin" else ()),
            *(text(each, "volumeId") for some in copied for each in some),
        ):
            if volume and is_id("vol", volume):
                yield cls(volume, event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        for page in aws.client("ec2").get_paginator("describe_volumes").paginate():
            for volume in page["Volumes"]:
                yield cls(volume["VolumeId"], aws.account, aws.region)

    def described(self, aws: Session) -> VolumeTypeDef:
        (found,) = aws.client("ec2").describe_volumes(VolumeIds=[self.id])["Volumes"]
        return found

    def tags(self, aws: Session) -> Mapping[str, str]:
        return {tag["Key"]: tag["Value"] for tag in self.described(aws).get("Tags", [])}
