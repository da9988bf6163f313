"""EC2. Newer calls are wrapped in CloudTrail, as in `{"ModifySecurityGroupRulesRequest": {"GroupId": …}}`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from chalicelib.core.event import rows, text
from chalicelib.core.resource import Resource, partition

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from chalicelib.core.event import Event
    from chalicelib.core.ports import Session


def _is(prefix: str, id: str) -> bool:
    """Whether EC2 takes it for an id of this kind.

    Another prefix is InvalidParameterValue to EC2, which can mean anything, so it is never `gone`; digits that aren't
    hexadecimal are an error of their own, `…Malformed`, and are.
    """
    return re.fullmatch(rf"{prefix}-[0-9A-Za-z]{{1,32}}", id) is not None


@dataclass(frozen=True, slots=True)
class SecurityGroup(Resource):
    """A security group, by id.

    A call may give the group's name instead (in a default VPC); the id is then in the answer, with the new rules.
    """

    cloudformation_type: ClassVar[str] = "AWS::EC2::SecurityGroup"
    gone: ClassVar[frozenset[str]] = frozenset({"InvalidGroup.NotFound", "InvalidGroupId.Malformed"})
    tag_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeSecurityGroups",)

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:ec2:{self.region}:{self.account}:security-group/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        named = [event.text("groupId"), event.text("ModifySecurityGroupRulesRequest", "GroupId")]
        answered = rows(event.detail, "responseElements", "securityGroupRuleSet")
        for group in (*named, *(text(rule, "groupId") for rule in answered)):
            if group and _is("sg", group):
                yield cls(group, event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        pages = aws.client("ec2").get_paginator("describe_security_groups")
        for page in pages.paginate(Filters=[{"Name": "owner-id", "Values": [aws.account]}]):
            for group in page["SecurityGroups"]:
                yield cls(group["GroupId"], aws.account, aws.region)

    def tags(self, aws: Session) -> Mapping[str, str]:
        (group,) = aws.client("ec2").describe_security_groups(GroupIds=[self.id])["SecurityGroups"]
        return {tag["Key"]: tag["Value"] for tag in group.get("Tags", [])}


@dataclass(frozen=True, slots=True)
class Snapshot(Resource):
    """An EBS snapshot, by id."""

    cloudformation_type: ClassVar[str] = "AWS::EC2::Snapshot"
    gone: ClassVar[frozenset[str]] = frozenset({"InvalidSnapshot.NotFound", "InvalidSnapshotID.Malformed"})
    tag_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeSnapshots",)

    @property
    def arn(self) -> str:
        # AWS leaves the account out of the ARN of what may be shared.
        return f"arn:{partition(self.region)}:ec2:{self.region}::snapshot/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        for snapshot in event.names("snapshotId"):
            if _is("snap", snapshot):
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
class Image(Resource):
    """An Amazon machine image (AMI), by id."""

    cloudformation_type: ClassVar[str] = "AWS::EC2::Image"
    gone: ClassVar[frozenset[str]] = frozenset(
        {"InvalidAMIID.NotFound", "InvalidAMIID.Unavailable", "InvalidAMIID.Malformed"}
    )
    tag_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeImages",)

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:ec2:{self.region}::image/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        for image in event.names("imageId"):
            if _is("ami", image):
                yield cls(image, event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        for page in aws.client("ec2").get_paginator("describe_images").paginate(Owners=["self"]):
            for image in page["Images"]:
                yield cls(image["ImageId"], aws.account, aws.region)

    def tags(self, aws: Session) -> Mapping[str, str]:
        found = aws.client("ec2").describe_images(ImageIds=[self.id])["Images"]
        return {tag["Key"]: tag["Value"] for image in found for tag in image.get("Tags", [])}
