from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.ec2.delete_network_acl_entry import DeleteNetworkAclEntry, format_rule, made_by_aws, opened
from chalicelib.resources.ec2.network_acls import NetworkAclEntry

if TYPE_CHECKING:
    from chalicelib.core.session import Session


@guardrail(
    severity=Severity.MEDIUM,
    resource=NetworkAclEntry,
    on=cloudtrail(
        "ec2",
        "CreateNetworkAclEntry",
        "DeleteNetworkAclEntry",
        "ReplaceNetworkAclAssociation",
        "ReplaceNetworkAclEntry",
    ),
    reads=("ec2:DescribeNetworkAcls",),
    fix=DeleteNetworkAclEntry(),
)
def network_acl_opened_to_internet(entry: NetworkAclEntry, aws: Session) -> str | None:
    """Network ACL rule that allows SSH or RDP from the internet.

    Only the security groups then protect TCP ports 22 and 3389. The internet is defined as in
    `ec2.security_group_opened_to_internet`; a rule doesn't count where one with a lower number denies the traffic.
    Snapback evaluates the rule that was added or replaced, the rules that a deleted or replaced one may have shadowed,
    and the rules of a subnet's new ACL.

    The fix deletes only that rule; an undo creates it again. If the rule allows other ports too, Snapback asks first,
    because they would be cut off: a rule for all traffic can't be narrowed to all but a few ports.

    Legitimate look-alikes: each VPC's default ACL has AWS's own rules for all traffic (100, and 101 for IPv6). They are
    exempt there; rules that somebody adds to it are not. Ranges of ephemeral ports, such as 1024-65535 and 32768-65535,
    allow the answers to outgoing traffic, and are exempt too.
    """
    found = opened(entry.listed(aws), entry.number, aws.baseline)
    if not found or (made_by_aws(found) and entry.is_default(aws)):
        return None
    return f"rule {entry.number} allows {format_rule(found)}"
