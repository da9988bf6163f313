from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.errors import CannotJudge
from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.ec2.revoke_open_rules import RevokeOpenRules, entries_for, format_rule, open_rules, rules_in
from chalicelib.resources.ec2.security_groups import OF_PREFIX_LISTS, SecurityGroup

if TYPE_CHECKING:
    from chalicelib.core.session import Session

MOST_TOLD = 5


@guardrail(
    severity=Severity.CRITICAL,
    resource=SecurityGroup,
    on=cloudtrail("ec2", "AuthorizeSecurityGroupIngress", "ModifySecurityGroupRules", *OF_PREFIX_LISTS),
    reads=("ec2:DescribeSecurityGroups", "ec2:GetManagedPrefixListEntries"),
    fix=RevokeOpenRules(),
    controls=("EC2.13", "EC2.14", "EC2.19", "EC2.53", "EC2.54", "CIS-5.0 5.3", "CIS-5.0 5.4"),
)
def security_group_opened_to_internet(group: SecurityGroup, aws: Session) -> str | None:
    """Security group open to the internet on an admin port.

    Anyone can try passwords and exploits on SSH, RDP or a database behind it. It counts for the ports in
    `require.admin_ports`, for ranges that hold one of them, and for all ports, over TCP and UDP; web ports and ICMP are
    exempt. The internet is 0.0.0.0/0, ::/0 and whatever else, in one range, in many or in a prefix list, has as many
    public addresses as a /7 (IPv6: a /31); ranges in `allow.cidrs` and lists in `allow.prefix_lists` are not counted. A prefix
    list that Snapback may not read, as of another account, leaves the group unjudged unless it is open otherwise.

    The fix revokes the broadest rules until what is left is narrow, and touches no other; an undo authorizes them
    again, with their descriptions and tags, under new rule ids. Exempt groups that face the internet on purpose, such
    as those of media servers with a broad range of UDP ports.
    """
    (found,) = aws.client("ec2").describe_security_groups(GroupIds=[group.id])["SecurityGroups"]
    rules = rules_in(found)
    entries = entries_for(rules, aws)
    lines = sorted(map(format_rule, open_rules(rules, aws.baseline, entries)))
    if not lines:
        if unread := [name for name, cidrs in entries.items() if cidrs is None]:
            raise CannotJudge(f"it lets in prefix lists that Snapback may not read: {', '.join(unread)}")
        return None
    more = f" and {len(lines) - MOST_TOLD} more" if len(lines) > MOST_TOLD else ""
    return f"it lets in {', '.join(lines[:MOST_TOLD])}{more}"
