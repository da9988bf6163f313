from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import analyzed, any_of, cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.dynamodb.close_table_policy import CloseTablePolicy
from chalicelib.resources.dynamodb import TableOrStream

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = CloseTablePolicy()


@guardrail(
    severity=Severity.HIGH,
    resource=TableOrStream,
    on=any_of(
        cloudtrail("dynamodb", "PutResourcePolicy", "CreateTable"),
        analyzed("AWS::DynamoDB::Table"),
        analyzed("AWS::DynamoDB::Stream"),
    ),
    reads=FIX.why_reads,
    fix=FIX,
)
def table_policy_trusts_unknown_account(table: TableOrStream, aws: Session) -> str | None:
    """DynamoDB table or stream open to an unknown account.

    An unknown account can read the table's items, change them, or follow each change by the stream. DynamoDB always
    blocks public policies, and nobody can turn that off: it refuses a policy for everyone. It doesn't refuse single
    accounts, organizations or VPC endpoints, whoever owns them. The KMS key changes nothing: an account that may read the
    table needs no right to the key.

    The fix removes the unknown principals, each statement that has no other principal, and the policy if no statement is
    left. The rest of the text stays. A table and its stream have a policy each.

    Legitimate look-alikes: policies for accounts of the organization, and for partners in `allow.accounts`. Snapback asks
    AWS about the account's organization and VPC endpoints; where AWS refuses the look-up, Snapback asks before it fixes.
    """
    return FIX.why(table, aws)
