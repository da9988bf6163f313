from __future__ import annotations

import json
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_network, summarize_address_range
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.baseline import Allow, Baseline
from chalicelib.core.errors import CannotJudge, Unfinished
from chalicelib.core.event import Event
from chalicelib.core.settings import Settings
from chalicelib.fixes.ec2.revoke_open_rules import Rule, open_rules
from chalicelib.guardrails.ec2.security_group_opened_to_internet import security_group_opened_to_internet
from chalicelib.resources.ec2.security_groups import SecurityGroup
from tests.support.cases import Case
from tests.support.events import HOME, REGION, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "ec2.security_group_opened_to_internet"
HALVES = ("0.0.0.0/1", "128.0.0.0/1")
OFFICE = "203.0.113.7/32"


def group(world: World) -> str:
    return str(world.client("ec2").create_security_group(GroupName="web", Description="the web tier")["GroupId"])


def group_id(world: World) -> str:
    filters = [{"Name": "group-name", "Values": ["web"]}]
    return str(world.client("ec2").describe_security_groups(Filters=filters)["SecurityGroups"][0]["GroupId"])


def whole(world: World) -> Any:
    """Without the rules' ids: AWS gives a rule a new one each time it is authorized, so no undo can restore them."""
    ec2, found = world.client("ec2"), group_id(world)
    (described,) = ec2.describe_security_groups(GroupIds=[found])["SecurityGroups"]
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [found]}])["SecurityGroupRules"]
    for rule in rules:
        del rule["SecurityGroupRuleId"]
    return (
        {key: value for key, value in described.items() if key != "IpPermissions"},  # The rules below, grouped.
        sorted(rules, key=lambda rule: json.dumps(rule, sort_keys=True)),
    )


def permission(*cidrs: str, protocol: str = "tcp", first: int = 22, last: int = 22, **more: Any) -> dict[str, Any]:
    ports = {} if protocol == "-1" else {"FromPort": first, "ToPort": last}
    v4 = [{"CidrIp": cidr, **more} for cidr in cidrs if ":" not in cidr]
    v6 = [{"CidrIpv6": cidr, **more} for cidr in cidrs if ":" in cidr]
    return {"IpProtocol": protocol, **ports, "IpRanges": v4, "Ipv6Ranges": v6}


