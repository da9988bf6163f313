"""S3. CloudTrail names a bucket in `bucketName`; calls that hold for the account name none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from chalicelib.core.event import rows, text
from chalicelib.core.resource import Resource, partition
from chalicelib.resources.absent import absent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from chalicelib.core.event import Event
    from chalicelib.core.ports import Session

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")
"""As they once could be in us-east-1. No ARN: the API would take one of another account's access point.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
"""


@dataclass(frozen=True, slots=True)
class Bucket(Resource):
    """A general purpose bucket, by name."""

    cloudformation_type: ClassVar[str] = "AWS::S3::Bucket"
    gone: ClassVar[frozenset[str]] = frozenset({"NoSuchBucket", "InvalidBucketName"})
    tag_reads: ClassVar[tuple[str, ...]] = ("s3:GetBucketTagging",)

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:s3:::{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        """None of another account's: CloudTrail tells the caller's account of the call too, as an event of its own."""
        owners = {text(each, "accountId") for each in rows(event.detail, "resources")} - {None}
        for name in event.names("bucketName"):
            if _NAME.fullmatch(name) and owners <= {event.account}:
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
