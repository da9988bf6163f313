"""Repositories."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from chalicelib.core.event import rows, text
from chalicelib.core.partitions import partition
from chalicelib.core.resource import Resource
from chalicelib.core.session import Prefetched
from chalicelib.resources.ecr.names import NAME, in_arn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from chalicelib.core.event import Event
    from chalicelib.core.session import Session

_REPOSITORIES_AT_ONCE, _SCANNED_AT_ONCE = 100, 25
"""In one DescribeRepositories, and one BatchGetRepositoryScanningConfiguration."""


@dataclass(frozen=True, slots=True)
class Repository(Resource):
    """A repository, by name. Calls to another account's registry (`registryId`) are that account's event."""

    cloudformation_type: ClassVar[str] = "AWS::ECR::Repository"
    gone: ClassVar[frozenset[str]] = frozenset({"RepositoryNotFoundException"})
    tag_reads: ClassVar[tuple[str, ...]] = ("ecr:ListTagsForResource",)
    list_reads: ClassVar[tuple[str, ...]] = ("ecr:DescribeRepositories",)
    batch_reads: ClassVar[tuple[str, ...]] = ("ecr:DescribeRepositories", "ecr:BatchGetRepositoryScanningConfiguration")

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:ecr:{self.region}:{self.account}:repository/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        if event.text("registryId") not in (None, event.account):
            return
        changed = (text(repository, "repository-name") for repository in rows(event.detail, "repositories"))
        analyzed, _ = in_arn(text(event.detail, "resource"), event)
        for name in (event.text("repositoryName"), text(event.detail, "repository-name"), analyzed, *changed):
            if name and NAME.fullmatch(name):
                yield cls(name, event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        for page in aws.client("ecr").get_paginator("describe_repositories").paginate():
            for repository in page["repositories"]:
                yield cls(repository["repositoryName"], aws.account, aws.region)

    @classmethod
    def batch_read(cls, some: Sequence[Self], aws: Session) -> Iterator[Prefetched]:
        """ECR refuses a batch that holds one that isn't there."""
        ecr: Any = aws.client("ecr")
        calls = (
            ("DescribeRepositories", "repositories", _REPOSITORIES_AT_ONCE),
            ("BatchGetRepositoryScanningConfiguration", "scanningConfigurations", _SCANNED_AT_ONCE),
        )
        for operation, listed, batch_size in calls:
            call = getattr(ecr, re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower())
            for start in range(0, len(some), batch_size):
                names = [each.id for each in some[start : start + batch_size]]
                for found in call(repositoryNames=names)[listed]:
                    yield Prefetched(
                        "ecr", operation, {"repositoryNames": [found["repositoryName"]]}, {listed: [found]}
                    )

    def tags(self, aws: Session) -> Mapping[str, str]:
        answer = aws.client("ecr").list_tags_for_resource(resourceArn=self.arn)
        return {tag["Key"]: tag["Value"] for tag in answer["tags"]}
