"""Ingress rules of network ACLs that allow SSH or RDP from the internet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.core.rule import Fix, FixContext
from chalicelib.fixes.ec2.revoke_open_rules import REMOTE, lets_in, networks_of, open_rules
from chalicelib.resources.absent import absent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Actor
    from chalicelib.core.resource import Resource
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.ec2.network_acls import NetworkAclEntry

_PORTS = [("tcp", port, port) for port in REMOTE]
_EPHEMERAL = (1024, 60999)
"""A range from the one or above it to the other or beyond takes the answers to what went out: an ACL keeps no state.

https://docs.aws.amazon.com/vpc/latest/userguide/custom-network-acl.html#nacl-ephemeral-ports
"""
_KEPT = ("Protocol", "RuleAction", "CidrBlock", "Ipv6CidrBlock", "PortRange", "IcmpTypeCode")


def opened(entries: Iterable[Mapping[str, Any]], number: int, baseline: Baseline) -> Mapping[str, Any] | None:
    """The ingress rule of this number, if it allows SSH or RDP from the internet, and no earlier rule denies it."""
    before: list[Mapping[str, Any]] = []
    for entry in sorted(entries, key=lambda entry: int(entry["RuleNumber"])):
        if entry["RuleNumber"] == number:
            rule = _rule(entry)
            if entry["RuleAction"] != "allow" or _for_answers(entry) or not open_rules([rule], baseline, {}, _PORTS):
                return None
            found = any(lets_in(rule, *ports) and not _denied(before, entry, ports) for ports in _PORTS)
            return entry if found else None
        before.append(entry)
    return None


def made_by_aws(entry: Mapping[str, Any]) -> bool:
    """Whether it is one of the two rules that AWS makes a default ACL with, for all traffic of IPv4 and of IPv6.

    https://docs.aws.amazon.com/vpc/latest/userguide/default-network-acl.html
    """
    return (entry["RuleNumber"], entry["Protocol"], _source(entry)) in {(100, "-1", "0.0.0.0/0"), (101, "-1", "::/0")}


def _for_answers(entry: Mapping[str, Any]) -> bool:
    ports = entry.get("PortRange") or {}
    return bool(ports) and ports["From"] >= _EPHEMERAL[0] and ports["To"] >= _EPHEMERAL[1]


def format_rule(entry: Mapping[str, Any]) -> str:
    """As in `tcp 22 from 0.0.0.0/0`."""
    ports = entry.get("PortRange") or {}
    low, high = ports.get("From", 0), ports.get("To", 65535)
    protocol = {"-1": "all traffic", "6": "tcp", "17": "udp"}.get(entry["Protocol"], entry["Protocol"])
    which = "" if entry["Protocol"] == "-1" else f" {low}" if low == high else f" {low}-{high}"
    return f"{protocol}{which} from {_source(entry)}"


def _rule(entry: Mapping[str, Any]) -> dict[str, Any]:
    """As a rule of a security group."""
    ports = entry.get("PortRange") or {}
    source = "CidrIpv6" if "Ipv6CidrBlock" in entry else "CidrIpv4"
    return {
        "IpProtocol": entry["Protocol"],
        "FromPort": ports.get("From", -1),
        "ToPort": ports.get("To", -1),
        source: _source(entry),
    }


def _source(entry: Mapping[str, Any]) -> str:
    return str(entry.get("Ipv6CidrBlock") or entry.get("CidrBlock"))


def _denied(before: Iterable[Mapping[str, Any]], entry: Mapping[str, Any], ports: tuple[str, int, int]) -> bool:
    """Whether a rule that is tried before denies all of it on this protocol and these ports."""
    wholes: list[Any] = networks_of(_source(entry))
    for each in before:
        others: list[Any] = networks_of(_source(each))
        covers = len(wholes) == len(others) == 1 and wholes[0].version == others[0].version
        covers = covers and wholes[0].subnet_of(others[0])
        if each["RuleAction"] == "deny" and covers and lets_in(_rule(each), *ports):
            return True
    return False


class DeleteNetworkAclEntry(Fix["NetworkAclEntry"]):
    """Delete this one rule of the network ACL. Traffic that no rule allows is denied.

    https://docs.aws.amazon.com/vpc/latest/userguide/nacl-basics.html
    """

    document = "ec2:network-acl-entry"
    reads = ("ec2:DescribeNetworkAcls",)
    writes = ("ec2:DescribeNetworkAcls", "ec2:CreateNetworkAclEntry", "ec2:DeleteNetworkAclEntry")
    undo_writes = ("ec2:CreateNetworkAclEntry",)

    def read(self, resource: NetworkAclEntry, aws: Session) -> State:
        found = [each for each in resource.listed(aws) if each["RuleNumber"] == resource.number]
        return {"rule": {key: found[0][key] for key in _KEPT if key in found[0]} if found else None}  # type: ignore[literal-required]

    def safe(self, state: State, context: FixContext) -> State:
        return {**state, "rule": None}

    def touches(self, resource: NetworkAclEntry, before: State, after: State) -> tuple[Resource | str, ...]:
        """AWS knows no ARNs of entries, only of the ACL."""
        return (resource.arn.rpartition("/")[0],)

    def write(self, resource: NetworkAclEntry, state: State, aws: Session) -> None:
        ec2: Any = aws.client("ec2")
        which = {"NetworkAclId": resource.acl, "RuleNumber": resource.number, "Egress": False}
        now, wanted = self.read(resource, aws)["rule"], state["rule"]
        if now == wanted:
            return
        if now is not None:
            with absent("InvalidNetworkAclEntry.NotFound"):
                ec2.delete_network_acl_entry(**which)
        if wanted is not None:
            ec2.create_network_acl_entry(**which, **wanted)

    def needs_approval(
        self,
        resource: NetworkAclEntry,
        before: State,
        after: State,
        actor: Actor,
        aws: Session,
    ) -> str | None:
        rule = before["rule"]
        ports = (rule or {}).get("PortRange") or {}
        low, high = ports.get("From", 0), ports.get("To", 65535)
        if rule is None or set(range(low, high + 1)) <= {*REMOTE}:
            return None
        return "the rule also allows other ports, which the fix would close"
