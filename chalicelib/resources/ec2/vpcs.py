"""VPCs and subnets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from chalicelib.core.partitions import partition
from chalicelib.core.session import Prefetched
from chalicelib.resources.ec2.described import (
    FILTERED,
    Described,
    described_pages,
    ids_in_request,
    ids_in_response,
    is_id,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mypy_boto3_ec2.type_defs import (
        SubnetTypeDef,
    )

    from chalicelib.core.event import Event
    from chalicelib.core.session import Session


@dataclass(frozen=True, slots=True)
class Vpc(Described):
    """A virtual private cloud, by id; of those shared with the account, none."""

    cloudformation_type: ClassVar[str] = "AWS::EC2::VPC"
    described_by: ClassVar[tuple[str, str, str, str]] = ("vpcs", "VpcIds", "vpc-id", "VpcId")
    gone: ClassVar[frozenset[str]] = frozenset({"InvalidVpcID.NotFound", "InvalidVpcID.Malformed"})
    affecting: ClassVar[frozenset[str]] = frozenset({"DeleteFlowLogs"})
    affected_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeVpcs",)
    tag_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeVpcs",)
    list_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeVpcs",)
    batch_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeVpcs", "ec2:DescribeFlowLogs")

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:ec2:{self.region}:{self.account}:vpc/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        for vpc in ids_in_response(event, "vpc", "vpcId"):
            if is_id("vpc", vpc):
                yield cls(vpc, event.account, event.region)

    @classmethod
    def affected(cls, event: Event, aws: Session) -> Iterable[Self]:
        """All: DeleteFlowLogs tells the ids of the flow logs, which are no more."""
        return cls.all_in(aws)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        filters: Any = [{"Name": "owner-id", "Values": [aws.account]}]
        for page in aws.client("ec2").get_paginator("describe_vpcs").paginate(Filters=filters):
            for vpc in page["Vpcs"]:
                yield cls(vpc["VpcId"], aws.account, aws.region)

    @classmethod
    def batch_read(cls, some: Sequence[Self], aws: Session) -> Iterator[Prefetched]:
        """Their flow logs too."""
        # `super()` alone fails: with slots, the decorator makes a new class.
        yield from super(Vpc, cls).batch_read(some, aws)
        for start in range(0, len(some), FILTERED):
            ids = [each.id for each in some[start : start + FILTERED]]
            logs: dict[str, list[Any]] = {vpc: [] for vpc in ids}
            for page in described_pages(aws, "describe_flow_logs", Filters=[{"Name": "resource-id", "Values": ids}]):
                for each in page["FlowLogs"]:
                    logs[each["ResourceId"]].append(each)
            for vpc, found in logs.items():
                asked = {"Filters": [{"Name": "resource-id", "Values": [vpc]}]}
                yield Prefetched("ec2", "DescribeFlowLogs", asked, {"FlowLogs": found})

    def tags(self, aws: Session) -> Mapping[str, str]:
        (found,) = aws.client("ec2").describe_vpcs(VpcIds=[self.id])["Vpcs"]
        return {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])}


@dataclass(frozen=True, slots=True)
class Subnet(Described):
    """A subnet of a VPC, by id; of those shared with the account, none."""

    cloudformation_type: ClassVar[str] = "AWS::EC2::Subnet"
    described_by: ClassVar[tuple[str, str, str, str]] = ("subnets", "SubnetIds", "subnet-id", "SubnetId")
    gone: ClassVar[frozenset[str]] = frozenset({"InvalidSubnetID.NotFound", "InvalidSubnetID.Malformed"})
    tag_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeSubnets",)
    list_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeSubnets",)
    batch_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeSubnets",)

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:ec2:{self.region}:{self.account}:subnet/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        for subnet in (*ids_in_request(event, "subnetId"), *ids_in_response(event, "subnet", "subnetId")):
            if is_id("subnet", subnet):
                yield cls(subnet, event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        filters: Any = [{"Name": "owner-id", "Values": [aws.account]}]
        for page in aws.client("ec2").get_paginator("describe_subnets").paginate(Filters=filters):
            for subnet in page["Subnets"]:
                yield cls(subnet["SubnetId"], aws.account, aws.region)

    def described(self, aws: Session) -> SubnetTypeDef:
        (found,) = aws.client("ec2").describe_subnets(SubnetIds=[self.id])["Subnets"]
        return found

    def tags(self, aws: Session) -> Mapping[str, str]:
        return {tag["Key"]: tag["Value"] for tag in self.described(aws).get("Tags", [])}
