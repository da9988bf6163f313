"""Security groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from chalicelib.core.errors import NotYet
from chalicelib.core.event import rows, text
from chalicelib.core.partitions import partition
from chalicelib.resources.absent import absent
from chalicelib.resources.ec2.described import Described, ids_in_request, is_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mypy_boto3_ec2.type_defs import (
        SecurityGroupTypeDef,
    )

    from chalicelib.core.event import Event
    from chalicelib.core.session import Session


OF_PREFIX_LISTS = ("ModifyManagedPrefixList", "RestoreManagedPrefixListVersion")
"""Calls that change whom the rules of other groups let in: those that name the list."""


@dataclass(frozen=True, slots=True)
class SecurityGroup(Described):
    """A security group, by id.

    A call may give the group's name instead (in a default VPC); the id is then in the answer, with the new rules.
    """

    cloudformation_type: ClassVar[str] = "AWS::EC2::SecurityGroup"
    described_by: ClassVar[tuple[str, str, str, str]] = ("security_groups", "GroupIds", "group-id", "GroupId")
    gone: ClassVar[frozenset[str]] = frozenset({"InvalidGroup.NotFound", "InvalidGroupId.Malformed"})
    tag_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeSecurityGroups",)
    list_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeSecurityGroups",)
    batch_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeSecurityGroups",)
    affecting: ClassVar[frozenset[str]] = frozenset(OF_PREFIX_LISTS)
    affected_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeManagedPrefixLists", "ec2:DescribeSecurityGroups")

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:ec2:{self.region}:{self.account}:security-group/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        named = [event.text("groupId"), event.text("ModifySecurityGroupRulesRequest", "GroupId")]
        answered = rows(event.detail, "responseElements", "securityGroupRuleSet")
        for group in (*named, *(text(rule, "groupId") for rule in answered)):
            if group and is_id("sg", group):
                yield cls(group, event.account, event.region)

    @classmethod
    def affected(cls, event: Event, aws: Session) -> Iterable[Self]:
        """Those with an ingress rule of the prefix list. Raises NotYet while EC2 is about the list's new entries.

        https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyManagedPrefixList.html
        """
        for wanted in ids_in_request(event, "prefixListId"):
            if not is_id("pl", wanted):
                continue
            with absent("InvalidPrefixListID.NotFound", "InvalidPrefixListId.Malformed"):
                listed = aws.client("ec2").describe_managed_prefix_lists(PrefixListIds=[wanted])["PrefixLists"]
                if any(each["State"].endswith("-in-progress") for each in listed):
                    raise NotYet(f"EC2 is still changing {wanted}")
                for group in cls._described(aws):
                    sources = [each for rule in group["IpPermissions"] for each in rule.get("PrefixListIds", ())]
                    if any(each["PrefixListId"] == wanted for each in sources):
                        yield cls(group["GroupId"], aws.account, aws.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        for group in cls._described(aws):
            yield cls(group["GroupId"], aws.account, aws.region)

    @classmethod
    def _described(cls, aws: Session) -> Iterator[SecurityGroupTypeDef]:
        pages = aws.client("ec2").get_paginator("describe_security_groups")
        for page in pages.paginate(Filters=[{"Name": "owner-id", "Values": [aws.account]}]):
            yield from page["SecurityGroups"]

    def tags(self, aws: Session) -> Mapping[str, str]:
        (group,) = aws.client("ec2").describe_security_groups(GroupIds=[self.id])["SecurityGroups"]
        return {tag["Key"]: tag["Value"] for tag in group.get("Tags", [])}


@dataclass(frozen=True, slots=True)
class DefaultGroup(SecurityGroup):
    """A VPC's default security group, which nobody can delete; in an event, any group, as only AWS says which it is."""

    list_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeSecurityGroups",)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        filters: Any = [{"Name": "owner-id", "Values": [aws.account]}, {"Name": "group-name", "Values": ["default"]}]
        for page in aws.client("ec2").get_paginator("describe_security_groups").paginate(Filters=filters):
            for group in page["SecurityGroups"]:
                yield cls(group["GroupId"], aws.account, aws.region)
