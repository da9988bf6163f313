from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.baseline import Baseline
from chalicelib.core.rule import FixContext
from chalicelib.fixes.ec2.empty_default_group import EmptyDefaultGroup
from chalicelib.resources.ec2.security_groups import DefaultGroup
from tests.support.cases import Case
from tests.support.events import HOME, Envelope, cloudtrail_event, scheduled_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "ec2.default_group_with_rules"
HTTPS = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}


def vpc(world: World) -> str:
    """Its default group has one rule each way, as AWS makes it; moto's own default VPC goes away."""
    ec2 = world.client("ec2")
    for each in ec2.describe_vpcs()["Vpcs"]:
        for subnet in ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [each["VpcId"]]}])["Subnets"]:
            ec2.delete_subnet(SubnetId=subnet["SubnetId"])
        for gateway in ec2.describe_internet_gateways()["InternetGateways"]:
            ec2.detach_internet_gateway(InternetGatewayId=gateway["InternetGatewayId"], VpcId=each["VpcId"])
        ec2.delete_vpc(VpcId=each["VpcId"])
    return str(ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"])


def group_id(world: World) -> str:
    filters = [{"Name": "group-name", "Values": ["default"]}]
    (found,) = world.client("ec2").describe_security_groups(Filters=filters)["SecurityGroups"]
    return str(found["GroupId"])


def whole(world: World) -> Any:
    """Without the rules' ids: AWS gives a rule a new one each time it is authorized, so no undo can restore them."""
    ec2, found = world.client("ec2"), group_id(world)
    (described,) = ec2.describe_security_groups(GroupIds=[found])["SecurityGroups"]
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [found]}])["SecurityGroupRules"]
    for rule in rules:
        del rule["SecurityGroupRuleId"]
        rule.pop("SecurityGroupRuleArn", None)
    without = {key: value for key, value in described.items() if not key.startswith("IpPermissions")}
    return without, sorted(rules, key=lambda rule: json.dumps(rule, sort_keys=True))


def event(id: str, name: str = "AuthorizeSecurityGroupIngress") -> Envelope:
    asked = {"groupId": id, "ipPermissions": {"items": [{"ipProtocol": "tcp", "ipRanges": {}}]}}
    return cloudtrail_event("ec2", name, asked, {"_return": True})


def as_made(world: World) -> Envelope:
    vpc(world)
    return event(group_id(world))


def emptied(world: World) -> str:
    vpc(world)
    ec2, found = world.client("ec2"), group_id(world)
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [found]}])["SecurityGroupRules"]
    for way, egress in (("ingress", False), ("egress", True)):
        ids = [rule["SecurityGroupRuleId"] for rule in rules if rule["IsEgress"] == egress]
        if ids:
            getattr(ec2, f"revoke_security_group_{way}")(GroupId=found, SecurityGroupRuleIds=ids)
    return found


def with_rules(world: World) -> Envelope:
    found, ec2 = emptied(world), world.client("ec2")
    ec2.authorize_security_group_ingress(
        GroupId=found,
        IpPermissions=[{**HTTPS, "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "inside"}]}],
        TagSpecifications=[{"ResourceType": "security-group-rule", "Tags": [{"Key": "team", "Value": "shop"}]}],
    )
    pairs = [{"GroupId": found, "UserId": HOME, "Description": "each other"}]
    ec2.authorize_security_group_ingress(GroupId=found, IpPermissions=[{"IpProtocol": "-1", "UserIdGroupPairs": pairs}])
    ec2.authorize_security_group_egress(
        GroupId=found, IpPermissions=[{**HTTPS, "Ipv6Ranges": [{"CidrIpv6": "2001:db8::/32"}]}]
    )
    return event(found, "AuthorizeSecurityGroupEgress")


def needs_sweep(world: World) -> Envelope:
    vpc(world)
    return scheduled_event()


def empty(world: World) -> Envelope:
    return event(emptied(world))


def another_group(world: World) -> Envelope:
    vpc(world)
    made = world.client("ec2").create_security_group(GroupName="web", Description="the web tier")
    return event(made["GroupId"])


def remove(world: World) -> None:
    """With its VPC."""
    ec2 = world.client("ec2")
    (found,) = ec2.describe_vpcs()["Vpcs"]
    ec2.delete_vpc(VpcId=found["VpcId"])


def disturb(world: World) -> None:
    world.client("ec2").create_tags(Resources=[group_id(world)], Tags=[{"Key": "touched", "Value": "yes"}])


CASE = Case(
    unsafe=(as_made, with_rules, needs_sweep),
    near_misses=(empty, another_group),
    whole=whole,
    remove=remove,
    disturb=disturb,
)


def test_it_is_empty_afterwards(world: World) -> None:
    world.deliver(with_rules(world), ID)
    assert whole(world)[1] == []


def test_all_default_groups_and_no_others_are_found(world: World) -> None:
    another_group(world)
    reader = world.application().sessions.reader(HOME, "us-east-1")
    assert [group.id for group in DefaultGroup.all_in(reader)] == [group_id(world)]


@given(st.lists(st.dictionaries(st.sampled_from(["IsEgress", "IpProtocol", "CidrIpv4"]), st.text())))
def test_safe_has_no_rules_whatever_there_were(rules: list[Any]) -> None:
    assert EmptyDefaultGroup().safe({"rules": rules}, FixContext(Baseline())) == {"rules": []}
