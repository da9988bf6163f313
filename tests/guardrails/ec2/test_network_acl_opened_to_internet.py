from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.baseline import Baseline
from chalicelib.core.event import Event
from chalicelib.fixes.ec2.delete_network_acl_entry import opened
from chalicelib.resources.ec2.network_acls import NetworkAclEntry
from tests.support.cases import Case
from tests.support.events import HOME, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "ec2.network_acl_opened_to_internet"
SSH = {"From": 22, "To": 22}


def acl(world: World) -> str:
    ec2 = world.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    made = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    ec2.create_tags(Resources=[made], Tags=[{"Key": "team", "Value": "net"}])
    put(world, made, 50, "10.0.0.0/8")
    put(world, made, 100, "0.0.0.0/0", egress=True)
    return str(made)


def put(world: World, id: str, number: int, source: str, protocol: str = "6", **more: Any) -> None:
    ports = {} if protocol == "-1" else {"PortRange": more.pop("ports", SSH)}
    block = {"Ipv6CidrBlock" if ":" in source else "CidrBlock": source}
    world.client("ec2").create_network_acl_entry(
        NetworkAclId=id,
        RuleNumber=number,
        Protocol=protocol,
        RuleAction=more.get("action", "allow"),
        Egress=more.get("egress", False),
        **ports,
        **block,
    )


def whole(world: World) -> Any:
    (found,) = world.client("ec2").describe_network_acls(Filters=[{"Name": "tag:team", "Values": ["net"]}])[
        "NetworkAcls"
    ]
    found["Entries"].sort(key=lambda entry: (entry["Egress"], entry["RuleNumber"]))
    return found


def event(id: str, number: Any, *, egress: Any = False, name: str = "CreateNetworkAclEntry") -> Envelope:
    asked = {"networkAclId": id, "ruleNumber": number, "egress": egress, "aclProtocol": "6", "ruleAction": "allow"}
    return cloudtrail_event("ec2", name, asked, {"_return": True})


def lets_in(source: str, protocol: str = "6", **more: Any) -> Any:
    def made(world: World) -> Envelope:
        made_in = acl(world)
        for number, range_ in more.get("denied", {}).items():
            put(world, made_in, number, range_, action="deny")
        put(world, made_in, 100, source, protocol, **more)
        return event(made_in, 100, egress=more.get("egress", False))

    return made


def replaced(world: World) -> Envelope:
    made_in = acl(world)
    put(world, made_in, 100, "0.0.0.0/0", ports={"From": 3389, "To": 3389})
    return event(made_in, "100", egress="false", name="ReplaceNetworkAclEntry")


def not_denied(*, first: int = 60, then: str = "0.0.0.0/0", call: str = "DeleteNetworkAclEntry") -> Any:
    """A rule that denied the internet, before one that lets it in, is deleted."""

    def made(world: World) -> Envelope:
        made_in = acl(world)
        put(world, made_in, first, "0.0.0.0/0", action="deny")
        put(world, made_in, 100, then)
        world.client("ec2").delete_network_acl_entry(NetworkAclId=made_in, RuleNumber=first, Egress=False)
        return event(made_in, first, name=call)

    return made


def of_a_subnet(source: str) -> Any:
    """A subnet gets an ACL with a rule for this source alone."""

    def made(world: World) -> Envelope:
        ec2, made_in = world.client("ec2"), acl(world)
        ec2.delete_network_acl_entry(NetworkAclId=made_in, RuleNumber=50, Egress=False)
        put(world, made_in, 100, source)
        asked = {"associationId": "aclassoc-1", "networkAclId": made_in}
        return cloudtrail_event("ec2", "ReplaceNetworkAclAssociation", asked, {"newAssociationId": "aclassoc-2"})

    return made


def of_the_default(number: int, protocol: str = "-1") -> Any:
    """A rule of a default ACL, which moto makes with rule 100."""

    def made(world: World) -> Envelope:
        ec2 = world.client("ec2")
        found = ec2.describe_network_acls(Filters=[{"Name": "default", "Values": ["true"]}])["NetworkAcls"][0]
        ec2.create_tags(Resources=[found["NetworkAclId"]], Tags=[{"Key": "team", "Value": "net"}])
        if number != 100:
            put(world, found["NetworkAclId"], number, "0.0.0.0/0", protocol)
        return event(found["NetworkAclId"], number)

    return made


def default_acl(world: World) -> Envelope:
    """A harmless rule in an ACL that lets in everything by another one, as AWS makes it."""
    made_in = acl(world)
    put(world, made_in, 200, "0.0.0.0/0", "-1")
    put(world, made_in, 90, "0.0.0.0/0", ports={"From": 443, "To": 443})
    return event(made_in, 90)


def remove(world: World) -> None:
    world.client("ec2").delete_network_acl(NetworkAclId=whole(world)["NetworkAclId"])


CASE = Case(
    unsafe=(
        lets_in("0.0.0.0/0"),
        lets_in("::/0"),
        lets_in("128.0.0.0/1"),
        lets_in("0.0.0.0/0", denied={60: "10.0.0.0/8"}),
        replaced,
        not_denied(),
        of_a_subnet("0.0.0.0/0"),
    ),
    near_misses=(
        lets_in("0.0.0.0/0", ports={"From": 443, "To": 443}),
        lets_in("203.0.113.0/24", "-1"),
        lets_in("0.0.0.0/0", denied={60: "0.0.0.0/0"}),
        default_acl,
        not_denied(then="203.0.113.0/24"),
        of_a_subnet("203.0.113.0/24"),
        of_the_default(100),
        lets_in("0.0.0.0/0", ports={"From": 1024, "To": 65535}),
        lets_in("0.0.0.0/0", ports={"From": 5432, "To": 5432}),
        lets_in("0.0.0.0/0", "17"),
    ),
    whole=whole,
    remove=remove,
    disturb=lambda world: put(world, whole(world)["NetworkAclId"], 300, "10.9.0.0/16"),
)


