"""Networks and instances, by the prefix of their id."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


BY_ID: dict[str, MakeById] = {
    "acl": lambda call: call.client("ec2").create_network_acl(VpcId=_vpc(call))["NetworkAcl"]["NetworkAclId"],
    "ami": _image,
    "eipalloc": lambda call: call.client("ec2").allocate_address(Domain="vpc")["AllocationId"],
    "eni": lambda call: call.client("ec2").create_network_interface(SubnetId=_subnet(call))["NetworkInterface"][
        "NetworkInterfaceId"
    ],
    "i": _instance,
    "igw": lambda call: call.client("ec2").create_internet_gateway()["InternetGateway"]["InternetGatewayId"],
    "nat": _nat,
    "rtb": lambda call: call.client("ec2").create_route_table(VpcId=_vpc(call))["RouteTable"]["RouteTableId"],
    "rtbassoc": _association,
    "sg": _security_group,
    "snap": lambda call: call.client("ec2").create_snapshot(VolumeId=_volume(call))["SnapshotId"],
    "subnet": _subnet,
    "vol": _volume,
    "vpc": _named_vpc,
}
"""What makes the thing that an id's prefix stands for, and answers its id in memory."""
