"""The tags that a resource must have, and those that tell who made it, which alone can be known.

`require.required_tags` says which tags, and which of them tell the creator, the session or the time; what a team or a cost
centre is, only a person knows. See docs/decisions/0013-tags.md.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from chalicelib.core.resource import Resource
from chalicelib.core.rule import Fix, FixContext

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.ec2.instances import Instance
    from chalicelib.resources.ecr.repositories import Repository
    from chalicelib.resources.s3 import Bucket

R = TypeVar("R", bound=Resource)

MOST_TAGS = 50
"""Of a resource, those of AWS (`aws:…`) not counted. https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html"""
_LONGEST = 256
_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9 _.:/=+@-]")
"""In a value, for all services alike; a session's name, which its caller chooses, may hold a comma."""
_MARGIN = timedelta(minutes=1)
_TWICE = "us-east-1"
"""Where alone CreateBucket for a bucket that one has already succeeds, and where alone its date is that of its making.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
"""


def lacking(resource: Resource, aws: Session, type: str = "") -> str | None:
    """Which of the required tags it hasn't, or has without a value; a guardrail's whole answer.

    `type` is the CloudFormation type, where the resource's own class stands for several.
    """
    required = aws.baseline.tags_of(type or resource.cloudformation_type)
    tags = resource.tags(aws) if required else {}
    missing = [key for key in required if not tags.get(key, "").strip()]
    if not missing:
        return None
    return f"it lacks the {'tag' if len(missing) == 1 else 'tags'} {', '.join(missing)}"


class TagWithOwner(Fix[R]):
    """Set the missing tags for creator and creation time. Other tags stay.

    The state is `{"made": when, or None, "tags": {key: its value, or None}}`, of the tags that can be known only, and
    of no more than there is room for. It is filled from the event that made the resource; what was made before
    the event (`made` tells) is only reported, and so is what the daily sweep finds.
    """

    document = "tags"

    kind: ClassVar[str]
    """The CloudFormation type."""

    def made(self, resource: R, aws: Session) -> str | None:
        """When it was made, ISO 8601, where the call that makes it succeeds for an older one too."""
        return None

    @abstractmethod
    def put(self, resource: R, tags: Mapping[str, str], aws: Session) -> None:
        """Set these tags, and leave the others."""

    @abstractmethod
    def take_off(self, resource: R, keys: list[str], aws: Session) -> None:
        """Remove these tags, if they are there."""

    def read(self, resource: R, aws: Session) -> State:
        tags = resource.tags(aws)
        room = MOST_TAGS - sum(not key.startswith("aws:") for key in tags)
        wanted = [key for key, source in aws.baseline.tags_of(self.kind).items() if source]
        absent = [key for key in wanted if key not in tags][: max(room, 0)]
        kept = {key: tags.get(key) for key in wanted if key in tags or key in absent}
        return {"made": self.made(resource, aws), "tags": kept}

    def safe(self, state: State, context: FixContext) -> State:
        """Without an event nobody knows who made it."""
        actor, at = context.actor, context.at
        if actor is None or at is None:
            return state
        older = state["made"] is not None and datetime.fromisoformat(state["made"]) < at - _MARGIN
        if older or not actor.principal.startswith("arn:"):
            return state
        facts = {
            "creator": actor.principal,
            "session": actor.session or actor.name,
            "time": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        sources = context.baseline.tags_of(self.kind)
        tags = {
            key: value if value and value.strip() else _fit(facts.get(sources.get(key) or "", "")) or value
            for key, value in state["tags"].items()
        }
        return {**state, "tags": tags}

    def write(self, resource: R, state: State, aws: Session) -> None:
        if values := {key: value for key, value in state["tags"].items() if value is not None}:
            self.put(resource, values, aws)
        if absent := [key for key, value in state["tags"].items() if value is None]:
            self.take_off(resource, absent, aws)


def _fit(value: str) -> str:
    """As AWS takes it for a tag's value."""
    return _NOT_ALLOWED.sub("_", value)[:_LONGEST].strip()


def _pairs(tags: Mapping[str, str]) -> list[Any]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


class TagBucket(TagWithOwner["Bucket"]):
    """Set the bucket's missing tags for creator and creation time.

    Not by PutBucketTagging, which writes all tags over, and which a bucket with ABAC refuses.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_TagResource.html
    """

    kind = "AWS::S3::Bucket"
    reads = ("s3:GetBucketTagging", "s3:ListAllMyBuckets")
    writes = ("s3:TagResource", "s3:UntagResource")
    undo_writes = ("s3:UntagResource",)

    def made(self, resource: Bucket, aws: Session) -> str | None:
        """In other regions the call fails for a bucket that is there, and ListBuckets tells when it last changed."""
        if resource.region != _TWICE:
            return None
        pages = aws.client("s3").get_paginator("list_buckets").paginate(Prefix=resource.id)
        dates = (
            bucket["CreationDate"] for page in pages for bucket in page["Buckets"] if bucket["Name"] == resource.id
        )
        return next((date.isoformat() for date in dates), None)

    def put(self, resource: Bucket, tags: Mapping[str, str], aws: Session) -> None:
        tag_resource = aws.client("s3control").tag_resource
        tag_resource(AccountId=resource.account, ResourceArn=resource.arn, Tags=_pairs(tags))

    def take_off(self, resource: Bucket, keys: list[str], aws: Session) -> None:
        aws.client("s3control").untag_resource(AccountId=resource.account, ResourceArn=resource.arn, TagKeys=keys)


class TagInstance(TagWithOwner["Instance"]):
    """Set the instance's missing tags for creator and start time.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTags.html
    """

    kind = "AWS::EC2::Instance"
    reads = ("ec2:DescribeInstances",)
    writes = ("ec2:CreateTags", "ec2:DeleteTags")
    undo_writes = ("ec2:DeleteTags",)

    def put(self, resource: Instance, tags: Mapping[str, str], aws: Session) -> None:
        aws.client("ec2").create_tags(Resources=[resource.id], Tags=_pairs(tags))

    def take_off(self, resource: Instance, keys: list[str], aws: Session) -> None:
        aws.client("ec2").delete_tags(Resources=[resource.id], Tags=[{"Key": key} for key in keys])


class TagRepository(TagWithOwner["Repository"]):
    """Set the repository's missing tags for creator and creation time.

    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_TagResource.html
    """

    kind = "AWS::ECR::Repository"
    reads = ("ecr:ListTagsForResource",)
    writes = ("ecr:TagResource", "ecr:UntagResource")
    undo_writes = ("ecr:UntagResource",)

    def put(self, resource: Repository, tags: Mapping[str, str], aws: Session) -> None:
        aws.client("ecr").tag_resource(resourceArn=resource.arn, tags=_pairs(tags))

    def take_off(self, resource: Repository, keys: list[str], aws: Session) -> None:
        aws.client("ecr").untag_resource(resourceArn=resource.arn, tagKeys=keys)
