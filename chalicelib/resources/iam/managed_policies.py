"""Customer managed policies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from chalicelib.core.partitions import global_region, partition
from chalicelib.core.resource import Resource
from chalicelib.core.session import Prefetched
from chalicelib.resources.iam.documents import PolicyVersion, as_text, authorized, policy_text, version_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from chalicelib.core.event import Event
    from chalicelib.core.session import Session

_POLICY = re.compile(r"(?:[!-~]+/)?[A-Za-z0-9_+=,.@-]{1,128}")


@dataclass(frozen=True, slots=True)
class ManagedPolicy(Resource):
    """A customer managed policy, by its path and name, as in `team/deploy`: the API asks for the whole ARN."""

    cloudformation_type: ClassVar[str] = "AWS::IAM::ManagedPolicy"
    gone: ClassVar[frozenset[str]] = frozenset({"NoSuchEntity"})
    tag_reads: ClassVar[tuple[str, ...]] = ("iam:GetPolicy",)
    list_reads: ClassVar[tuple[str, ...]] = ("iam:ListPolicies",)
    batch_reads: ClassVar[tuple[str, ...]] = ("iam:GetAccountAuthorizationDetails",)
    batch_size: ClassVar[int] = 1000

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:iam::{self.account}:policy/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        arn = event.text("policyArn") or event.answered("policy", "arn") or ""
        begin, _, name = arn.partition(":policy/")
        if begin == f"arn:{partition(event.region)}:iam::{event.account}" and _POLICY.fullmatch(name):
            yield cls(name, event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        if aws.region != global_region(aws.region):
            return
        for page in aws.client("iam").get_paginator("list_policies").paginate(Scope="Local"):
            for policy in page["Policies"]:
                yield cls(policy["Arn"].partition(":policy/")[2], aws.account, aws.region)

    @classmethod
    def batch_read(cls, some: Sequence[Self], aws: Session) -> Iterator[Prefetched]:
        wanted = {each.arn for each in some}
        for found in authorized(aws, "LocalManagedPolicy", "Policies"):
            if found["Arn"] in wanted:
                yield from _of_policy(found)

    def described(self, aws: Session) -> Mapping[str, Any]:
        """What GetPolicy tells: DefaultVersionId, AttachmentCount, PermissionsBoundaryUsageCount, Tags…"""
        found: Mapping[str, Any] = aws.client("iam").get_policy(PolicyArn=self.arn)["Policy"]
        return found

    def text(self, aws: Session) -> str:
        """Of its default version."""
        return policy_text(self.arn, aws)

    def versions(self, aws: Session) -> list[PolicyVersion]:
        """The oldest first."""
        with as_text(aws) as iam:
            pages = iam.get_paginator("list_policy_versions").paginate(PolicyArn=self.arn)
            found = [
                PolicyVersion(
                    each["VersionId"], version_text(iam, self.arn, each["VersionId"]), each["IsDefaultVersion"]
                )
                for each in [each for page in pages for each in page["Versions"]]
            ]
        return sorted(found, key=lambda version: int(version.id.removeprefix("v")))

    def tags(self, aws: Session) -> Mapping[str, str]:
        return {tag["Key"]: tag["Value"] for tag in self.described(aws).get("Tags", [])}


def _of_policy(found: Mapping[str, Any]) -> Iterator[Prefetched]:
    """But for its tags, which are asked for when it is unsafe."""
    asked = {"PolicyArn": found["Arn"]}
    yield Prefetched("iam", "GetPolicy", asked, {"Policy": found})
    for each in found["PolicyVersionList"]:
        version = {**asked, "VersionId": each["VersionId"]}
        yield Prefetched("iam", "GetPolicyVersion", version, {"PolicyVersion": each})
