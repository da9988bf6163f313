"""Security group rules that allow the internet, and what "the internet" means."""

from __future__ import annotations

import json
from functools import cache
from ipaddress import collapse_addresses, ip_network
from typing import TYPE_CHECKING, Any, TypeAlias

from chalicelib.core.baseline import Require
from chalicelib.core.rule import Fix, FixContext
from chalicelib.resources.absent import absent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from ipaddress import IPv4Network, IPv6Network

    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Actor
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.ec2.security_groups import SecurityGroup

    Network: TypeAlias = IPv4Network | IPv6Network

Entries: TypeAlias = "Mapping[str, list[str] | None]"
Rule: TypeAlias = dict[str, Any]
"""An ingress rule as DescribeSecurityGroupRules tells it, without its ids, which are new each time it is authorized."""

BROAD = {4: 2**25, 6: 2**97}
"""So many public addresses are the internet: those of a /7, or of a /31 in IPv6.

One range broader than a /8 (/32) has as many. /8 is the largest block that one company was given, /32 the ordinary one
of a provider; whoever has more of their own puts it in the settings, under `allow.cidrs`.
"""
_NOT_PUBLIC = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "224.0.0.0/3",
    "::/3",
    "4000::/2",
    "8000::/1",
)
"""https://www.iana.org/assignments/iana-ipv4-special-registry, and all of IPv6 but 2000::/3."""
_PROTOCOLS = {"tcp": {"tcp", "6", "-1"}, "udp": {"udp", "17", "-1"}}
_ALL_PORTS = (1, 65535)
_UDP = frozenset({1434, 3389})
"""Of the ports that the settings ship with: SQL Server Browser and RDP are services of UDP, all others of TCP alone."""
_SHIPPED = frozenset(Require().admin_ports)
_DYNAMIC = 49152
"""From here on ports are anybody's: a range of them that happens to hold an admin port is media, or passive FTP.

https://www.rfc-editor.org/rfc/rfc6335#section-6
"""
REMOTE = (22, 3389)
"""SSH and RDP: a rule for both and for all between is for no application."""
_SOURCES = {"CidrIpv4": ("IpRanges", "CidrIp"), "CidrIpv6": ("Ipv6Ranges", "CidrIpv6")}
_SOURCES |= {"PrefixListId": ("PrefixListIds", "PrefixListId")}
"""A rule's source: its name in a rule, and the list and name that it has in an IpPermission."""


def open_rules(
    rules: Iterable[Rule],
    baseline: Baseline,
    entries: Entries,
    ports: Iterable[tuple[str, int, int]] | None = None,
) -> list[Rule]:
    """Those that let in the internet to an admin port, or to all ports; `entries` are the prefix lists' CIDRs.

    `ports` are what must not face the internet where it isn't what the settings say.

    What counts is all that is let in to one port: its ranges together, overlaps once, without private and known
    addresses. While that is BROAD, the broadest go, equals together; so narrow rules survive a split 0.0.0.0/0.
    """
    rules = list(rules)
    found: set[int] = set()
    forbidden = forbidden_ports(baseline) if ports is None else ports
    for version, broad in BROAD.items():
        ranges = {
            number: each for number, rule in enumerate(rules) if (each := _networks(_cidrs(rule, entries), version))
        }
        most = {number: sum(network.num_addresses for network in each) for number, each in ranges.items()}
        if sum(most.values()) < broad:
            continue
        harmless, sizes = _harmless(baseline.allow.cidrs, version), dict[int, int]()
        for port in {frozenset(_let_in(rules, ranges, *ports)) for ports in forbidden}:
            if sum(most[number] for number in port) < broad:
                continue
            sizes = sizes or {number: _beyond(harmless, each) for number, each in ranges.items()}
            left = {number for number in port if sizes[number]}
            while (
                sum(sizes[number] for number in left) >= broad
                and _beyond(harmless, (each for number in left for each in ranges[number])) >= broad
            ):
                broadest = max(sizes[number] for number in left)
                found |= {number for number in left if sizes[number] == broadest}
                left -= found
    return [rule for number, rule in enumerate(rules) if number in found]


def internet_cidrs(cidrs: Iterable[str], baseline: Baseline) -> list[str]:
    """Of ranges that are let in to one place, those by which the internet is: the broadest, until what is left is narrow."""
    found: list[str] = []
    for version, broad in BROAD.items():
        harmless = _harmless(baseline.allow.cidrs, version)
        sizes = {cidr: _beyond(harmless, each) for cidr in cidrs if (each := _networks([cidr], version))}
        left = {cidr for cidr, size in sizes.items() if size}
        while left and _beyond(harmless, _networks(left, version)) >= broad:
            broadest = max(sizes[cidr] for cidr in left)
            found += (gone := sorted(cidr for cidr in left if sizes[cidr] == broadest))
            left -= {*gone}
    return found


