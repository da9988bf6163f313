"""S3. CloudTrail names a bucket in `bucketName`; calls that hold for the account name none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from chalicelib.core.resource import Resource, partition
from chalicelib.resources.absent import absent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from chalicelib.core.event import Event
    from chalicelib.core.ports import Session


@dataclass(frozen=True, slots=True)
class Bucket(Resource):
    """A general purpose bucket, by name."""

    cloudformation_type: ClassVar[str] = "AWS::S3::Bucket"
    gone: ClassVar[frozenset[str]] = frozenset({"NoSuchBucket"})
    tag_reads: ClassVar[tuple[str, ...]] = ("s3:GetBucketTagging",)

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:s3:::{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        for name in event.names("bucketName"):
            yield cls(name, event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        for page in aws.client("s3").get_paginator("list_buckets").paginate(BucketRegion=aws.region):
            for bucket in page["Buckets"]:
                yield cls(bucket["Name"], aws.account, aws.region)

    def tags(self, aws: Session) -> Mapping[str, str]:
        with absent("NoSuchTagSet"):
            answer = aws.client("s3").get_bucket_tagging(Bucket=self.id, ExpectedBucketOwner=self.account)
            return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}
        return {}