def event(id: str) -> Envelope:
    items = {"items": [{"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "groups": {}, "ipRanges": {}}]}
    return cloudtrail_event(
        "ec2", "AuthorizeSecurityGroupIngress", {"groupId": id, "ipPermissions": items}, {"_return": True}
    )


def lets_in(*permissions: dict[str, Any]) -> Any:
    """A group with these rules, beside some that nothing is wrong with."""
    harmless = [
        permission("0.0.0.0/0", "::/0", first=443, last=443),
        permission(OFFICE, Description="office"),
        permission("0.0.0.0/0", protocol="icmp", first=-1, last=-1),
    ]

    def made(world: World) -> Envelope:
        found = group(world)
        for each in (*harmless, *permissions):
            world.client("ec2").authorize_security_group_ingress(GroupId=found, IpPermissions=[each])
        return event(found)

    return made


def with_description_and_tags(world: World) -> Envelope:
    found = group(world)
    world.client("ec2").authorize_security_group_ingress(
        GroupId=found,
        IpPermissions=[permission("0.0.0.0/0", Description="for the demo")],
        TagSpecifications=[{"ResourceType": "security-group-rule", "Tags": [{"Key": "team", "Value": "shop"}]}],
    )
    return event(found)


def prefix_list(world: World, *cidrs: str) -> str:
    made = world.client("ec2").create_managed_prefix_list(
        PrefixListName="partners",
        Entries=[{"Cidr": cidr} for cidr in cidrs],
        MaxEntries=10,
        AddressFamily="IPv4",
    )
    return str(made["PrefixList"]["PrefixListId"])


def from_a_list(*cidrs: str) -> Any:
    def made(world: World) -> Envelope:
        source = {"PrefixListIds": [{"PrefixListId": prefix_list(world, *cidrs)}]}
        return lets_in({"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, **source})(world)  # type: ignore[no-any-return]

    return made


def widened(*cidrs: str, call: str = "ModifyManagedPrefixList", ingress: bool = True) -> Any:
    """A group's rule names a prefix list, which gets these ranges."""

    def made(world: World) -> Envelope:
        ec2 = world.client("ec2")
        from_a_list("198.51.100.0/24")(world)
        ec2.create_security_group(GroupName="other", Description="names no list")
        (found,) = (each for each in ec2.describe_managed_prefix_lists()["PrefixLists"] if each["OwnerId"] == HOME)
        listed = found["PrefixListId"]
        if not ingress:
            ec2.revoke_security_group_ingress(GroupId=group_id(world), IpPermissions=[to_list(listed)])
            ec2.authorize_security_group_egress(GroupId=group_id(world), IpPermissions=[to_list(listed)])
        ec2.modify_managed_prefix_list(
            PrefixListId=listed, CurrentVersion=found["Version"], AddEntries=[{"Cidr": cidr} for cidr in cidrs]
        )
        asked = {"PrefixListId": listed, "CurrentVersion": 1, "AddEntry": [{"tag": 1, "Cidr": cidrs[0]}]}
        return cloudtrail_event("ec2", call, {f"{call}Request": asked})

    return made


def to_list(id: str) -> Any:
    return {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "PrefixListIds": [{"PrefixListId": id}]}


def modified(world: World) -> Envelope:
    found = group(world)
    ec2 = world.client("ec2")
    made = ec2.authorize_security_group_ingress(GroupId=found, IpPermissions=[permission(OFFICE)])
    rule = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "0.0.0.0/0"}
    rule_id = made["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    ec2.modify_security_group_rules(
        GroupId=found, SecurityGroupRules=[{"SecurityGroupRuleId": rule_id, "SecurityGroupRule": rule}]
    )
    request = {"GroupId": found, "SecurityGroupRule": {"SecurityGroupRuleId": rule_id, "SecurityGroupRule": rule}}
    return cloudtrail_event("ec2", "ModifySecurityGroupRules", {"ModifySecurityGroupRulesRequest": request})


def by_name(world: World) -> Envelope:
    envelope = lets_in(permission("0.0.0.0/0"))(world)
    rules = {"items": [{"groupId": group_id(world), "isEgress": False, "cidrIpv4": "0.0.0.0/0"}]}
    envelope["detail"]["requestParameters"] = {"groupName": "web", "cidrIp": "0.0.0.0/0", "ipPermissions": {}}
    envelope["detail"]["responseElements"] = {"_return": True, "securityGroupRuleSet": rules}
    return envelope  # type: ignore[no-any-return]


CASE = Case(
    unsafe=(
        lets_in(permission("0.0.0.0/0")),
        lets_in(permission("::/0", first=3389, last=3389)),
        lets_in(permission("0.0.0.0/0", "::/0", protocol="-1")),
        lets_in(permission("0.0.0.0/0", first=0, last=65535)),
        lets_in(permission("0.0.0.0/0", first=20, last=22)),
        lets_in(permission("0.0.0.0/0", protocol="udp", first=0, last=65535)),
        lets_in(permission(*HALVES)),
        lets_in(permission("0.0.0.0/1", first=22), permission("128.0.0.0/1", first=0, last=4000)),
        lets_in(permission(*(f"{number}.0.0.0/8" for number in range(11, 50)))),
        with_description_and_tags,
        from_a_list(*HALVES),
        modified,
        by_name,
        widened(*HALVES),
        widened(*HALVES, call="RestoreManagedPrefixListVersion"),
    ),
    near_misses=(
        lets_in(),
        lambda world: event(group(world)),
        lets_in(permission("0.0.0.0/0", first=80, last=80)),
        lets_in(permission("10.0.0.0/8", "172.16.0.0/12", "fd00::/8", protocol="-1")),
        lets_in(permission("11.0.0.0/8", "2001:db8::/32")),
        lets_in(permission("0.0.0.0/1", first=443, last=443), permission("128.0.0.0/1", first=80, last=80)),
        from_a_list("198.51.100.0/24"),
        widened("203.0.113.0/24"),
        lets_in(permission("0.0.0.0/0", protocol="udp", first=10000, last=20000)),
        lets_in(permission("0.0.0.0/0", protocol="udp", first=22)),
        lets_in(permission("0.0.0.0/0", first=50000, last=50100)),
    ),
    whole=whole,
    remove=lambda world: world.client("ec2").delete_security_group(GroupId=group_id(world)),
)


def test_a_list_that_only_egress_rules_name_is_about_no_group(world: World) -> None:
    assert not world.deliver(widened(*HALVES, ingress=False)(world), ID)


@pytest.mark.parametrize("named", [None, "sg-1", "pl-12345678901234567"])
def test_a_list_that_is_strange_or_gone_is_about_no_group(named: Any, world: World) -> None:
    asked = {"ModifyManagedPrefixListRequest": {"PrefixListId": named}}
    assert not world.deliver(cloudtrail_event("ec2", "ModifyManagedPrefixList", asked), ID)


def test_a_list_that_is_still_changing_is_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyManagedPrefixList.html."""
    from moto.ec2.models import ec2_backends

    envelope = widened(*HALVES)(world)
    for each in ec2_backends[HOME]["us-east-1"].managed_prefix_lists.values():
        monkeypatch.setattr(each, "state", "modify-in-progress")
    with pytest.raises(Unfinished, match="still changing"):
        world.deliver(envelope, ID)


@pytest.mark.parametrize(("first", "last"), [(8000, 9100), (0, 1024), (1024, 65535), (3306, 3310)])
def test_a_range_with_other_ports_is_asked_about_first(first: int, last: int, world: World) -> None:
    (outcome,) = world.deliver(lets_in(permission("0.0.0.0/0", first=first, last=last))(world), ID)
    assert outcome.status == "asking"
    assert "other ports" in world.record(outcome.record).history[-1].note


@pytest.mark.parametrize(
    ("rule", "severity"),
    [
        ({"first": 22}, "critical"),
        ({"first": 0, "last": 65535}, "critical"),
        ({"protocol": "-1"}, "critical"),
        ({"first": 3389, "last": 3389}, "critical"),
        ({"first": 5432, "last": 5432}, "high"),
        ({"first": 50070, "last": 50070}, "high"),
        ({"protocol": "udp", "first": 1434, "last": 1434}, "high"),
    ],
)
def test_the_severity_is_the_ports(rule: dict[str, Any], severity: str, world: World) -> None:
    (outcome,) = world.deliver(lets_in(permission("0.0.0.0/0", **rule))(world), ID, "alert")
    assert world.record(outcome.record).severity == severity


def test_only_the_rules_at_fault_are_revoked(world: World) -> None:
    envelope = lets_in(permission("0.0.0.0/0"), permission("10.0.0.0/8"))(world)
    before = whole(world)
    world.deliver(envelope, ID)
    after = whole(world)
    gone = [rule for rule in before[1] if rule not in after[1]]
    assert [(rule["FromPort"], rule["CidrIpv4"]) for rule in gone] == [(22, "0.0.0.0/0")]
    assert len(after[1]) == len(before[1]) - 1
    assert after[0] == before[0]


def test_of_a_split_internet_the_office_survives(world: World) -> None:
    world.deliver(lets_in(permission(*HALVES))(world), ID)
    ranges = {rule.get("CidrIpv4") for rule in whole(world)[1] if rule["FromPort"] == 22}
    assert ranges == {OFFICE}


def test_the_reason_names_ports_and_sources(world: World) -> None:
    made = lets_in(permission("0.0.0.0/0", "::/0", protocol="-1"), permission("0.0.0.0/0", first=20, last=25))
    (outcome,) = world.deliver(made(world), ID, "alert")
    assert outcome.reason == "it allows all traffic from 0.0.0.0/0, all traffic from ::/0, tcp 20-25 from 0.0.0.0/0"


def test_a_long_reason_is_cut(world: World) -> None:
    made = lets_in(permission(*(f"{number}.0.0.0/8" for number in range(11, 50))))
    (outcome,) = world.deliver(made(world), ID, "alert")
    assert outcome.reason.endswith("and 34 more")


def test_a_group_that_lets_in_nobody_costs_one_call(world: World) -> None:
    world.deliver(lets_in()(world), ID)
    assert [call.operation for call in world.calls] == ["DescribeSecurityGroups"]


def test_a_known_prefix_list_is_let_be_unread(world: World) -> None:
    envelope = from_a_list(*HALVES)(world)
    (baseline,) = world.client("ec2").describe_managed_prefix_lists(
        Filters=[{"Name": "prefix-list-name", "Values": ["partners"]}]
    )["PrefixLists"]
    world.settings = Settings(allow=Allow(prefix_lists=frozenset({baseline["PrefixListId"]})))
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == "compliant"
    assert "GetManagedPrefixListEntries" not in {call.operation for call in world.calls}


def test_known_ranges_are_let_be(world: World) -> None:
    world.settings = Settings(allow=Allow(cidrs=("20.0.0.0/6",)))
    (outcome,) = world.deliver(lets_in(permission("20.0.0.0/6", "20.0.0.0/7"))(world), ID)
    assert outcome.status == "compliant"


def test_an_undo_after_somebody_else_opened_the_port_puts_back_the_recorded_rule(world: World) -> None:
    (outcome,) = world.deliver(with_description_and_tags(world), ID)
    ec2 = world.client("ec2")
    ec2.authorize_security_group_ingress(
        GroupId=group_id(world), IpPermissions=[permission("0.0.0.0/0", Description="quick test")]
    )
    world.application("fix", ID).engine.undo(outcome.record, "bob", force=True)
    (rule,) = (rule for rule in whole(world)[1] if rule["FromPort"] == 22)
    assert (rule["Description"], rule["Tags"]) == ("for the demo", [{"Key": "team", "Value": "shop"}])


def test_a_rule_that_is_added_after_the_fix_is_no_drift(world: World) -> None:
    (outcome,) = world.deliver(lets_in(permission("0.0.0.0/0"))(world), ID)
    added = permission("198.51.100.0/24", first=8443, last=8443)
    world.client("ec2").authorize_security_group_ingress(GroupId=group_id(world), IpPermissions=[added])
    assert world.application("fix", ID).engine.undo(outcome.record, "bob").status == "undone"
    assert 8443 in {rule["FromPort"] for rule in whole(world)[1]}


@pytest.mark.parametrize(
    ("parameters", "answer"),
    [
        (None, None),
        ({}, {}),
        ({"groupId": None, "groupName": "web", "cidrIp": "0.0.0.0/0", "ipPermissions": {}}, {"_return": True}),
        ({"groupId": ["sg-1", "sg-2"]}, {"securityGroupRuleSet": None}),
        ({"groupId": "..."}, {"securityGroupRuleSet": {"items": ["sg-1", None, {"groupId": 7}]}}),
        ({"ModifySecurityGroupRulesRequest": "sg-1"}, "true"),
        ("sg-1", ["sg-1"]),
    ],
)
def test_a_strange_event_names_no_group(parameters: Any, answer: Any) -> None:
    envelope = cloudtrail_event("ec2", "AuthorizeSecurityGroupIngress", parameters, answer)
    assert not list(SecurityGroup.in_event(Event.parse(envelope)))


def test_the_flat_form_and_the_answer_name_the_group() -> None:
    answer = {"securityGroupRuleSet": {"items": [{"groupId": "sg-1"}, {"groupId": "sg-1"}]}}
    parameters = {"groupId": "sg-1", "cidrIp": "0.0.0.0/0", "fromPort": "22", "toPort": "22", "ipPermissions": {}}
    for envelope in (
        cloudtrail_event("ec2", "AuthorizeSecurityGroupIngress", parameters),
        cloudtrail_event("ec2", "AuthorizeSecurityGroupIngress", {"groupName": "web"}, answer),
    ):
        assert set(SecurityGroup.in_event(Event.parse(envelope))) == {SecurityGroup("sg-1", HOME, "us-east-1")}


def test_all_groups_of_the_account_are_found_with_their_tags(world: World) -> None:
    found = group(world)
    world.client("ec2").create_tags(Resources=[found], Tags=[{"Key": "team", "Value": "shop"}])
    reader = world.application().sessions.reader(HOME, "us-east-1")
    (web,) = (each for each in SecurityGroup.all_in(reader) if each.id == found)
    assert web.tags(reader) == {"team": "shop"}
    assert web.arn == f"arn:aws:ec2:us-east-1:{HOME}:security-group/{found}"


KNOWN = Baseline(allow=Allow(cidrs=("20.0.0.0/7", "2a00::/24")))
PREFIX_LISTS = {"pl-narrow": ["198.51.100.0/24"], "pl-broad": [*HALVES, "10.0.0.0/8"]}


def ssh(cidr: str) -> Rule:
    return {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": cidr}


@st.composite
def networks(draw: st.DrawFn) -> str:
    family = draw(st.sampled_from([IPv4Network, IPv6Network]))
    bits = 32 if family is IPv4Network else 128
    length = draw(st.one_of(st.integers(0, 9), st.integers(0, bits)))
    return str(family((draw(st.integers(0, 2**bits - 1)), length), strict=False))


@st.composite
def some_rules(draw: st.DrawFn) -> Rule:
    protocol = draw(st.sampled_from(["tcp", "udp", "-1", "icmp", "50", "6"]))
    first = draw(st.sampled_from([0, 1, 20, 22, 80, 443, 3389, 30000]))
    last = draw(st.sampled_from([port for port in (first, 22, 80, 443, 65535) if port >= first]))
    ports = {"FromPort": -1, "ToPort": -1} if protocol in {"-1", "icmp", "50"} else {"FromPort": first, "ToPort": last}
    source = draw(
        st.one_of(
            networks().map(lambda cidr: {"CidrIpv6" if ":" in cidr else "CidrIpv4": cidr}),
            st.sampled_from(sorted(PREFIX_LISTS)).map(lambda name: {"PrefixListId": name}),
            st.just({"ReferencedGroupInfo": {"GroupId": "sg-2"}}),
        )
    )
    return {"IpProtocol": protocol, **ports, **source, "Tags": {}}


@given(st.lists(some_rules(), max_size=12))
def test_without_the_open_rules_nothing_is_open(rules: list[Rule]) -> None:
    found = open_rules(rules, KNOWN, PREFIX_LISTS)
    assert not open_rules([rule for rule in rules if rule not in found], KNOWN, PREFIX_LISTS)


@given(st.lists(some_rules(), max_size=12))
def test_rules_for_other_ports_protocols_and_sources_are_never_open(rules: list[Rule]) -> None:
    for rule in open_rules(rules, KNOWN, PREFIX_LISTS):
        assert rule["IpProtocol"] in {"tcp", "6", "udp", "-1"}
        assert "ReferencedGroupInfo" not in rule
        assert (rule["FromPort"], rule["ToPort"]) not in {(80, 80), (443, 443), (30000, 30000)}


@given(st.lists(some_rules(), max_size=12), st.randoms())
def test_the_order_of_the_rules_is_of_no_matter(rules: list[Rule], random: Any) -> None:
    shuffled = random.sample(rules, len(rules))
    found = [open_rules(each, KNOWN, PREFIX_LISTS) for each in (rules, shuffled)]
    assert sorted(map(str, found[0])) == sorted(map(str, found[1]))


def blocks(cidr: str) -> set[int]:
    """The /16 blocks of a range, by number."""
    network = ip_network(cidr)
    first = int(network.network_address) >> 16
    return set(range(first, first + (network.num_addresses >> 16)))


PRIVATE = set[int]().union(
    *map(blocks, ("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12")),
    *map(blocks, ("192.168.0.0/16", "224.0.0.0/3")),
)


@given(st.lists(st.tuples(st.integers(0, 2**16 - 1), st.integers(5, 16)), max_size=8))
def test_a_port_is_open_when_all_its_ranges_have_as_many_public_addresses_as_a_7(ranges: list[tuple[int, int]]) -> None:
    cidrs = [str(ip_network((block << 16, length), strict=False)) for block, length in ranges]
    reached = set[int]().union(*map(blocks, cidrs)) - PRIVATE
    assert bool(open_rules(map(ssh, cidrs), Baseline(), {})) == (len(reached) >= len(blocks("2.0.0.0/7")))


@given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=8, unique=True))
def test_the_internet_is_open_however_it_is_split(cuts: list[int]) -> None:
    edges = pairwise([0, *sorted(cuts), 2**32])
    parts = (
        summarize_address_range(IPv4Address(first), IPv4Address(last - 1)) for first, last in edges if last > first
    )
    assert open_rules([ssh(str(part)) for some in parts for part in some], Baseline(), {})


@given(networks())
def test_what_is_known_is_never_open(cidr: str) -> None:
    rule = {"IpProtocol": "-1", "FromPort": -1, "ToPort": -1, "CidrIpv6" if ":" in cidr else "CidrIpv4": cidr}
    assert not open_rules([rule], Baseline(allow=Allow(cidrs=(cidr,))), {})


UNREADABLE = pytest.mark.parametrize("code", ["UnauthorizedOperation", "InvalidPrefixListID.NotFound"])


def judged(world: World, envelope: Envelope, code: str) -> str | None:
    (resource,) = SecurityGroup.in_event(Event.parse(json.loads(json.dumps(envelope, default=str))))
    reader = world.application("alert", ID).sessions.reader(HOME, REGION)
    with world.denied("GetManagedPrefixListEntries", code=code):
        return security_group_opened_to_internet(resource, reader)


@UNREADABLE
def test_a_prefix_list_that_cant_be_read_leaves_only_that_question_open(world: World, code: str) -> None:
    """One of another account, or one that it shares no longer: https://docs.aws.amazon.com/vpc/latest/userguide/sharing-managed-prefix-lists.html."""
    envelope = from_a_list("198.51.100.0/24")(world)
    with pytest.raises(CannotJudge, match="it allows prefix lists that Snapback can't read: pl-"):
        judged(world, envelope, code)


@UNREADABLE
def test_a_prefix_list_that_cant_be_read_hides_nothing_beside_it(world: World, code: str) -> None:
    envelope = from_a_list("198.51.100.0/24")(world)
    world.client("ec2").authorize_security_group_ingress(
        GroupId=group_id(world), IpPermissions=[permission("0.0.0.0/0", first=3389, last=3389)]
    )
    assert judged(world, envelope, code) == "it allows tcp 3389 from 0.0.0.0/0"