def is_public(cidr: str) -> bool:
    """Whether any address in it is."""
    return any(_beyond(_harmless((), network.version), [network]) > 0 for network in networks_of(cidr))


def rules_in(group: Mapping[str, Any]) -> list[Rule]:
    """The ingress rules of a group as DescribeSecurityGroups tells them, which leaves out ids and tags."""
    return [
        {key: value for key, value in permission.items() if isinstance(value, str | int)} | {source: each[name]}
        for permission in group["IpPermissions"]
        for source, (listed, name) in _SOURCES.items()
        for each in permission.get(listed, [])
    ]


def entries_for(rules: Iterable[Rule], aws: Session) -> Entries:
    """The CIDRs of the prefix lists that matter: not known, and let in to a port that must not face the internet.

    None of a list that can't be read, such as one of another account. That may share it no longer, when it still works
    where it was referenced; one of our own isn't deleted while it is.
    https://docs.aws.amazon.com/vpc/latest/userguide/sharing-managed-prefix-lists.html
    """
    lists = [rule for rule in rules if rule.get("PrefixListId", "") not in {"", *aws.baseline.allow.prefix_lists}]
    reached = {
        rule["PrefixListId"] for ports in forbidden_ports(aws.baseline) for rule in lists if lets_in(rule, *ports)
    }
    return {prefix_list: _entries(prefix_list, aws) for prefix_list in sorted(reached)}


def _entries(prefix_list: str, aws: Session) -> list[str] | None:
    pages = aws.client("ec2").get_paginator("get_managed_prefix_list_entries").paginate(PrefixListId=prefix_list)
    with absent("UnauthorizedOperation", "InvalidPrefixListID.NotFound"):
        return [entry["Cidr"] for page in pages for entry in page["Entries"]]
    return None


def format_rule(rule: Rule) -> str:
    """As in `tcp 22 from 0.0.0.0/0`."""
    low, high = _ports(rule)
    ports = "all ports" if low <= 1 and high == _ALL_PORTS[1] else str(low) if low == high else f"{low}-{high}"
    what = "all traffic" if rule["IpProtocol"] == "-1" else f"{rule['IpProtocol']} {ports}"
    return f"{what} from {next(rule[source] for source in _SOURCES if source in rule)}"


class RevokeOpenRules(Fix["SecurityGroup"]):
    """Revoke the rules that allow the internet, and leave the others.

    The state holds only the rules at fault, so that neither the fix nor its undo can touch any other.
    """

    document = "ec2:security-group-rules"
    reads = ("ec2:DescribeSecurityGroups", "ec2:DescribeSecurityGroupRules", "ec2:GetManagedPrefixListEntries")
    writes = (
        "ec2:DescribeSecurityGroupRules",
        "ec2:GetManagedPrefixListEntries",
        "ec2:RevokeSecurityGroupIngress",
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:CreateTags",
    )
    undo_writes = (
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:CreateTags",
    )

    def read(self, resource: SecurityGroup, aws: Session) -> State:
        # Raises if the group is gone; the call below would just list no rules.
        aws.client("ec2").describe_security_groups(GroupIds=[resource.id])
        rules = list(self._rules(resource, aws).values())
        return {"open": sorted(open_rules(rules, aws.baseline, entries_for(rules, aws)), key=json.dumps)}

    def safe(self, state: State, context: FixContext) -> State:
        return {**state, "open": []}

    def needs_approval(
        self, resource: SecurityGroup, before: State, after: State, actor: Actor, aws: Session
    ) -> str | None:
        broad = [rule for rule in before["open"] if spans_others(rule, aws.baseline)]
        return f"{format_rule(broad[0])} also allows other ports, which the fix would close" if broad else None

    def write(self, resource: SecurityGroup, state: State, aws: Session) -> None:
        ec2, wanted = aws.client("ec2"), state["open"]
        now = self._rules(resource, aws)
        at_fault = open_rules(now.values(), aws.baseline, entries_for(now.values(), aws))
        in_the_way = [_permission(rule) for rule in wanted]
        revoked = [
            rule_id
            for rule_id, rule in now.items()
            if rule not in wanted and (rule in at_fault or _permission(rule) in in_the_way)
        ]
        if revoked:
            ec2.revoke_security_group_ingress(GroupId=resource.id, SecurityGroupRuleIds=revoked)
        for rule in wanted:
            if rule in now.values():
                continue
            permission: Any = _permission(rule, described=True)
            made = ec2.authorize_security_group_ingress(GroupId=resource.id, IpPermissions=[permission])
            if rule["Tags"]:
                ids = [each["SecurityGroupRuleId"] for each in made["SecurityGroupRules"]]
                ec2.create_tags(Resources=ids, Tags=[{"Key": key, "Value": rule["Tags"][key]} for key in rule["Tags"]])

    @staticmethod
    def _rules(group: SecurityGroup, aws: Session) -> dict[str, Rule]:
        """The ingress rules by their ids."""
        names = {"IpProtocol", "FromPort", "ToPort", "Description", *_SOURCES}
        pages = (
            aws.client("ec2")
            .get_paginator("describe_security_group_rules")
            .paginate(Filters=[{"Name": "group-id", "Values": [group.id]}], PaginationConfig={"PageSize": 1000})
        )
        return {
            rule["SecurityGroupRuleId"]: {
                **{key: value for key, value in sorted(rule.items()) if key in names},
                "Tags": {tag["Key"]: tag["Value"] for tag in sorted(rule.get("Tags", []), key=lambda tag: tag["Key"])},
            }
            for page in pages
            for rule in page["SecurityGroupRules"]
            if not rule["IsEgress"]
        }


