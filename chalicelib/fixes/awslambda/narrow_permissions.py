"""Permissions of services in the policies of Lambda functions, with the account that they act for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.analysis.policy_access import Grant, let_in
from chalicelib.analysis.policy_document import Statement, statements
from chalicelib.core.rule import Fix, FixContext
from chalicelib.fixes.awslambda.remove_permissions import DOCUMENT, lacks_account, permission
from chalicelib.resources.absent import absent

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.awslambda import Qualified

NARROWED = "-snapback"
"""Ends the Sid of a statement that the fix made, so that an undo finds it."""


class NarrowPermissions(Fix["Qualified"]):
    """Add the same permission for the function's own account, then remove the one without an account.

    `statements` are those without an account, and those that the fix made of such; the others are no part of the state.
    """

    document = DOCUMENT
    reads = ("lambda:GetPolicy",)
    writes = ("lambda:GetPolicy", "lambda:RemovePermission", "lambda:AddPermission")

    def found(self, policy: str | None, baseline: Baseline, account: str) -> list[tuple[Statement, Grant]]:
        by_index = {each.index: each for each in statements(policy)}
        grants = ((by_index[each.statement], each) for each in let_in(policy, baseline, account))
        return [(statement, each) for statement, each in grants if lacks_account(statement, each)]

    def read(self, resource: Qualified, aws: Session) -> State:
        return {"statements": self._mine(resource.policy(aws), resource, aws)}

    def safe(self, state: State, context: FixContext) -> State:
        return {"statements": [_narrowed(each) for each in state["statements"]]}

    def write(self, resource: Qualified, state: State, aws: Session) -> None:
        client = aws.client("lambda")
        policy: str | None = None
        with absent("ResourceNotFoundException"):
            policy = client.get_policy(**resource.asked)["Policy"]
        there, wanted = self._mine(policy, resource, aws), state["statements"]
        for each in wanted:
            if each not in there and (asked := permission(each)):
                client.add_permission(**resource.asked, **asked)
        for each in there:
            if each not in wanted and permission(each):
                with absent("ResourceNotFoundException"):
                    client.remove_permission(**resource.asked, StatementId=each["Sid"])

    def _mine(self, policy: str | None, resource: Qualified, aws: Session) -> list[dict[str, Any]]:
        found = {each.index for each, _ in self.found(policy, aws.baseline, resource.account)}
        return [
            dict(each.raw)
            for each in statements(policy)
            if each.index in found or str(each.raw.get("Sid")).endswith(NARROWED)
        ]


def _narrowed(statement: dict[str, Any]) -> dict[str, Any]:
    """The same for the account of the function; as it is where AddPermission couldn't make it, or it is so already."""
    sid = str(statement.get("Sid"))
    if sid.endswith(NARROWED) or permission(statement) is None:
        return statement
    conditions = statement.get("Condition", {})
    account = str(statement["Resource"]).split(":")[4]
    equals = {**conditions.get("StringEquals", {}), "AWS:SourceAccount": account}
    return {**statement, "Sid": sid + NARROWED, "Condition": {**conditions, "StringEquals": equals}}
