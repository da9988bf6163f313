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
    """IAM user or role without the permissions boundary that it must have.

    The boundary is what keeps those who may make roles from making themselves administrator. It was taken away,
    swapped for another, or never given. The fix puts it on, and touches no policy. Say which boundary who must have
    under `require.boundaries`, by ARN with its path; where nothing fits, nothing is required. Service-linked roles and
    those of IAM Identity Center are exempt, since AWS lets nobody change them.

    Legitimate look-alikes: roles that `require.boundaries` doesn't name, such as those of administrators. Nothing
    is required of them. Service-linked roles and those of IAM Identity Center are told apart by their path.
    """
    if not aws.baseline.require.boundaries:
        return None
    state = FIX.read(identity, aws)
    required = aws.baseline.boundary(state["arn"], identity.account)
    if required in (None, state["boundary"]) or kept_by_aws(identity.described(aws)):
        return None
    return f"has {state['boundary'] or 'no permissions boundary'} and must have {required}"
