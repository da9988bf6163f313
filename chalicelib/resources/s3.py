"""S3. CloudTrail names a bucket in `bucketName`, calls that hold for the account name none; findings name it their way."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from chalicelib.core.event import rows, text
from chalicelib.core.partitions import partition
from chalicelib.core.pattern import native
from chalicelib.core.resource import Resource
from chalicelib.resources.absent import absent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from chalicelib.core.event import Event
    from chalicelib.core.session import Session

_NAME = re.compile(
    r"(?!.*(?:-s3alias|--ol-s3|--x-s3|--xa-s3|--table-s3|\.mrap)\Z)[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]"
)
"""As they once could be in us-east-1. No ARN: the API would take one of another account's access point. Nor an alias
of an access point, nor a bucket of another kind (directory, table): those have their own API.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
"""
EXPOSED = (
    native("aws.access-analyzer", "Access Analyzer Finding", status=["ACTIVE"], isDeleted=[False]),
    native(
        "aws.macie",
        "Macie Finding",
        type=[{"prefix": "Policy:IAMUser/S3"}],
        archived=[False, {"exists": False}],
        sample=[False, {"exists": False}],
    ),
)
"""What Access Analyzer and Macie tell when they find a bucket open or weakened; the former tells of other kinds too.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-eventbridge.html
https://docs.aws.amazon.com/macie/latest/user/findings-publish-event-schemas.html
"""


@dataclass(frozen=True, slots=True)
class Bucket(Resource):
    """A general purpose bucket, by name."""

    cloudformation_type: ClassVar[str] = "AWS::S3::Bucket"
    gone: ClassVar[frozenset[str]] = frozenset({"NoSuchBucket", "InvalidBucketName"})
    tag_reads: ClassVar[tuple[str, ...]] = ("s3:GetBucketTagging",)
    list_reads: ClassVar[tuple[str, ...]] = ("s3:ListAllMyBuckets",)

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:s3:::{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        """None of another account's: CloudTrail tells the caller's account of the call too, as an event of its own."""
        said = (event.detail, *rows(event.detail, "resources"))
        owners = {text(each, key) for each in said for key in ("accountId", "resourceOwnerAccount")} - {None}
        analyzed = text(event.detail, "resource") if text(event.detail, "resourceType") == "AWS::S3::Bucket" else None
        for name in (
            *event.names("bucketName"),
            (analyzed or "").rpartition(":::")[2],
            text(event.detail, "resourcesAffected", "s3Bucket", "name") or "",
        ):
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
