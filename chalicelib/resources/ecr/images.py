"""Images in repositories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from chalicelib.core.event import rows, text
from chalicelib.core.pattern import any_of, cloudtrail, native
from chalicelib.core.resource import Resource
from chalicelib.resources.ecr.names import DIGEST, NAME, in_arn
from chalicelib.resources.ecr.repositories import Repository

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from chalicelib.core.event import Event
    from chalicelib.core.session import Session

PUSHED = any_of(
    native("aws.ecr", "ECR Image Action", **{"action-type": ["PUSH"], "result": ["SUCCESS"]}),
    cloudtrail("ecr", "PutImage"),
    native("aws.ecr", "ECR Replication Action", result=["SUCCESS"]),
    native(
        "aws.ecr",
        "ECR Image Action",
        **{"action-type": ["UPDATE_STORAGE_CLASS"], "target-storage-class": ["STANDARD"], "result": ["SUCCESS"]},
    ),
    cloudtrail("ecr", "UpdateImageStorageClass", requestParameters={"targetStorageClass": ["STANDARD"]}),
)
"""A push, a replica's coming, and an archived image's restoring, as ECR itself tells of them, on its best effort and
without who did it, and as CloudTrail does, which has no record of replicas.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
"""


@dataclass(frozen=True, slots=True)
class Image(Resource):
    """An image by its digest, as in `shop/web@sha256:…`, whatever its tags are."""

    cloudformation_type: ClassVar[str] = "AWS::ECR::Repository"
    gone: ClassVar[frozenset[str]] = frozenset({"RepositoryNotFoundException", "ImageNotFoundException"})
    tag_reads: ClassVar[tuple[str, ...]] = Repository.tag_reads
    list_reads: ClassVar[tuple[str, ...]] = ("ecr:DescribeRepositories", "ecr:DescribeImages")

    @property
    def repository(self) -> str:
        return self.id.partition("@")[0]

    @property
    def digest(self) -> str:
        return self.id.partition("@")[2]

    @property
    def arn(self) -> str:
        """The form in which Amazon Inspector names it; IAM knows only repositories."""
        return f"{Repository(self.repository, self.account, self.region).arn}/{self.digest}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        if event.text("registryId") not in (None, event.account):
            return
        told = text(event.detail, "repository-name")
        candidates = [
            (in_arn(told, event)[0] or told, text(event.detail, "image-digest")),
            (event.text("repositoryName"), event.answered("image", "imageId", "imageDigest")),
            (event.text("repositoryName"), event.answered("imageId", "imageDigest")),
            *(in_arn(text(each, "id"), event) for each in rows(event.detail, "resources")),
        ]
        for repository, digest in candidates:
            if repository and digest and NAME.fullmatch(repository) and DIGEST.fullmatch(digest):
                yield cls(f"{repository}@{digest}", event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        """Those with a tag."""
        pages = aws.client("ecr").get_paginator("describe_images")
        for repository in Repository.all_in(aws):
            for page in pages.paginate(repositoryName=repository.id, filter={"tagStatus": "TAGGED"}):
                for image in page["imageDetails"]:
                    yield cls(f"{repository.id}@{image['imageDigest']}", aws.account, aws.region)

    def tags(self, aws: Session) -> Mapping[str, str]:
        """Its repository's."""
        return Repository(self.repository, self.account, self.region).tags(aws)
