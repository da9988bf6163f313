"""EC2. Newer calls are wrapped in CloudTrail, as in `{"ModifySecurityGroupRulesRequest": {"GroupId": …}}`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from chalicelib.core.event import dig, rows, text
from chalicelib.core.pattern import Pattern, native
from chalicelib.core.ports import Told
from chalicelib.core.resource import Resource, partition

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mypy_boto3_ec2.type_defs import (
        AddressTypeDef,
        InstanceTypeDef,
        NetworkAclEntryTypeDef,
        SubnetTypeDef,
        TransitGatewayTypeDef,
        VolumeTypeDef,
        VpcPeeringConnectionTypeDef,
    )

    from chalicelib.core.event import Event
    from chalicelib.core.ports import Session

COMPROMISED: Pattern = {
    **native("aws.guardduty", "GuardDuty Finding"),
    "detail": {
        "type": [{"wildcard": "*:EC2/*"}, {"wildcard": "*:Runtime/*"}],
        "resource": {"resourceType": ["Instance"]},
        "severity": [{"numeric": [">=", 7]}],
    },
}
"""GuardDuty's findings about an instance, of severity high or critical.

https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-ec2.html
"""


def _is(prefix: str, id: str) -> bool:
    """Whether EC2 takes it for an id of this kind.

    Another prefix is InvalidParameterValue to EC2, which can mean anything, so it is never `gone`; digits that aren't
    hexadecimal are an error of their own, `…Malformed`, and are.
    """
    return re.fullmatch(rf"{prefix}-[0-9A-Za-z]{{1,32}}", id) is not None


@dataclass(frozen=True, slots=True)
class _Described(Resource):
    """What a call tells of by ids, and of many by a filter, which has no error for those that are gone.

    https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html asks for filters and pages.
    """

    told_by: ClassVar[tuple[str, str, str, str]]
    """How the call is named, and then the ids in it, the filter and the id in the answer: `volumes`, `VolumeIds`, …"""

    @property
    def own(self) -> str:
        """The id that is asked for."""
        return self.id

    @classmethod
    def in_bulk(cls, some: Sequence[Self], aws: Session) -> Iterator[Told]:
        called, asked, filter_name, key = cls.told_by
        operation = "Describe" + "".join(word.title() for word in called.split("_"))
        wanted = sorted({each.own for each in some})
        for start in range(0, len(wanted), _FILTERED):
            values = wanted[start : start + _FILTERED]
            for page in _pages(aws, f"describe_{called}", Filters=[{"Name": filter_name, "Values": values}]):
                for each in cls._in(page):
                    yield Told("ec2", operation, {asked: [each[key]]}, cls._alone(page, each))

    @classmethod
    def _in(cls, page: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return page[cls._list()]  # type: ignore[no-any-return]

    @classmethod
    def _alone(cls, page: Mapping[str, Any], each: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG003
        return {cls._list(): [each]}

    @classmethod
    def _list(cls) -> str:
        return "".join(word.title() for word in cls.told_by[0].split("_"))


_FILTERED = 200
"""Values that a filter takes: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Filter.html."""


def _pages(aws: Session, call: str, **asked: Any) -> Iterator[Mapping[str, Any]]:
    client: Any = aws.client("ec2")
    if client.can_paginate(call):
        yield from client.get_paginator(call).paginate(**asked)
    else:
        yield getattr(client, call)(**asked)


@dataclass(frozen=True, slots=True)
class SecurityGroup(_Described):
    """A security group, by id.

    A call may give the group's name instead (in a default VPC); the id is then in the answer, with the new rules.
    """

    cloudformation_type: ClassVar[str] = "AWS::EC2::SecurityGroup"
    told_by: ClassVar[tuple[str, str, str, str]] = ("security_groups", "GroupIds", "group-id", "GroupId")
    gone: ClassVar[frozenset[str]] = frozenset({"InvalidGroup.NotFound", "InvalidGroupId.Malformed"})
    tag_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeSecurityGroups",)
    list_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeSecurityGroups",)
    bulk_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeSecurityGroups",)

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:ec2:{self.region}:{self.account}:security-group/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        named = [event.text("groupId"), event.text("ModifySecurityGroupRulesRequest", "GroupId")]
        answered = rows(event.detail, "responseElements", "securityGroupRuleSet")
        for group in (*named, *(text(rule, "groupId") for rule in answered)):
            if group and _is("sg", group):
                yield cls(group, event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        pages = aws.client("ec2").get_paginator("describe_security_groups")
        for page in pages.paginate(Filters=[{"Name": "owner-id", "Values": [aws.account]}]):
            for group in page["SecurityGroups"]:
                yield cls(group["GroupId"], aws.account, aws.region)

    def tags(self, aws: Session) -> Mapping[str, str]:
        (group,) = aws.client("ec2").describe_security_groups(GroupIds=[self.id])["SecurityGroups"]
        return {tag["Key"]: tag["Value"] for tag in group.get("Tags", [])}


@dataclass(frozen=True, slots=True)
class Snapshot(Resource):
    """An EBS snapshot, by id."""

    cloudformation_type: ClassVar[str] = "AWS::EC2::Snapshot"
    gone: ClassVar[frozenset[str]] = frozenset({"InvalidSnapshot.NotFound", "InvalidSnapshotID.Malformed"})
    tag_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeSnapshots",)
    list_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeSnapshots",)

    @property
    def arn(self) -> str:
        # AWS leaves the account out of the ARN of what may be shared.
        return f"arn:{partition(self.region)}:ec2:{self.region}::snapshot/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        for snapshot in event.names("snapshotId"):
            if _is("snap", snapshot):
                yield cls(snapshot, event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        for page in aws.client("ec2").get_paginator("describe_snapshots").paginate(OwnerIds=["self"]):
            for snapshot in page["Snapshots"]:
                yield cls(snapshot["SnapshotId"], aws.account, aws.region)

    def tags(self, aws: Session) -> Mapping[str, str]:
        (snapshot,) = aws.client("ec2").describe_snapshots(SnapshotIds=[self.id])["Snapshots"]
        return {tag["Key"]: tag["Value"] for tag in snapshot.get("Tags", [])}


@dataclass(frozen=True, slots=True)
class Image(Resource):
    """An Amazon machine image (AMI), by id."""

    cloudformation_type: ClassVar[str] = "AWS::EC2::Image"
    gone: ClassVar[frozenset[str]] = frozenset(
        {"InvalidAMIID.NotFound", "InvalidAMIID.Unavailable", "InvalidAMIID.Malformed"}
    )
    tag_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeImages",)
    list_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeImages",)

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:ec2:{self.region}::image/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        for image in event.names("imageId"):
            if _is("ami", image):
                yield cls(image, event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        for page in aws.client("ec2").get_paginator("describe_images").paginate(Owners=["self"]):
            for image in page["Images"]:
                yield cls(image["ImageId"], aws.account, aws.region)

    def tags(self, aws: Session) -> Mapping[str, str]:
        found = aws.client("ec2").describe_images(ImageIds=[self.id])["Images"]
        return {tag["Key"]: tag["Value"] for image in found for tag in image.get("Tags", [])}


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


@dataclass(frozen=True, slots=True)
class Instance(_Described):
    """A virtual machine, by id. It is described for about an hour after it was terminated."""

    cloudformation_type: ClassVar[str] = "AWS::EC2::Instance"
    told_by: ClassVar[tuple[str, str, str, str]] = ("instances", "InstanceIds", "instance-id", "InstanceId")
    gone: ClassVar[frozenset[str]] = frozenset({"InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed"})
    tag_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeInstances",)
    list_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeInstances",)
    bulk_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeInstances", "inspector2:ListFindings")

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:ec2:{self.region}:{self.account}:instance/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        launched = rows(event.detail, "responseElements", "instancesSet")
        for instance in (
            *_asked(event, "instanceId"),
            *_answered(event, "iamInstanceProfileAssociation", "instanceId"),
            *(text(each, "instanceId") for each in launched),
            *_scanned(event),
        ):
            if instance and _is("i", instance):
                yield cls(instance, event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        for page in aws.client("ec2").get_paginator("describe_instances").paginate():
            for reservation in page["Reservations"]:
                for instance in reservation["Instances"]:
                    yield cls(instance["InstanceId"], aws.account, aws.region)

    @classmethod
    def in_bulk(cls, some: Sequence[Self], aws: Session) -> Iterator[Told]:
        """Which of them the internet reaches, by Amazon Inspector, too."""
        yield from super(Instance, cls).in_bulk(some, aws)  # With slots, the class is made anew.
        for start in range(0, len(some), _INSPECTED):
            ids = [each.id for each in some[start : start + _INSPECTED]]
            found: dict[str, list[Any]] = {instance: [] for instance in ids}
            for each in inspected(aws, ids, **REACHED):
                for instance in {text(one, "id") or "" for one in rows(each, "resources")} & found.keys():
                    found[instance].append(each)
            for instance, findings in found.items():
                asked = {"filterCriteria": _criteria([instance], **REACHED)}
                yield Told("inspector2", "ListFindings", asked, {"findings": findings})

    @classmethod
    def _in(cls, page: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return [each for reservation in page["Reservations"] for each in reservation["Instances"]]

    @classmethod
    def _alone(cls, page: Mapping[str, Any], each: Mapping[str, Any]) -> Mapping[str, Any]:
        (reservation,) = (one for one in page["Reservations"] if each in one["Instances"])
        return {"Reservations": [{**reservation, "Instances": [each]}]}

    def described(self, aws: Session) -> InstanceTypeDef | None:
        """What DescribeInstances tells; None when it is terminated, or about to be."""
        (reservation,) = aws.client("ec2").describe_instances(InstanceIds=[self.id])["Reservations"]
        (found,) = reservation["Instances"]
        return None if found["State"]["Name"] in {"shutting-down", "terminated"} else found

    def tags(self, aws: Session) -> Mapping[str, str]:
        found = self.described(aws)
        return {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])} if found else {}


@dataclass(frozen=True, slots=True)
class Suspect(Resource):
    """An instance that GuardDuty told of at a time, as in `i-0123/2026-11-23T10:00:00Z`.

    The ARN is the instance's own: what is said about it in the settings holds for it.
    """

    cloudformation_type: ClassVar[str] = "AWS::EC2::Instance"
    gone: ClassVar[frozenset[str]] = Instance.gone
    tag_reads: ClassVar[tuple[str, ...]] = Instance.tag_reads

    @property
    def arn(self) -> str:
        return self.instance.arn

    @property
    def instance(self) -> Instance:
        return Instance(self.id.partition("/")[0], self.account, self.region)

    @property
    def since(self) -> str:
        """In UTC, to the second."""
        return self.id.partition("/")[2]

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        """Of a finding about the event's own account. A port that is probed is open, and nobody is in yet."""
        instance = text(event.detail, "resource", "instanceDetails", "instanceId")
        probed = (text(event.detail, "type") or "").startswith("Recon:EC2/PortProbe")
        own = text(event.detail, "accountId") in {None, event.account}
        if instance and _is("i", instance) and own and not probed:
            since = event.time.isoformat(timespec="seconds").replace("+00:00", "Z")
            yield cls(f"{instance}/{since}", event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:  # noqa: ARG003 - no list of EC2 tells which are compromised
        """None: only the event tells."""
        return iter(())

    def tags(self, aws: Session) -> Mapping[str, str]:
        return self.instance.tags(aws)


@dataclass(frozen=True, slots=True)
class Address(_Described):
    """An Elastic IP address, by its allocation id."""

    cloudformation_type: ClassVar[str] = "AWS::EC2::EIP"
    told_by: ClassVar[tuple[str, str, str, str]] = ("addresses", "AllocationIds", "allocation-id", "AllocationId")
    gone: ClassVar[frozenset[str]] = frozenset({"InvalidAllocationID.NotFound"})
    tag_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeAddresses",)
    list_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeAddresses",)
    bulk_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeAddresses",)

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:ec2:{self.region}:{self.account}:elastic-ip/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        for address in _asked(event, "allocationId"):
            if _is("eipalloc", address):
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


@dataclass(frozen=True, slots=True)
class Volume(_Described):
    """An EBS volume, by id."""

    cloudformation_type: ClassVar[str] = "AWS::EC2::Volume"
    told_by: ClassVar[tuple[str, str, str, str]] = ("volumes", "VolumeIds", "volume-id", "VolumeId")
    gone: ClassVar[frozenset[str]] = frozenset({"InvalidVolume.NotFound", "InvalidVolumeID.Malformed"})
    tag_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeVolumes",)
    list_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeVolumes",)
    bulk_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeVolumes",)

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:ec2:{self.region}:{self.account}:volume/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        for volume in _answered(event, "volumeId"):
            if _is("vol", volume):
                yield cls(volume, event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        for page in aws.client("ec2").get_paginator("describe_volumes").paginate():
            for volume in page["Volumes"]:
                yield cls(volume["VolumeId"], aws.account, aws.region)

    def described(self, aws: Session) -> VolumeTypeDef:
        (found,) = aws.client("ec2").describe_volumes(VolumeIds=[self.id])["Volumes"]
        return found

    def tags(self, aws: Session) -> Mapping[str, str]:
        return {tag["Key"]: tag["Value"] for tag in self.described(aws).get("Tags", [])}


@dataclass(frozen=True, slots=True)
class Vpc(_Described):
    """A virtual private cloud, by id; of those shared with the account, none."""

    cloudformation_type: ClassVar[str] = "AWS::EC2::VPC"
    told_by: ClassVar[tuple[str, str, str, str]] = ("vpcs", "VpcIds", "vpc-id", "VpcId")
    gone: ClassVar[frozenset[str]] = frozenset({"InvalidVpcID.NotFound", "InvalidVpcID.Malformed"})
    tag_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeVpcs",)
    list_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeVpcs",)
    bulk_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeVpcs", "ec2:DescribeFlowLogs")

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:ec2:{self.region}:{self.account}:vpc/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        for vpc in _answered(event, "vpc", "vpcId"):
            if _is("vpc", vpc):
                yield cls(vpc, event.account, event.region)

    @classmethod
    def unnamed(cls, event: Event) -> bool:
        """DeleteFlowLogs tells the ids of the flow logs, which are no more."""
        return event.name == "DeleteFlowLogs"

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        filters: Any = [{"Name": "owner-id", "Values": [aws.account]}]
        for page in aws.client("ec2").get_paginator("describe_vpcs").paginate(Filters=filters):
            for vpc in page["Vpcs"]:
                yield cls(vpc["VpcId"], aws.account, aws.region)

    @classmethod
    def in_bulk(cls, some: Sequence[Self], aws: Session) -> Iterator[Told]:
        """Their flow logs too."""
        yield from super(Vpc, cls).in_bulk(some, aws)  # With slots, the class is made anew.
        for start in range(0, len(some), _FILTERED):
            ids = [each.id for each in some[start : start + _FILTERED]]
            logs: dict[str, list[Any]] = {vpc: [] for vpc in ids}
            for page in _pages(aws, "describe_flow_logs", Filters=[{"Name": "resource-id", "Values": ids}]):
                for each in page["FlowLogs"]:
                    logs[each["ResourceId"]].append(each)
            for vpc, found in logs.items():
                asked = {"Filters": [{"Name": "resource-id", "Values": [vpc]}]}
                yield Told("ec2", "DescribeFlowLogs", asked, {"FlowLogs": found})

    def tags(self, aws: Session) -> Mapping[str, str]:
        (found,) = aws.client("ec2").describe_vpcs(VpcIds=[self.id])["Vpcs"]
        return {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])}


