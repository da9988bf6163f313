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
    """Administrator's role that an IAM user of the account can assume.

    The trust policy of a role that is administrator names a user who isn't meant to be: the user needs no policy of its
    own to take the role on. That is how somebody who may change trust policies makes a user administrator, while the role
    and its policies stay as they were. It is reported, never fixed. Take the user out of the trust policy, or name
    who may be administrator under `allow.principals`; that the role may be doesn't say that the user may.

    Roles that trust the whole account leave it to policies of IAM, which other guardrails look at, and strangers are
    `iam.role_trusts_unknown_account`'s.

    Legitimate look-alikes: break-glass roles that name the few who may use them. They are told apart by
    `allow.principals`, which names those users.
    """
    described = role.described(aws)
    if kept_by_aws(described):
        return None
    # Of no account, so that the users of the role's own are strangers too.
    allow = replace(aws.baseline.allow, accounts=aws.baseline.allow.accounts - {role.account})
    document = described["AssumeRolePolicyDocument"]
    found = judged(let_in(document, replace(aws.baseline, allow=allow), ""), document)
    user = rf"arn:[^:]*:iam::{role.account}:user/(.+)"
    names = dict.fromkeys(named[1] for each in found if (named := re.fullmatch(user, each.principal)))
    if names and (why := powers_of_role(described, role.account, aws)):
        return f"its trust policy lets in user {', '.join(names)}, and {why}"
    return None
