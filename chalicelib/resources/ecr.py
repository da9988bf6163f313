"""ECR's private registry. Its own events say `repository-name` where CloudTrail says `repositoryName`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from chalicelib.core.event import rows, text
from chalicelib.core.pattern import any_of, cloudtrail, native
from chalicelib.core.ports import Told
from chalicelib.core.resource import Resource, partition

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from chalicelib.core.event import Event
    from chalicelib.core.ports import Session

_NAME = re.compile(r"(?=.{2,256}\Z)[a-z0-9]+(?:(?:[._/]|__|-+)[a-z0-9]+)*")
_DIGEST = re.compile(r"[A-Za-z0-9_+.-]{1,32}:[A-Fa-f0-9]{32,128}")
"""https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html and …/API_ImageIdentifier.html."""
_REPOSITORIES_AT_ONCE, _SCANNED_AT_ONCE = 100, 25
"""In one DescribeRepositories, and one BatchGetRepositoryScanningConfiguration."""
PUSHED = any_of(
    native("aws.ecr", "ECR Image Action", **{"action-type": ["PUSH"], "result": ["SUCCESS"]}),
    cloudtrail("ecr", "PutImage"),
)
"""A push, as ECR itself tells of it, on its best effort and without who did it, and as CloudTrail does.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
"""


@dataclass(frozen=True, slots=True)
class Repository(Resource):
    """A repository, by name. Calls to another account's registry (`registryId`) are that account's event."""

    cloudformation_type: ClassVar[str] = "AWS::ECR::Repository"
    gone: ClassVar[frozenset[str]] = frozenset({"RepositoryNotFoundException"})
    tag_reads: ClassVar[tuple[str, ...]] = ("ecr:ListTagsForResource",)
    list_reads: ClassVar[tuple[str, ...]] = ("ecr:DescribeRepositories",)
    bulk_reads: ClassVar[tuple[str, ...]] = ("ecr:DescribeRepositories", "ecr:BatchGetRepositoryScanningConfiguration")

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:ecr:{self.region}:{self.account}:repository/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        if event.text("registryId") not in (None, event.account):
            return
        changed = (text(repository, "repository-name") for repository in rows(event.detail, "repositories"))
        analyzed, _ = _named(text(event.detail, "resource"), event)
        for name in (event.text("repositoryName"), text(event.detail, "repository-name"), analyzed, *changed):
            if name and _NAME.fullmatch(name):
                yield cls(name, event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        for page in aws.client("ecr").get_paginator("describe_repositories").paginate():
            for repository in page["repositories"]:
                yield cls(repository["repositoryName"], aws.account, aws.region)

    @classmethod
    def in_bulk(cls, some: Sequence[Self], aws: Session) -> Iterator[Told]:
        """ECR refuses a batch that holds one that isn't there."""
        ecr: Any = aws.client("ecr")
        calls = (
            ("DescribeRepositories", "repositories", _REPOSITORIES_AT_ONCE),
            ("BatchGetRepositoryScanningConfiguration", "scanningConfigurations", _SCANNED_AT_ONCE),
        )
        for operation, listed, at_once in calls:
            call = getattr(ecr, re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower())
            for start in range(0, len(some), at_once):
                names = [each.id for each in some[start : start + at_once]]
                for found in call(repositoryNames=names)[listed]:
                    yield Told("ecr", operation, {"repositoryNames": [found["repositoryName"]]}, {listed: [found]})

    def tags(self, aws: Session) -> Mapping[str, str]:
        answer = aws.client("ecr").list_tags_for_resource(resourceArn=self.arn)
        return {tag["Key"]: tag["Value"] for tag in answer["tags"]}


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
            (_named(told, event)[0] or told, text(event.detail, "image-digest")),
            (event.text("repositoryName"), event.answered("image", "imageId", "imageDigest")),
            *(_named(text(each, "id"), event) for each in rows(event.detail, "resources")),
        ]
        for repository, digest in candidates:
            if repository and digest and _NAME.fullmatch(repository) and _DIGEST.fullmatch(digest):
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


def _named(arn: str | None, event: Event) -> tuple[str | None, str | None]:
    """The repository and the image's digest in an ARN of the event's own account and region, as far as it has them.

    `arn:…:repository/shop/web`, and `…/sha256:…` behind it as Amazon Inspector writes it.
    """
    ours = f"arn:{partition(event.region)}:ecr:{event.region}:{event.account}:repository/"
    if not arn or not arn.startswith(ours):
        return None, None
    name, _, last = arn.removeprefix(ours).rpartition("/")
    return (name, last) if _DIGEST.fullmatch(last) else (arn.removeprefix(ours), None)
