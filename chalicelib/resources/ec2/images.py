"""Machine images (AMIs)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from chalicelib.core.partitions import partition
from chalicelib.core.resource import Resource
from chalicelib.resources.ec2.described import ids_in_request, is_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from chalicelib.core.event import Event
    from chalicelib.core.session import Session


@dataclass(frozen=True, slots=True)
class Image(Resource):
    """An Amazon machine image (AMI), by id."""

    cloudformation_type: ClassVar[str] = "AWS::EC2::Image"
    gone: ClassVar[frozenset[str]] = frozenset(
        {"InvalidAMIID.NotFound", "InvalidAMIID.Unavailable", "InvalidAMIID.Malformed"}
    )
    tag_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeImages",)
    list_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeImages",)

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:ec2:{self.region}::image/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        for image in ids_in_request(event, "imageId"):
            if is_id("ami", image):
                yield cls(image, event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        for page in aws.client("ec2").get_paginator("describe_images").paginate(Owners=["self"]):
            for image in page["Images"]:
                yield cls(image["ImageId"], aws.account, aws.region)

    def tags(self, aws: Session) -> Mapping[str, str]:
        found = aws.client("ec2").describe_images(ImageIds=[self.id])["Images"]
        return {tag["Key"]: tag["Value"] for image in found for tag in image.get("Tags", [])}
