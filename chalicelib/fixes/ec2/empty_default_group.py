"""The rules of a VPC's default security group, in and out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeAlias

from chalicelib.core.rule import Fix, FixContext

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.ec2.security_groups import DefaultGroup

Rule: TypeAlias = dict[str, Any]
"""A rule as DescribeSecurityGroupRules tells it, without its ids, which are new each time it is authorized."""

_KEPT = ("IsEgress", "IpProtocol", "FromPort", "ToPort", "CidrIpv4", "CidrIpv6", "PrefixListId", "Description")
_SOURCES = {
    "CidrIpv4": ("IpRanges", "CidrIp"),
    "CidrIpv6": ("Ipv6Ranges", "CidrIpv6"),
    "PrefixListId": ("PrefixListIds", "PrefixListId"),
}
"""A rule's source, and the list and name that it has in an IpPermission."""


class EmptyDefaultGroup(Fix["DefaultGroup"]):
    """Revoke all rules of the default security group.

    An undo authorizes them again, with their descriptions and tags, under new rule ids.
    """

    document = "ec2:security-group-rules"
    reads = ("ec2:DescribeSecurityGroups", "ec2:DescribeSecurityGroupRules")
    writes = (
        "ec2:DescribeSecurityGroupRules",
        "ec2:RevokeSecurityGroupIngress",
        "ec2:RevokeSecurityGroupEgress",
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:AuthorizeSecurityGroupEgress",
        "ec2:CreateTags",
    )
    undo_writes = (
        "ec2:AuthorizeSecurityGroupEgress",
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:CreateTags",
    )

    def read(self, resource: DefaultGroup, aws: Session) -> State:
        # Raises if the group is gone; the call below would just list no rules.
        aws.client("ec2").describe_security_groups(GroupIds=[resource.id])
        return {"rules": sorted(self._rules(resource, aws).values(), key=lambda rule: json.dumps(rule, sort_keys=True))}

    def safe(self, state: State, context: FixContext) -> State:
        return {**state, "rules": []}

    def take_back(self, before: State, after: State, now: State) -> State | None:
        """The rules that were revoked, beside those that came since."""
        rules = [*now["rules"], *(rule for rule in before["rules"] if rule not in now["rules"])]
        return {**now, "rules": sorted(rules, key=lambda rule: json.dumps(rule, sort_keys=True))}

    def write(self, resource: DefaultGroup, state: State, aws: Session) -> None:
        ec2: Any = aws.client("ec2")
        now, wanted = self._rules(resource, aws), state["rules"]
        for egress, way in ((False, "ingress"), (True, "egress")):
            gone = [id_ for id_, rule in now.items() if rule["IsEgress"] == egress and rule not in wanted]
            if gone:
                getattr(ec2, f"revoke_security_group_{way}")(GroupId=resource.id, SecurityGroupRuleIds=gone)
        for rule in wanted:
            if rule in now.values():
                continue
            way = "egress" if rule["IsEgress"] else "ingress"
            authorize = getattr(ec2, f"authorize_security_group_{way}")
            made = authorize(GroupId=resource.id, IpPermissions=[_permission(rule)])["SecurityGroupRules"]
            if rule["Tags"]:
                tags = [{"Key": key, "Value": value} for key, value in rule["Tags"].items()]
                ec2.create_tags(Resources=[each["SecurityGroupRuleId"] for each in made], Tags=tags)

    @staticmethod
    def _rules(group: DefaultGroup, aws: Session) -> dict[str, Rule]:
        """By their ids."""
        pages = (
            aws.client("ec2")
            .get_paginator("describe_security_group_rules")
            .paginate(Filters=[{"Name": "group-id", "Values": [group.id]}], PaginationConfig={"PageSize": 1000})
        )
        found: dict[str, Rule] = {}
        for rule in (rule for page in pages for rule in page["SecurityGroupRules"]):
            peer = rule.get("ReferencedGroupInfo")
            found[rule["SecurityGroupRuleId"]] = {
                **{key: value for key, value in rule.items() if key in _KEPT},
                **(
                    {"Group": {key: value for key, value in peer.items() if key in {"GroupId", "UserId"}}}
                    if peer
                    else {}
                ),
                "Tags": {tag["Key"]: tag["Value"] for tag in sorted(rule.get("Tags", []), key=lambda tag: tag["Key"])},
            }
        return found


def _permission(rule: Rule) -> dict[str, Any]:
    """As AuthorizeSecurityGroupIngress and …Egress take it."""
    ported = [key for key in ("FromPort", "ToPort") if key in rule and rule["IpProtocol"] != "-1"]
    described = {"Description": rule["Description"]} if "Description" in rule else {}
    if "Group" in rule:
        source = {"UserIdGroupPairs": [{**rule["Group"], **described}]}
    else:
        source = {listed: [{name: rule[key], **described}] for key, (listed, name) in _SOURCES.items() if key in rule}
    return {"IpProtocol": rule["IpProtocol"], **{key: rule[key] for key in ported}, **source}
