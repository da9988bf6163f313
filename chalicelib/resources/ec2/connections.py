"""What joins VPCs: peering connections and transit gateways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from chalicelib.core.partitions import partition
from chalicelib.resources.ec2.described import Described, ids_in_request, ids_in_response, is_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mypy_boto3_ec2.type_defs import (
        TransitGatewayTypeDef,
        VpcPeeringConnectionTypeDef,
    )

    from chalicelib.core.event import Event
    from chalicelib.core.session import Session


@dataclass(frozen=True, slots=True)
class Peering(Described):
    """A VPC peering connection, by id."""

    cloudformation_type: ClassVar[str] = "AWS::EC2::VPCPeeringConnection"
    described_by: ClassVar[tuple[str, str, str, str]] = (
        "vpc_peering_connections",
        "VpcPeeringConnectionIds",
        "vpc-peering-connection-id",
        "VpcPeeringConnectionId",
    )
    gone: ClassVar[frozenset[str]] = frozenset(
        {"InvalidVpcPeeringConnectionID.NotFound", "InvalidVpcPeeringConnectionId.Malformed"}
    )
    tag_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeVpcPeeringConnections",)
    list_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeVpcPeeringConnections",)
    batch_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeVpcPeeringConnections",)

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:ec2:{self.region}:{self.account}:vpc-peering-connection/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        name = "vpcPeeringConnectionId"
        for peering in (*ids_in_request(event, name), *ids_in_response(event, "vpcPeeringConnection", name)):
            if is_id("pcx", peering):
                yield cls(peering, event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        for page in aws.client("ec2").get_paginator("describe_vpc_peering_connections").paginate():
            for peering in page["VpcPeeringConnections"]:
                yield cls(peering["VpcPeeringConnectionId"], aws.account, aws.region)

    def described(self, aws: Session) -> VpcPeeringConnectionTypeDef:
        answer = aws.client("ec2").describe_vpc_peering_connections(VpcPeeringConnectionIds=[self.id])
        (found,) = answer["VpcPeeringConnections"]
        return found

    def tags(self, aws: Session) -> Mapping[str, str]:
        return {tag["Key"]: tag["Value"] for tag in self.described(aws).get("Tags", [])}


@dataclass(frozen=True, slots=True)
class TransitGateway(Described):
    """A transit gateway, by id; of those shared with the account, none."""

    cloudformation_type: ClassVar[str] = "AWS::EC2::TransitGateway"
    described_by: ClassVar[tuple[str, str, str, str]] = (
        "transit_gateways",
        "TransitGatewayIds",
        "transit-gateway-id",
        "TransitGatewayId",
    )
    gone: ClassVar[frozenset[str]] = frozenset(
        {"InvalidTransitGatewayID.NotFound", "InvalidTransitGatewayID.Malformed"}
    )
    tag_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeTransitGateways",)
    list_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeTransitGateways",)
    batch_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeTransitGateways",)

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:ec2:{self.region}:{self.account}:transit-gateway/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        name = "transitGatewayId"
        for gateway in (*ids_in_request(event, name), *ids_in_response(event, "transitGateway", name)):
            if is_id("tgw", gateway):
                yield cls(gateway, event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        filters: Any = [{"Name": "owner-id", "Values": [aws.account]}]
        for page in aws.client("ec2").get_paginator("describe_transit_gateways").paginate(Filters=filters):
            for gateway in page["TransitGateways"]:
                yield cls(gateway["TransitGatewayId"], aws.account, aws.region)

    def described(self, aws: Session) -> TransitGatewayTypeDef:
        (found,) = aws.client("ec2").describe_transit_gateways(TransitGatewayIds=[self.id])["TransitGateways"]
        return found

    def tags(self, aws: Session) -> Mapping[str, str]:
        return {tag["Key"]: tag["Value"] for tag in self.described(aws).get("Tags", [])}