def forbidden_ports(baseline: Baseline) -> list[tuple[str, int, int]]:
    """What must not face the internet: protocol, first and last port."""
    admin = baseline.require.admin_ports
    ports = [("tcp", port) for port in admin] + [
        ("udp", port) for port in admin if port in _UDP or port not in _SHIPPED
    ]
    return [*((protocol, *_ALL_PORTS) for protocol in _PROTOCOLS), *((name, port, port) for name, port in ports)]


def spans_others(rule: Rule, baseline: Baseline) -> bool:
    """Whether it is a range that holds an admin port among others, which something may well need."""
    low, high = _ports(rule)
    return not (low <= REMOTE[0] and REMOTE[1] <= high) and not (
        set(range(low, high + 1)) <= set(baseline.require.admin_ports)
    )


def lets_in_remote(rule: Rule) -> bool:
    """Whether it is for SSH or RDP."""
    return any(lets_in(rule, "tcp", port, port) for port in REMOTE)


def _let_in(rules: list[Rule], numbers: Iterable[int], protocol: str, first: int, last: int) -> Iterable[int]:
    return (number for number in numbers if lets_in(rules[number], protocol, first, last))


def lets_in(rule: Rule, protocol: str, first: int, last: int) -> bool:
    low, high = _ports(rule)
    by_chance = first == last >= _DYNAMIC and low < high
    return rule["IpProtocol"] in _PROTOCOLS[protocol] and low <= first and last <= high and not by_chance


def _ports(rule: Rule) -> tuple[int, int]:
    """Without ports, or with -1, a rule is for all of them."""
    low, high = rule.get("FromPort", -1), rule.get("ToPort", -1)
    return (0, 65535) if -1 in (low, high) else (low, high)


def _cidrs(rule: Rule, entries: Entries) -> list[str]:
    own = [rule[key] for key in ("CidrIpv4", "CidrIpv6") if key in rule]
    return own + (entries.get(rule.get("PrefixListId", "")) or [])


def _networks(cidrs: Iterable[str], version: int) -> list[Network]:
    return [network for cidr in cidrs for network in networks_of(cidr) if network.version == version]


def networks_of(cidr: str) -> list[Network]:
    """One; what can't be read is everything, of both versions."""
    try:
        return [ip_network(cidr, strict=False)]
    except ValueError:
        return [ip_network("0.0.0.0/0"), ip_network("::/0")]


@cache
def _harmless(baseline: tuple[str, ...], version: int) -> list[Network]:
    return _networks((*_NOT_PUBLIC, *baseline), version)


def _beyond(harmless: list[Network], networks: Iterable[Network]) -> int:
    """How many addresses they have that the harmless ones don't."""
    return _size([*harmless, *networks]) - _size(harmless)


def _size(networks: list[Any]) -> int:
    return sum(network.num_addresses for network in collapse_addresses(networks))


def _permission(rule: Rule, *, described: bool = False) -> dict[str, Any]:
    """As AuthorizeSecurityGroupIngress takes it."""
    source = next((source for source in _SOURCES if source in rule), None)
    if source is None:  # The source is a security group.
        return {}
    listed, name = _SOURCES[source]
    ports = {} if rule["IpProtocol"] == "-1" else {key: rule[key] for key in ("FromPort", "ToPort")}
    description = {"Description": rule["Description"]} if described and "Description" in rule else {}
    return {"IpProtocol": rule["IpProtocol"], **ports, listed: [{name: rule[source], **description}]}
