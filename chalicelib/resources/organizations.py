"""AWS Organizations. It reports to one region of a partition; its policies belong to the management account."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from chalicelib.core.partitions import partition
from chalicelib.core.resource import Resource
from chalicelib.resources.absent import absent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from chalicelib.core.event import Event
    from chalicelib.core.session import Session

_POLICY = re.compile(r"p-[0-9a-zA-Z_]{8,128}")
"""https://docs.aws.amazon.com/organizations/latest/APIReference/API_PolicySummary.html."""


@dataclass(frozen=True, slots=True)
class OrganizationPolicy(Resource):
    """A policy, as in `p-examplepolicyid111`. Its own ARN names the organization, which no event does: this is ours."""

    cloudformation_type: ClassVar[str] = "AWS::Organizations::Policy"
    gone: ClassVar[frozenset[str]] = frozenset({"PolicyNotFoundException"})
    tag_reads: ClassVar[tuple[str, ...]] = ("organizations:ListTagsForResource",)
    list_reads: ClassVar[tuple[str, ...]] = ("organizations:DescribeOrganization",)

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:organizations::{self.account}:policy/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        for policy in event.names("policyId"):
            if _POLICY.fullmatch(policy):
                yield cls(policy, event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        """Those that the settings protect: no list tells which account they are of, so they are looked for by id."""
        with absent("AWSOrganizationsNotInUseException"):
            organizations: Any = aws.client("organizations")
            management = organizations.describe_organization()["Organization"]["MasterAccountId"]
            for policy in sorted(aws.baseline.require.scps) if management == aws.account else ():
                yield cls(policy, aws.account, aws.region)

    def tags(self, aws: Session) -> Mapping[str, str]:
        organizations: Any = aws.client("organizations")
        pages = organizations.get_paginator("list_tags_for_resource").paginate(ResourceId=self.id)
        return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}