@dataclass(frozen=True, slots=True)
class Subnet(_Described):
    """A subnet of a VPC, by id; of those shared with the account, none."""

    cloudformation_type: ClassVar[str] = "AWS::EC2::Subnet"
    told_by: ClassVar[tuple[str, str, str, str]] = ("subnets", "SubnetIds", "subnet-id", "SubnetId")
    gone: ClassVar[frozenset[str]] = frozenset({"InvalidSubnetID.NotFound", "InvalidSubnetID.Malformed"})
    tag_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeSubnets",)
    list_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeSubnets",)
    bulk_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeSubnets",)

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:ec2:{self.region}:{self.account}:subnet/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        for subnet in (*_asked(event, "subnetId"), *_answered(event, "subnet", "subnetId")):
            if _is("subnet", subnet):
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


@dataclass(frozen=True, slots=True)
class NetworkAclEntry(_Described):
    """One ingress rule of a network ACL, by its number, as in `acl-0123/100`."""

    cloudformation_type: ClassVar[str] = "AWS::EC2::NetworkAclEntry"
    told_by: ClassVar[tuple[str, str, str, str]] = ("network_acls", "NetworkAclIds", "network-acl-id", "NetworkAclId")
    gone: ClassVar[frozenset[str]] = frozenset({"InvalidNetworkAclID.NotFound", "InvalidNetworkAclID.Malformed"})
    tag_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeNetworkAcls",)
    list_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeNetworkAcls",)
    bulk_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeNetworkAcls",)

    @property
    def acl(self) -> str:
        return self.id.partition("/")[0]

    @property
    def own(self) -> str:
        return self.acl

    @property
    def number(self) -> int:
        return int(self.id.partition("/")[2])

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:ec2:{self.region}:{self.account}:network-acl/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        asked = dig(event.detail, "requestParameters")
        number, egress = (dig(asked, name) for name in ("ruleNumber", "egress"))
        for acl in _asked(event, "networkAclId"):
            if _is("acl", acl) and re.fullmatch(r"[0-9]{1,5}", str(number)) and egress not in (True, "true"):
                yield cls(f"{acl}/{int(number)}", event.account, event.region)

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

    def tags(self, aws: Session) -> Mapping[str, str]:
        (found,) = aws.client("ec2").describe_network_acls(NetworkAclIds=[self.acl])["NetworkAcls"]
        return {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])}


