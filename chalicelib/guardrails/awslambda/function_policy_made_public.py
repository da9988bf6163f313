from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.analysis.policy_access import Outsider, format_left_over
from chalicelib.analysis.policy_document import judged
from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.awslambda.remove_permissions import RemovePermissions
from chalicelib.resources.awslambda import Qualified

if TYPE_CHECKING:
    from chalicelib.analysis.policy_access import Grant
    from chalicelib.analysis.policy_document import Statement
    from chalicelib.core.session import Session

FIX = RemovePermissions()


@guardrail(
    severity=Severity.HIGH,
    resource=Qualified,
    on=cloudtrail("lambda", "AddPermission", "PutResourcePolicy"),
    reads=(*FIX.reads, "lambda:GetFunctionConfiguration"),
    fix=FIX,
    controls=("Lambda.1",),
)
def function_policy_made_public(function: Qualified, aws: Session) -> str | None:
    """Lambda function callable by other accounts.

    Its policy allows anyone, an unknown account, or an AWS service on anyone's behalf. For example, a permission for
    `s3.amazonaws.com` without SourceArn or SourceAccount also serves buckets of all other accounts. Versions and
    aliases have their own policies; Snapback evaluates each of them.

    The fix removes those statements. An undo adds the same statements again. Snapback only reports a statement that
    only PutResourcePolicy can create, such as one with several principals. `allow.accounts`, `allow.organizations` and
    `allow.principals` name what is known; `allow.principals` may name a service too. An Alexa skill's token and
    Lambda@Edge are fine. Exempt functions that are public on purpose.

    Legitimate look-alikes: the account's own organization and management account. Snapback asks AWS about both; where
    AWS refuses the look-up, Snapback asks before it fixes. Two more belong to
    `awslambda.function_policy_without_account`: an S3 trigger as Terraform writes it (SourceArn without SourceAccount),
    and Secrets Manager's rotation.
    """
    policy = function.policy(aws)
    found = judged(FIX.unknown(policy, function.account, aws), policy)
    told = "; ".join(_format_grant(*each) for each in found)
    return f"its policy gives access to {told}{format_left_over(grant for _, grant in found)}" if found else None


def _format_grant(statement: Statement, grant: Grant) -> str:
    """`anyone in statement open, lambda:InvokeFunctionUrl`."""
    who = {
        Outsider.ANYONE: "anyone",
        Outsider.SERVICE: f"{grant.principal} on anyone's behalf",
    }.get(grant.who, f"{grant.principal} ({grant.who})")
    name = statement.raw.get("Sid") or statement.index + 1
    return f"{who} in statement {name}, {', '.join(statement.actions()) or 'all actions but some'}"
