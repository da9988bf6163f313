"""Instance profiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from chalicelib.core.partitions import global_region, partition
from chalicelib.core.resource import Resource
from chalicelib.resources.iam.names import NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from chalicelib.core.event import Event
    from chalicelib.core.session import Session


@dataclass(frozen=True, slots=True)
class InstanceProfile(Resource):
    """What gives instances a role, by its name. Like a role's, its `arn` has no path."""

    cloudformation_type: ClassVar[str] = "AWS::IAM::InstanceProfile"
    gone: ClassVar[frozenset[str]] = frozenset({"NoSuchEntity"})
    arn_reads: ClassVar[tuple[str, ...]] = ("iam:GetInstanceProfile",)
    tag_reads: ClassVar[tuple[str, ...]] = ("iam:GetInstanceProfile",)
    list_reads: ClassVar[tuple[str, ...]] = ("iam:ListInstanceProfiles",)

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:iam::{self.account}:instance-profile/{self.id}"

    def arns(self, aws: Session) -> tuple[str, ...]:
        return (self.described(aws)["Arn"], self.arn)

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        for name in event.names("instanceProfileName"):
            if NAME.fullmatch(name):
                yield cls(name, event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        if aws.region != global_region(aws.region):
            return
        for page in aws.client("iam").get_paginator("list_instance_profiles").paginate():
            for each in page["InstanceProfiles"]:
                yield cls(each["InstanceProfileName"], aws.account, aws.region)

    def described(self, aws: Session) -> Mapping[str, Any]:
        """With its `Roles`: one at most."""
        return aws.client("iam").get_instance_profile(InstanceProfileName=self.id)["InstanceProfile"]

    def tags(self, aws: Session) -> Mapping[str, str]:
        return {tag["Key"]: tag["Value"] for tag in self.described(aws).get("Tags", [])}
