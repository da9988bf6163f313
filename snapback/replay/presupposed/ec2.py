"""Networks, instances and file systems, by the prefix of their id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from snapback.replay.presupposed import iam

if TYPE_CHECKING:
    from snapback.replay.presupposed.call import Call, MakeById


def _vpc(call: Call) -> str:
    """One for all that is presupposed in a region, so that what goes together is together."""
    ec2 = call.client("ec2")
    mark = [{"Name": "tag:snapback", "Values": ["presupposed"]}]
    if made := ec2.describe_vpcs(Filters=mark)["Vpcs"]:
        return str(made[0]["VpcId"])
    tags = [{"ResourceType": "vpc", "Tags": [{"Key": "snapback", "Value": "presupposed"}]}]
    return str(ec2.create_vpc(CidrBlock="10.250.0.0/16", TagSpecifications=tags)["Vpc"]["VpcId"])


def _named_vpc(call: Call) -> str:
    return str(call.client("ec2").create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"])


def _subnet(call: Call) -> str:
    ec2, vpc = call.client("ec2"), _vpc(call)
    number = len(ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"])
    return str(ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.250.{number}.0/24")["Subnet"]["SubnetId"])


def _security_group(call: Call) -> str:
    ec2 = call.client("ec2")
    vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    name = f"presupposed-{len(ec2.describe_security_groups()['SecurityGroups'])}"
    return str(
        ec2.create_security_group(
            GroupName=name, Description="presupposed", VpcId=vpc[0]["VpcId"] if vpc else _vpc(call)
        )["GroupId"]
    )


def _volume(call: Call) -> str:
    made = call.client("ec2").create_volume(AvailabilityZone=f"{call.region}a", Size=8, Encrypted=True)
    return str(made["VolumeId"])


def _instance(call: Call) -> str:
    started = call.client("ec2").run_instances(ImageId=_image(call), MinCount=1, MaxCount=1)
    return str(started["Instances"][0]["InstanceId"])


def _image(call: Call) -> str:
    ec2 = call.client("ec2")
    return str(ec2.register_image(Name="presupposed", Description="presupposed")["ImageId"])


def _association(call: Call) -> str:
    ec2, subnet = call.client("ec2"), _subnet(call)
    table = ec2.create_route_table(VpcId=_vpc(call))["RouteTable"]["RouteTableId"]
    return str(ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"])


def _nat(call: Call) -> str:
    ec2 = call.client("ec2")
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    made = ec2.create_nat_gateway(SubnetId=_subnet(call), AllocationId=address)
    return str(made["NatGateway"]["NatGatewayId"])


def _launch_template(call: Call) -> str:
    ec2 = call.client("ec2")
    name = f"presupposed-{len(ec2.describe_launch_templates()['LaunchTemplates'])}"
    data: Any = {"ImageId": _image(call), "InstanceType": "t3.micro"}
    made = ec2.create_launch_template(LaunchTemplateName=name, LaunchTemplateData=data)
    return str(made["LaunchTemplate"]["LaunchTemplateId"])


def _prefix_list(call: Call) -> str:
    """An empty list: what it held before the log began isn't known."""
    made = call.client("ec2").create_managed_prefix_list(
        PrefixListName="presupposed", MaxEntries=1000, AddressFamily="IPv4"
    )
    return str(made["PrefixList"]["PrefixListId"])


def _peering(call: Call) -> str:
    """Asked for by the account itself."""
    ec2, vpc = call.client("ec2"), _vpc(call)
    made = ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=_named_vpc(call))
    return str(made["VpcPeeringConnection"]["VpcPeeringConnectionId"])


def _rule(call: Call) -> str:
    """An ingress rule of the group that the call names, for one private address."""
    ec2, group = call.client("ec2"), call.aliases.to_memory(call.parameters["GroupId"])
    ranges = [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.250.0.1/32"}]}]
    made = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=ranges)
    return str(made["SecurityGroupRules"][0]["SecurityGroupRuleId"])


def _profile_association(call: Call) -> str:
    iam.instance_profile(call, "presupposed-replaced")
    made = call.client("ec2").associate_iam_instance_profile(
        InstanceId=_instance(call), IamInstanceProfile={"Name": "presupposed-replaced"}
    )
    return str(made["IamInstanceProfileAssociation"]["AssociationId"])


BY_ID: dict[str, MakeById] = {
    "acl": lambda call: call.client("ec2").create_network_acl(VpcId=_vpc(call))["NetworkAcl"]["NetworkAclId"],
    "ami": _image,
    "eipalloc": lambda call: call.client("ec2").allocate_address(Domain="vpc")["AllocationId"],
    "eni": lambda call: call.client("ec2").create_network_interface(SubnetId=_subnet(call))["NetworkInterface"][
        "NetworkInterfaceId"
    ],
    "fs": lambda call: call.client("efs").create_file_system(CreationToken=call.parameters["FileSystemId"])[
        "FileSystemId"
    ],
    "i": _instance,
    "iip": _profile_association,
    "igw": lambda call: call.client("ec2").create_internet_gateway()["InternetGateway"]["InternetGatewayId"],
    "lt": _launch_template,
    "nat": _nat,
    "pcx": _peering,
    "pl": _prefix_list,
    "rtb": lambda call: call.client("ec2").create_route_table(VpcId=_vpc(call))["RouteTable"]["RouteTableId"],
    "rtbassoc": _association,
    "sg": _security_group,
    "sgr": _rule,
    "snap": lambda call: call.client("ec2").create_snapshot(VolumeId=_volume(call))["SnapshotId"],
    "subnet": _subnet,
    "tgw": lambda call: call.client("ec2").create_transit_gateway()["TransitGateway"]["TransitGatewayId"],
    "vol": _volume,
    "vpc": _named_vpc,
}
"""What makes the thing that an id's prefix stands for, and answers its id in memory."""