def test_a_denying_rule_that_is_narrowed_opens_those_behind_it(world: World) -> None:
    """It is itself evaluated too."""
    envelope = not_denied(call="ReplaceNetworkAclEntry")(world)
    put(world, envelope["detail"]["requestParameters"]["networkAclId"], 60, "10.0.0.0/8", action="deny")
    outcomes = world.deliver(envelope, ID, "alert")
    assert [(each.resource.rpartition("/")[2], each.status) for each in outcomes] == [
        ("60", "compliant"),
        ("100", "alerted"),
    ]


def test_what_was_tried_before_the_deleted_rule_is_not_evaluated(world: World) -> None:
    assert not world.deliver(not_denied(first=110)(world), ID)


def test_an_egress_rule_that_is_deleted_is_of_no_interest(world: World) -> None:
    envelope = not_denied()(world)
    envelope["detail"]["requestParameters"]["egress"] = True
    assert not world.deliver(envelope, ID)


def test_only_that_rule_is_deleted(world: World) -> None:
    envelope = lets_in("0.0.0.0/0")(world)
    before = whole(world)
    world.deliver(envelope, ID)
    gone = [entry for entry in before["Entries"] if entry not in whole(world)["Entries"]]
    assert [(entry["RuleNumber"], entry["Egress"]) for entry in gone] == [(100, False)]


def test_a_rule_that_somebody_adds_to_a_default_acl_counts(world: World) -> None:
    (outcome,) = world.deliver(of_the_default(90, "6")(world), ID, "alert")
    assert outcome.reason == "rule 90 allows tcp 22 from 0.0.0.0/0"


def test_a_rule_for_other_ports_too_is_asked_about_first(world: World) -> None:
    (outcome,) = world.deliver(lets_in("0.0.0.0/0", "-1")(world), ID)
    assert outcome.status == "asking"
    assert outcome.reason == "rule 100 allows all traffic from 0.0.0.0/0"
    assert "other ports" in world.record(outcome.record).history[-1].note


@pytest.mark.parametrize("egress", [True, "true"])
def test_what_is_let_out_names_no_rule(egress: Any) -> None:
    assert not list(NetworkAclEntry.in_event(Event.parse(event("acl-1", 100, egress=egress))))


@pytest.mark.parametrize(
    ("id", "number"), [("acl-1", None), ("acl-1", "x"), ("eni-1", 1), (None, 1), ("acl-1", [1]), ("acl-1", -1)]
)
def test_a_strange_event_names_no_rule(id: Any, number: Any) -> None:
    assert not list(NetworkAclEntry.in_event(Event.parse(event(id, number))))


def test_all_ingress_rules_are_found_with_the_tags_of_their_acl(world: World) -> None:
    made = acl(world)
    reader = world.application().sessions.reader(HOME, "us-east-1")
    (found,) = (each for each in NetworkAclEntry.all_in(reader) if each.acl == made)
    assert (found.number, found.tags(reader)) == (50, {"team": "net"})


NUMBERS = st.integers(1, 5)
SOURCES = st.sampled_from(["0.0.0.0/0", "0.0.0.0/1", "10.0.0.0/8", "203.0.113.0/24", "::/0"])
PORTS = st.sampled_from([None, SSH, {"From": 0, "To": 65535}, {"From": 443, "To": 443}])


@st.composite
def entries(draw: st.DrawFn) -> list[dict[str, Any]]:
    found = []
    for number in draw(st.sets(NUMBERS)):
        source, ports = draw(SOURCES), draw(PORTS)
        found.append(
            {
                "RuleNumber": number,
                "Protocol": draw(st.sampled_from(["6", "17", "1"])) if ports else "-1",
                "RuleAction": draw(st.sampled_from(["allow", "deny"])),
                "Egress": False,
                **({"PortRange": ports} if ports else {}),
                "Ipv6CidrBlock" if ":" in source else "CidrBlock": source,
            }
        )
    return found


@given(entries(), NUMBERS)
def test_what_is_opened_is_allowed_by_that_very_rule_to_the_internet(rules: list[dict[str, Any]], number: int) -> None:
    found = opened(rules, number, Baseline())
    if found:
        assert (found["RuleNumber"], found["RuleAction"]) == (number, "allow")
        assert found.get("CidrBlock", found.get("Ipv6CidrBlock")) in {"0.0.0.0/0", "0.0.0.0/1", "::/0"}
        assert found.get("PortRange") != {"From": 443, "To": 443}


@given(entries(), NUMBERS)
def test_a_first_rule_that_denies_all_leaves_nothing_open(rules: list[dict[str, Any]], number: int) -> None:
    none = [
        {"RuleNumber": 0, "Protocol": "-1", "RuleAction": "deny", "Egress": False, key: source}
        for key, source in (("CidrBlock", "0.0.0.0/0"), ("Ipv6CidrBlock", "::/0"))
    ]
    assert opened([*none, *rules], number, Baseline()) is None
