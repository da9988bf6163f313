"""Elastic IP addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from chalicelib.core.partitions import partition
from chalicelib.resources.ec2.described import Described, ids_in_request, is_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mypy_boto3_ec2.type_defs import (
        AddressTypeDef,
    )

    from chalicelib.core.event import Event
    from chalicelib.core.session import Session


@dataclass(frozen=True, slots=True)
class Address(Described):
    """An Elastic IP address, by its allocation id."""

    cloudformation_type: ClassVar[str] = "AWS::EC2::EIP"
    described_by: ClassVar[tuple[str, str, str, str]] = ("addresses", "AllocationIds", "allocation-id", "AllocationId")
    gone: ClassVar[frozenset[str]] = frozenset({"InvalidAllocationID.NotFound"})
    tag_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeAddresses",)
    list_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeAddresses",)
    batch_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeAddresses",)

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:ec2:{self.region}:{self.account}:elastic-ip/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        for address in ids_in_request(event, "allocationId"):
            if is_id("eipalloc", address):
                yield cls(address, event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        for address in aws.client("ec2").describe_addresses()["Addresses"]:
            if "AllocationId" in address:
                yield cls(address["AllocationId"], aws.account, aws.region)

    def described(self, aws: Session) -> AddressTypeDef:
        (found,) = aws.client("ec2").describe_addresses(AllocationIds=[self.id])["Addresses"]
        return found

    def tags(self, aws: Session) -> Mapping[str, str]:
        return {tag["Key"]: tag["Value"] for tag in self.described(aws).get("Tags", [])}
