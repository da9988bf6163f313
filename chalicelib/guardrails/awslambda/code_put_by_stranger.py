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
    """Lambda function code deployed outside the pipeline.

    Anyone who writes a function's code gets its role's permissions. `allow.deployers` lists the ARNs of users and roles
    that may deploy. While it is empty, anybody may deploy and Snapback reports nothing. For CloudFormation, the
    deployer is the caller or the stack's role. The finding ends as soon as the function has other code.

    The fix reserves a concurrency of 0, so the function doesn't run at all. An undo restores the earlier reservation.
    The fix stops everything that depends on the function, so it runs only where the settings name this guardrail, and
    never on Snapback's own functions. AWS refuses it for a function with provisioned concurrency. Deploy the right code
    before you undo.

    Legitimate look-alikes: people who deploy by hand, and pipelines of other teams. Only `allow.deployers` tells them
    apart; while it is empty, there are no findings. For a stack, the deployer is the caller of CloudFormation or the
    stack's role.
    """
    if aws.baseline.deployer(deployment.who) or deployment.configured(aws).get("CodeSha256") != deployment.code:
        return None
    if FIX.read(deployment, aws)["reserved"] == 0:
        return None
    return f"its code was deployed by {deployment.who}, who isn't in allow.deployers"
