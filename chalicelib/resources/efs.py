"""EFS file systems."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from chalicelib.core.event import text
from chalicelib.resources.named import Named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from chalicelib.core.event import Event
    from chalicelib.core.session import Session


@dataclass(frozen=True, slots=True)
class FileSystem(Named):
    """A file system, by id. Calls take its ARN too."""

    cloudformation_type: ClassVar[str] = "AWS::EFS::FileSystem"
    gone: ClassVar[frozenset[str]] = frozenset({"FileSystemNotFound"})
    tag_reads: ClassVar[tuple[str, ...]] = ("elasticfilesystem:ListTagsForResource",)
    list_reads: ClassVar[tuple[str, ...]] = ("elasticfilesystem:DescribeFileSystems",)
    arn_service: ClassVar[str] = "elasticfilesystem"
    arn_begin: ClassVar[str] = "file-system/"
    pattern: ClassVar[re.Pattern[str]] = re.compile(r"fs-[0-9a-f]{8,40}")
    """https://docs.aws.amazon.com/efs/latest/ug/API_PutFileSystemPolicy.html"""

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        return cls.given(event, event.text("fileSystemId"), text(event.detail, "resource"))

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        for page in aws.client("efs").get_paginator("describe_file_systems").paginate():
            for each in page["FileSystems"]:
                yield cls(each["FileSystemId"], aws.account, aws.region)

    def tags(self, aws: Session) -> Mapping[str, str]:
        """At most 50, which one answer holds."""
        found = aws.client("efs").list_tags_for_resource(ResourceId=self.id)
        return {tag["Key"]: tag["Value"] for tag in found["Tags"]}
