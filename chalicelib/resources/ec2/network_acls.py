"""Network ACLs, an entry at a time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from chalicelib.core.event import dig
from chalicelib.core.partitions import partition
from chalicelib.resources.absent import absent
from chalicelib.resources.ec2.described import Described, ids_in_request, is_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mypy_boto3_ec2.type_defs import (
        NetworkAclEntryTypeDef,
    )

    from chalicelib.core.event import Event
    from chalicelib.core.session import Session


@dataclass(frozen=True, slots=True)
class NetworkAclEntry(Described):
    """One ingress rule of a network ACL, by its number, as in `acl-0123/100`."""

    cloudformation_type: ClassVar[str] = "AWS::EC2::NetworkAclEntry"
    described_by: ClassVar[tuple[str, str, str, str]] = (
        "network_acls",
        "NetworkAclIds",
        "network-acl-id",
        "NetworkAclId",
    )
    gone: ClassVar[frozenset[str]] = frozenset({"InvalidNetworkAclID.NotFound", "InvalidNetworkAclID.Malformed"})
    tag_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeNetworkAcls",)
    list_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeNetworkAcls",)
    batch_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeNetworkAcls",)
    affecting: ClassVar[frozenset[str]] = frozenset(
        {"DeleteNetworkAclEntry", "ReplaceNetworkAclEntry", "ReplaceNetworkAclAssociation"}
    )
    affected_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeNetworkAcls",)

    @property
    def acl(self) -> str:
        return self.id.partition("/")[0]

    @property
    def described_id(self) -> str:
        return self.acl

    @property
    def number(self) -> int:
        return int(self.id.partition("/")[2])

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:ec2:{self.region}:{self.account}:network-acl/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        number = _ingress_number(event)
        for acl in ids_in_request(event, "networkAclId"):
            if is_id("acl", acl) and number is not None and event.name != "DeleteNetworkAclEntry":
                yield cls(f"{acl}/{number}", event.account, event.region)

    @classmethod
    def affected(cls, event: Event, aws: Session) -> Iterable[Self]:
        """The rules that allow something and that what was deleted or replaced may have kept from being tried.

        Those are the ones with a higher number, of the subnet's new ACL all.
        """
        number = 0 if event.name == "ReplaceNetworkAclAssociation" else _ingress_number(event)
        for acl in ids_in_request(event, "networkAclId"):
            if is_id("acl", acl) and number is not None:
                with absent(*cls.gone):
                    for entry in cls(f"{acl}/{number}", event.account, event.region).listed(aws):
                        if number < entry["RuleNumber"] < LAST and entry["RuleAction"] == "allow":
                            yield cls(f"{acl}/{entry['RuleNumber']}", event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        filters: Any = [{"Name": "owner-id", "Values": [aws.account]}]
        for page in aws.client("ec2").get_paginator("describe_network_acls").paginate(Filters=filters):
            for acl in page["NetworkAcls"]:
                for entry in acl["Entries"]:
                    if not entry["Egress"] and entry["RuleNumber"] < LAST:
                        yield cls(f"{acl['NetworkAclId']}/{entry['RuleNumber']}", aws.account, aws.region)

    def listed(self, aws: Session) -> list[NetworkAclEntryTypeDef]:
        """The ACL's ingress rules, as they are tried: by their numbers."""
        (found,) = aws.client("ec2").describe_network_acls(NetworkAclIds=[self.acl])["NetworkAcls"]
        return sorted((each for each in found["Entries"] if not each["Egress"]), key=lambda each: each["RuleNumber"])

    def is_default(self, aws: Session) -> bool:
        """Whether AWS made the ACL, with its VPC."""
        (found,) = aws.client("ec2").describe_network_acls(NetworkAclIds=[self.acl])["NetworkAcls"]
        return found["IsDefault"]

    def tags(self, aws: Session) -> Mapping[str, str]:
        (found,) = aws.client("ec2").describe_network_acls(NetworkAclIds=[self.acl])["NetworkAcls"]
        return {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])}


def _ingress_number(event: Event) -> int | None:
    """Of the ingress rule that a call names."""
    asked = dig(event.detail, "requestParameters")
    number, egress = (dig(asked, name) for name in ("ruleNumber", "egress"))
    return int(number) if re.fullmatch(r"[0-9]{1,5}", str(number)) and egress not in (True, "true") else None


LAST = 32767
"""The number of the rule that denies the rest, which every network ACL has."""
