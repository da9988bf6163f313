from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.iam.put_boundary_back import PutBoundaryBack
from chalicelib.resources.iam.identities import Bounded, kept_by_aws

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = PutBoundaryBack()


@guardrail(
    severity=Severity.HIGH,
    resource=Bounded,
    on=cloudtrail(
        "iam",
        "DeleteRolePermissionsBoundary",
        "DeleteUserPermissionsBoundary",
        "PutRolePermissionsBoundary",
        "PutUserPermissionsBoundary",
        "CreateRole",
        "CreateUser",
    ),
    reads=FIX.reads,
    fix=FIX,
)
def boundary_removed(identity: Bounded, aws: Session) -> str | None:
    """IAM user or role without its required permissions boundary.

    The boundary keeps identities that may create roles from becoming administrator. It was removed, replaced, or never
    set. The fix sets it, and changes no policy. `require.boundaries` names the boundary that each identity must have,
    by ARN with its path. Identities that it doesn't match need none. Service-linked roles and those of IAM Identity
    Center are exempt, because AWS lets nobody change them.

    Legitimate look-alikes: roles that `require.boundaries` doesn't name, such as those of administrators. They need no
    boundary. Their path tells service-linked roles and those of IAM Identity Center apart.
    """
    if not aws.baseline.require.boundaries:
        return None
    state = FIX.read(identity, aws)
    required = aws.baseline.boundary(state["arn"], identity.account)
    if required in (None, state["boundary"]) or kept_by_aws(identity.described(aws)):
        return None
    return f"has {state['boundary'] or 'no permissions boundary'} and must have {required}"
