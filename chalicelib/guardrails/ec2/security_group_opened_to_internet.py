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

    Anyone can try passwords and exploits on SSH, RDP or a database behind it. It counts for the ports in
    `require.admin_ports`, for ranges that hold one of them, and for all ports; web ports and ICMP are exempt. A finding
    without SSH and RDP is high, and not critical. Over UDP count SQL Server Browser (1434), RDP and ports of your own.
    The internet is 0.0.0.0/0, ::/0 and whatever else, in one range, in many or in a prefix list, has as many public
    addresses as a /7 (IPv6: a /31); ranges in `allow.cidrs` and lists in `allow.prefix_lists` are not counted. A prefix
    list that Snapback can't read, as one that another account shares no longer, leaves the group unjudged unless it is
    open otherwise.

    The fix revokes the broadest rules until what is left is narrow, and touches no other; an undo authorizes them
    again, with their descriptions and tags, under new rule ids. It asks first about a range that holds other ports too,
    unless it goes from SSH to RDP. Exempt groups that face the internet on purpose.

    Legitimate look-alikes: media and VPN servers take broad ranges of UDP, on which none of the admin services listen.
    Ranges of dynamic ports (from 49152) are passive FTP and TURN: an admin port there counts only in a rule of its own.
    """
    (found,) = aws.client("ec2").describe_security_groups(GroupIds=[group.id])["SecurityGroups"]
    rules = rules_in(found)
    entries = entries_for(rules, aws)
    found_open = open_rules(rules, aws.baseline, entries)
    if not found_open:
        if unread := [name for name, cidrs in entries.items() if cidrs is None]:
            raise CannotJudge(f"it lets in prefix lists that Snapback can't read: {', '.join(unread)}")
        return None
    lines = sorted(map(format_rule, found_open))
    more = f" and {len(lines) - MOST_TOLD} more" if len(lines) > MOST_TOLD else ""
    reason = f"it lets in {', '.join(lines[:MOST_TOLD])}{more}"
    return reason if any(map(lets_in_remote, found_open)) else Graded(reason, Severity.HIGH)