LAST = 32767
"""The number of the rule that denies the rest, which every network ACL has."""


@dataclass(frozen=True, slots=True)
class Peering(_Described):
    """A VPC peering connection, by id."""

    cloudformation_type: ClassVar[str] = "AWS::EC2::VPCPeeringConnection"
    told_by: ClassVar[tuple[str, str, str, str]] = (
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
    bulk_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeVpcPeeringConnections",)

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:ec2:{self.region}:{self.account}:vpc-peering-connection/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        name = "vpcPeeringConnectionId"
        for peering in (*_asked(event, name), *_answered(event, "vpcPeeringConnection", name)):
            if _is("pcx", peering):
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
class TransitGateway(_Described):
    """A transit gateway, by id; of those shared with the account, none."""

    cloudformation_type: ClassVar[str] = "AWS::EC2::TransitGateway"
    told_by: ClassVar[tuple[str, str, str, str]] = (
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
    bulk_reads: ClassVar[tuple[str, ...]] = ("ec2:DescribeTransitGateways",)

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:ec2:{self.region}:{self.account}:transit-gateway/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        name = "transitGatewayId"
        for gateway in (*_asked(event, name), *_answered(event, "transitGateway", name)):
            if _is("tgw", gateway):
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


def _asked(event: Event, name: str) -> Iterator[str]:
    """A string in the request, bare or wrapped: `instanceId`, or `InstanceId` within `…Request`."""
    for found in (event.text(name), event.text(f"{event.name}Request", name[0].upper() + name[1:])):
        if found:
            yield found


def _answered(event: Event, *path: str) -> Iterator[str]:
    """A string in the answer, bare or within `…Response`."""
    for found in (event.answered(*path), event.answered(f"{event.name}Response", *path)):
        if found:
            yield found


REACHED = {"findingType": "NETWORK_REACHABILITY"}
_INSPECTED = 10
"""Values that a filter of Amazon Inspector takes."""


def inspected(aws: Session, ids: Sequence[str], **wanted: str) -> list[Any]:
    """Amazon Inspector's active findings about some instances. Needs inspector2:ListFindings.

    https://docs.aws.amazon.com/inspector/v2/APIReference/API_ListFindings.html
    """
    pages = aws.client("inspector2").get_paginator("list_findings").paginate(filterCriteria=_criteria(ids, **wanted))
    return [each for page in pages for each in page["findings"]]


def _criteria(ids: Sequence[str], **wanted: str) -> dict[str, Any]:
    values = {"findingStatus": "ACTIVE", **wanted}
    filters = {name: [{"comparison": "EQUALS", "value": value}] for name, value in values.items()}
    return {"resourceId": [{"comparison": "EQUALS", "value": each} for each in ids], **filters}


def _scanned(event: Event) -> Iterator[str]:
    """What Amazon Inspector tells of; an administrator's account is told of its members' too, as they are.

    https://docs.aws.amazon.com/inspector/latest/user/eventbridge-integration.html
    """
    if event.name == "Inspector2 Finding" and text(event.detail, "awsAccountId") in {None, event.account}:
        yield from (name for each in rows(event.detail, "resources") if (name := text(each, "id")))
