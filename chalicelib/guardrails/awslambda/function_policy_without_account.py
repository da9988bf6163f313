from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.analysis.policy_document import judged
from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.awslambda.narrow_permissions import NarrowPermissions
from chalicelib.resources.awslambda import Qualified

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = NarrowPermissions()


@guardrail(
    severity=Severity.MEDIUM,
    resource=Qualified,
    on=cloudtrail("lambda", "AddPermission20150331", "AddPermission20150331v2", "PutResourcePolicy"),
    reads=(*FIX.reads, "lambda:GetFunctionConfiguration"),
    fix=FIX,
    controls=("Lambda.1",),
    opt_in=True,
)
def function_policy_without_account(function: Qualified, aws: Session) -> str | None:
    """Lambda permission for a bucket or secret without SourceAccount.

    A bucket's ARN has no account in it. After the bucket is deleted, anyone who creates a bucket with that name can
    have S3 call the function. The fix adds the same permission with `SourceAccount`, the function's own account, and
    then removes the one without. An undo restores the old permission. Use `ask` where buckets of other accounts call
    functions, or where Terraform or CloudFormation made the permission: both report the change as drift.

    Legitimate look-alikes: Terraform's `aws_lambda_permission` for an S3 trigger and the permission of Secrets
    Manager's rotation mostly have no account. Both work, so this guardrail only alerts until the settings name it.
    """
    policy = function.policy(aws)
    found = judged(FIX.found(policy, aws.baseline, function.account), policy)
    described = (f"{each.raw.get('Sid')} for {grant.principal}" for each, grant in found)
    return f"no SourceAccount in {', '.join(described)}" if found else None
