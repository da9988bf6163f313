"""Resource policies of DynamoDB tables and their streams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.fixes.policy import ClosePolicy
from chalicelib.resources.dynamodb import TableOrStream

if TYPE_CHECKING:
    from chalicelib.core.session import Session
    from chalicelib.fixes.policy import Calls


class CloseTablePolicy(ClosePolicy[TableOrStream]):
    """Remove unknown principals from the policy of the table or stream, and leave the rest of its text."""

    document = "dynamodb:resource-policy"
    reads = ("dynamodb:GetResourcePolicy",)
    writes = ("dynamodb:PutResourcePolicy", "dynamodb:DeleteResourcePolicy")
    none = frozenset({"PolicyNotFoundException"})

    def calls(self, aws: Session) -> Calls:
        dynamodb = aws.client("dynamodb")
        return dynamodb.get_resource_policy, dynamodb.put_resource_policy, dynamodb.delete_resource_policy

    def named(self, resource: TableOrStream) -> dict[str, str]:
        return {"ResourceArn": resource.arn}
