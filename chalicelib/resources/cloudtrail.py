"""CloudTrail. Calls name a trail by name or ARN, in `name` or `trailName`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from chalicelib.core.partitions import REGION, partition
from chalicelib.core.resource import Resource
from chalicelib.resources.absent import absent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from chalicelib.core.event import Event
    from chalicelib.core.session import Session

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,126}[A-Za-z0-9]")
"""https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-trail-naming-requirements.html"""
_ARN = re.compile(rf"arn:[a-z-]+:cloudtrail:({REGION.pattern}):([0-9]{{12}}):trail/({_NAME.pattern})")


@dataclass(frozen=True, slots=True)
class Trail(Resource):
    """A trail by name, in its home region and the account that owns it.

    Its shadows in other regions, and an organization's trail as its member accounts see it, can't be changed from there:
    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/creating-trail-organization.html. A deleted trail is a
    finding and not `gone`.
    """

    cloudformation_type: ClassVar[str] = "AWS::CloudTrail::Trail"
    tag_reads: ClassVar[tuple[str, ...]] = ("cloudtrail:ListTags",)
    list_reads: ClassVar[tuple[str, ...]] = ("cloudtrail:ListTrails",)

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:cloudtrail:{self.region}:{self.account}:trail/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        """A bare name is a trail of the caller's own account: only an ARN can name another's, as a delegated administrator's
        call does. https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetTrailStatus.html
        """
        name = event.answered("trailARN") or next(event.names("name", "trailName"), None)
        if name is None:
            return
        if _NAME.fullmatch(name):
            yield cls(name, event.account, event.region)
        elif (arn := _ARN.fullmatch(name)) and arn[2] == event.account:
            yield cls(arn[3], event.account, arn[1])

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        for page in aws.client("cloudtrail").get_paginator("list_trails").paginate():
            for trail in page["Trails"]:
                arn = _ARN.fullmatch(trail["TrailARN"])
                if arn and arn[1] == aws.region and arn[2] == aws.account:
                    yield cls(arn[3], aws.account, aws.region)

    def tags(self, aws: Session) -> Mapping[str, str]:
        """None of a deleted trail."""
        found: dict[str, str] = {}
        with absent("ResourceNotFoundException"):
            for page in aws.client("cloudtrail").get_paginator("list_tags").paginate(ResourceIdList=[self.arn]):
                for listed in page["ResourceTagList"]:
                    found |= {tag["Key"]: tag.get("Value", "") for tag in listed["TagsList"]}
        return found
