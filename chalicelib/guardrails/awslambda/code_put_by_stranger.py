from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.awslambda.stop_function import StopFunction
from chalicelib.resources.awslambda import CODED, Deployment

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = StopFunction()


@guardrail(
    severity=Severity.HIGH,
    resource=Deployment,
    on=cloudtrail("lambda", *CODED),
    reads=("lambda:GetFunctionConfiguration", *FIX.reads),
    fix=FIX,
    opt_in=True,
)
def code_put_by_stranger(deployment: Deployment, aws: Session) -> str | None:
    """Code put in a Lambda function by somebody else than the pipeline.

    Whoever writes a function's code has what its role may do. `allow.deployers` names the users and roles that may, by
    ARN; while it names none, anybody may, and nothing is reported. For CloudFormation it is whoever called it, or the
    role that the stack was given. It is over as soon as the function has other code.

    The fix reserves a concurrency of 0 for the function, so that it is not run at all; undo puts back what was
    reserved. That stops what depends on the function, so it is done only where the settings name this guardrail, and
    never to Snapback's own functions. AWS refuses it to a function with provisioned concurrency. Put the right code
    back before you undo it.

    Legitimate look-alikes: people who deploy by hand, and pipelines of other teams. They are told apart by
    `allow.deployers` alone; while it names none, nothing is found. A stack's code counts as put by whoever called
    CloudFormation or by the role of the stack.
    """
    if aws.baseline.deployer(deployment.who) or deployment.configured(aws).get("CodeSha256") != deployment.code:
        return None
    if FIX.read(deployment, aws)["reserved"] == 0:
        return None
    return f"its code is what {deployment.who} put there, who isn't in allow.deployers"
