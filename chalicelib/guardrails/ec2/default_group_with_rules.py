from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import SCHEDULED, any_of, cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.ec2.empty_default_group import EmptyDefaultGroup
from chalicelib.resources.ec2.security_groups import DefaultGroup

if TYPE_CHECKING:
    from chalicelib.core.session import Session

CALLS = ("AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress", "ModifySecurityGroupRules")


@guardrail(
    severity=Severity.MEDIUM,
    resource=DefaultGroup,
    on=any_of(cloudtrail("ec2", *CALLS), SCHEDULED),
    reads=("ec2:DescribeSecurityGroups",),
    fix=EmptyDefaultGroup(),
    controls=("EC2.2", "CIS-5.0 5.5"),
    opt_in=True,
)
def default_group_with_rules(group: DefaultGroup, aws: Session) -> str | None:
    """Default security group with rules.

    An instance started without a security group gets the VPC's default one, which nobody can delete. Its members reach
    each other, and everything that its rules allow. The fix revokes all its rules. An undo authorizes them again, with
    their descriptions and tags, under new rule ids. The fix cuts off everything still in the group: move it to another
    group before you switch the fix on. AWS creates a VPC with such rules; the daily sweep finds those.

    Legitimate look-alikes: AWS creates each VPC's default group with two rules, and instances may rely on them. Nothing
    tells those from a mistake, so this guardrail only alerts until the settings name it. A default group without rules,
    as CDK's `restrictDefaultSecurityGroup` leaves it, is fine.
    """
    (found,) = aws.client("ec2").describe_security_groups(GroupIds=[group.id])["SecurityGroups"]
    if found["GroupName"] != "default":
        return None
    ways = [
        f"{len(permissions)} {way}"
        for way, permissions in (("in", found["IpPermissions"]), ("out", found["IpPermissionsEgress"]))
        if permissions
    ]
    return f"it has permissions: {' and '.join(ways)}" if ways else None
