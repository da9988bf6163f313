from __future__ import annotations

from typing import TYPE_CHECKING

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
    """Lambda function that a service may call for one bucket or secret, without saying whose.

    The ARN of a bucket has no account in it. When the bucket is deleted, whoever makes one of that name can have S3 call
    the function. The fix adds the same permission with `SourceAccount`, the function's own account, and then removes the
    one without; an undo puts back the one that was there. Set it to `ask` where buckets of other accounts call
    functions, or where Terraform or CloudFormation made the permission: they report the change as drift.

    Legitimate look-alikes: Terraform's `aws_lambda_permission` for an S3 trigger and the permission of Secrets Manager's
    rotation mostly have no account. That works, so that this only alerts until the settings name the guardrail.
    """
    found = FIX.found(function.policy(aws), aws.baseline, function.account)
    described = (f"{each.raw.get('Sid')} for {grant.principal}" for each, grant in found)
    return f"no SourceAccount in {', '.join(described)}" if found else None
