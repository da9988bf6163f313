"""Permissions boundaries of IAM users and roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.rule import Fix, FixContext
from chalicelib.resources.absent import absent

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.iam.identities import Bounded


class PutBoundaryBack(Fix["Bounded"]):
    """Set the permissions boundary that the settings require.

    The state is `{"arn": whose, path included, "account": its, "boundary": the policy's ARN, or None}`.
    """

    document = "iam:boundary"
    reads = ("iam:GetUser", "iam:GetRole")
    writes = (
        "iam:PutUserPermissionsBoundary",
        "iam:PutRolePermissionsBoundary",
        "iam:DeleteUserPermissionsBoundary",
        "iam:DeleteRolePermissionsBoundary",
    )
    undo_writes = (
        "iam:DeleteRolePermissionsBoundary",
        "iam:DeleteUserPermissionsBoundary",
    )

    def read(self, resource: Bounded, aws: Session) -> State:
        described = resource.described(aws)
        boundary = described.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        return {"arn": described["Arn"], "account": resource.account, "boundary": boundary}

    def safe(self, state: State, context: FixContext) -> State:
        return {**state, "boundary": context.baseline.boundary(state["arn"], state["account"]) or state["boundary"]}

    def write(self, resource: Bounded, state: State, aws: Session) -> None:
        iam = aws.client("iam")
        if state["boundary"] is None:
            with absent("NoSuchEntity"):
                getattr(iam, f"delete_{resource.what}_permissions_boundary")(**resource.name)
        else:
            put = getattr(iam, f"put_{resource.what}_permissions_boundary")
            put(**resource.name, PermissionsBoundary=state["boundary"])
