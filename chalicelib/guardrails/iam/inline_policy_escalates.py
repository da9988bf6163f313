from __future__ import annotations

import re
from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.snapback_resources import is_ours
from chalicelib.core.types import Severity
from chalicelib.fixes.iam.drop_escalating_statements import DropEscalatingStatements
from chalicelib.resources.iam.identities import LESS_HELD_BACK, Identity, kept_by_aws

if TYPE_CHECKING:
    from chalicelib.analysis.escalation_paths import Path
    from chalicelib.core.session import Session

FIX = DropEscalatingStatements()
_CHANGES_STACKS = frozenset({"cloudformation-002", "cloudformation-005"})
"""Ways up by changing stacks that run with more rights."""


@guardrail(
    severity=Severity.HIGH,
    resource=Identity,
    on=cloudtrail(
        "iam",
        "AttachGroupPolicy",
        "AttachRolePolicy",
        "AttachUserPolicy",
        "PutGroupPolicy",
        "PutRolePolicy",
        "PutUserPolicy",
        *LESS_HELD_BACK,
    ),
    reads=(*FIX.reads, "iam:GetGroup"),
    fix=FIX,
    opt_in=True,
)
def inline_policy_escalates(identity: Identity, aws: Session) -> str | None:
    """Inline policy that allows privilege escalation.

    The inline policies of a user, role or group allow all calls of a published privilege-escalation path on any
    resource. Examples are iam:PutUserPolicy on all users or on itself, iam:PassRole with lambda:CreateFunction and
    lambda:InvokeFunction, and ssm:SendCommand on all instances. The finding names the path; its id under
    https://pathfinding.cloud/paths/ explains it. Snapback evaluates the policies together with the attached ones,
    PowerUserAccess included, their Denies, and the permissions boundary. The fix removes the statements that allow a
    path's first call, and deletes a policy with no statement left. When that removes the last administrator, it asks
    first.

    Identities limited to named resources are exempt. So are allowed administrators (`allow.principals`), Snapback's own
    roles and roles that AWS manages. Snapback doesn't evaluate AWS's other managed policies, what a user gets from its
    groups, or which roles exist. Exempt deployment roles that need these calls.

    Legitimate look-alikes: `cdk bootstrap` creates `cdk-…-deploy-role-…`, which changes any stack of the account and
    passes its execution role by name. A role of that name with no other escalation path is exempt.
    """
    found = FIX.found(identity, aws)
    if not found or is_ours(aws.baseline, identity.arn):
        return None
    described = identity.described(aws)
    if aws.baseline.principal(described["Arn"]) or kept_by_aws(described) or _deploys_by_cdk(identity, found):
        return None
    return "inline policies allow privilege escalation: " + "; ".join(
        f"{name}, statement {index + 1}: {_format_paths(paths)}"
        for name, opened in found.items()
        for index, paths in opened.items()
    )


def _deploys_by_cdk(identity: Identity, found: dict[str, dict[int, list[Path]]]) -> bool:
    """Whether it is the deploy role of `cdk bootstrap`, and opens no other way than to change stacks, its work."""
    named = re.fullmatch(rf"role/cdk-[a-z0-9]{{1,10}}-deploy-role-{identity.account}-[a-z0-9-]+", identity.id)
    paths = {path.id for opened in found.values() for some in opened.values() for path in some}
    return bool(named) and paths <= _CHANGES_STACKS


def _format_paths(paths: list[Path]) -> str:
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""  # noqa: PLR2004 - enough to see what it is about
    return ", ".join(map(str, paths[:3])) + more
