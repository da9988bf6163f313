from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from chalicelib.analysis.policy_access import let_in
from chalicelib.analysis.policy_document import judged
from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.iam.detach_admin_policies import POWER_READS, powers_of_role
from chalicelib.resources.iam.identities import Role, kept_by_aws

if TYPE_CHECKING:
    from chalicelib.core.session import Session


@guardrail(
    severity=Severity.HIGH,
    resource=Role,
    on=cloudtrail("iam", "UpdateAssumeRolePolicy", "CreateRole", "AttachRolePolicy", "PutRolePolicy"),
    reads=POWER_READS,
)
def administrator_role_trusts_user(role: Role, aws: Session) -> str | None:
    """Administrator role that an IAM user of the account can assume.

    The administrator role's trust policy names a user who isn't an allowed administrator. The user needs no policy to
    assume the role. So anyone who may change trust policies can make a user administrator, without a change to the
    role's policies. Snapback only reports it. Remove the user from the trust policy, or name the user under
    `allow.principals`. Naming only the role there doesn't allow the user.

    Roles that trust the whole account leave access to IAM policies, which other guardrails evaluate.
    `iam.role_trusts_unknown_account` covers outsiders.

    Legitimate look-alikes: break-glass roles that name their few users. `allow.principals`, which names those users,
    tells them apart.
    """
    described = role.described(aws)
    if kept_by_aws(described):
        return None
    # Without the role's own account, so that its users count as unknown, too.
    allow = replace(aws.baseline.allow, accounts=aws.baseline.allow.accounts - {role.account})
    document = described["AssumeRolePolicyDocument"]
    found = judged(let_in(document, replace(aws.baseline, allow=allow), ""), document)
    user = rf"arn:[^:]*:iam::{role.account}:user/(.+)"
    names = dict.fromkeys(named[1] for each in found if (named := re.fullmatch(user, each.principal)))
    if names and (why := powers_of_role(described, role.account, aws)):
        return f"its trust policy gives access to user {', '.join(names)}, and {why}"
    return None
