"""CodeBuild."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from botocore.exceptions import ClientError

from chalicelib.core.partitions import partition
from chalicelib.core.resource import Resource
from chalicelib.core.session import Prefetched

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from chalicelib.core.event import Event
    from chalicelib.core.session import Session

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{1,149}")
"""https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CreateProject.html"""
_AT_ONCE = 100
"""In one BatchGetProjects."""


@dataclass(frozen=True, slots=True)
class Project(Resource):
    """A build project, by name. Calls name it by name or, as UpdateProjectVisibility does, by ARN."""

    cloudformation_type: ClassVar[str] = "AWS::CodeBuild::Project"
    gone: ClassVar[frozenset[str]] = frozenset({"ResourceNotFoundException"})
    tag_reads: ClassVar[tuple[str, ...]] = ("codebuild:BatchGetProjects",)
    list_reads: ClassVar[tuple[str, ...]] = ("codebuild:ListProjects",)
    batch_reads: ClassVar[tuple[str, ...]] = ("codebuild:BatchGetProjects",)

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:codebuild:{self.region}:{self.account}:project/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        for named in event.names("name", "projectArn"):
            name = named.rpartition(":project/")[2]
            if _NAME.fullmatch(name):
                yield cls(name, event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        """The account's own: those that others share aren't listed by this call."""
        for page in aws.client("codebuild").get_paginator("list_projects").paginate():
            for name in page["projects"]:
                yield cls(name, aws.account, aws.region)

    @classmethod
    def batch_read(cls, some: Sequence[Self], aws: Session) -> Iterator[Prefetched]:
        for start in range(0, len(some), _AT_ONCE):
            names = [each.id for each in some[start : start + _AT_ONCE]]
            for found in aws.client("codebuild").batch_get_projects(names=names)["projects"]:
                yield Prefetched("codebuild", "BatchGetProjects", {"names": [found["name"]]}, {"projects": [found]})

    def described(self, aws: Session) -> Mapping[str, Any]:
        """As BatchGetProjects tells it, which has no error for one that isn't there."""
        found = aws.client("codebuild").batch_get_projects(names=[self.id])["projects"]
        if not found:
            raise ClientError(
                {"Error": {"Code": "ResourceNotFoundException", "Message": f"no project {self.id}"}}, "BatchGetProjects"
            )
        return found[0]  # type: ignore[no-any-return]

    def tags(self, aws: Session) -> Mapping[str, str]:
        return {tag["key"]: tag.get("value", "") for tag in self.described(aws).get("tags") or []}
