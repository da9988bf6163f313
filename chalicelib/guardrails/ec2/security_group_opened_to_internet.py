from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.errors import CannotJudge
from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Graded, Severity
from chalicelib.fixes.ec2.revoke_open_rules import (
    RevokeOpenRules,
    entries_for,
    format_rule,
    lets_in_remote,
    open_rules,
    rules_in,
)
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
    controls=("EC2.13", "EC2.14"),
)
def security_group_opened_to_internet(group: SecurityGroup, aws: Session) -> str | None:
    """Security group open to the internet on an admin port.

    Anyone can try passwords and exploits on SSH, RDP or a database behind it. Snapback evaluates the ports in
    `require.admin_ports`, ranges that contain one of them, and all ports. Web ports and ICMP are exempt. A finding
    without SSH and RDP is high, not critical. For UDP, SQL Server Browser (1434), RDP and your own ports count. The
    internet is 0.0.0.0/0, ::/0, or any ranges or prefix lists with as many public addresses as a /7 (IPv6: a /31).
    Ranges in `allow.cidrs` and lists in `allow.prefix_lists` don't count. If Snapback can't read a prefix list, such as
    one that is no longer shared, it can't judge the group, unless the group is open otherwise.

    The fix revokes the broadest rules until only narrow ones are left, and changes no other. An undo authorizes them
    again, with their descriptions and tags, under new rule ids. Snapback asks first about a range that contains other
    ports too, unless it goes from SSH to RDP. Exempt groups that face the internet on purpose.

    Legitimate look-alikes: media and VPN servers need broad UDP ranges, on which no admin service listens. Ranges of
    dynamic ports (from 49152) are passive FTP and TURN: an admin port there counts only in a rule of its own.
    """
    (found,) = aws.client("ec2").describe_security_groups(GroupIds=[group.id])["SecurityGroups"]
    rules = rules_in(found)
    entries = entries_for(rules, aws)
    found_open = open_rules(rules, aws.baseline, entries)
    if not found_open:
        if unread := [name for name, cidrs in entries.items() if cidrs is None]:
            raise CannotJudge(f"it allows prefix lists that Snapback can't read: {', '.join(unread)}")
        return None
    lines = sorted(map(format_rule, found_open))
    more = f" and {len(lines) - MOST_TOLD} more" if len(lines) > MOST_TOLD else ""
    reason = f"it allows {', '.join(lines[:MOST_TOLD])}{more}"
    return reason if any(map(lets_in_remote, found_open)) else Graded(reason, Severity.HIGH)
