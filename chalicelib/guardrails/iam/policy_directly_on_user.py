from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.iam.detach_from_user import DetachFromUser
from chalicelib.resources.iam.identities import User

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = DetachFromUser()


@guardrail(
    severity=Severity.LOW,
    resource=User,
    on=cloudtrail("iam", "AttachUserPolicy", "PutUserPolicy"),
    reads=(*FIX.reads, "iam:GetUser"),
    fix=FIX,
    opt_in=True,
)
def policy_directly_on_user(user: User, aws: Session) -> str | None:
    """IAM user with a policy of its own.

    A policy is attached to a user, or is written into it, where a group or a role should hold it: nobody sees who may
    do what when each user differs. The fix detaches the managed policies and deletes the inline ones, all of them, so
    give the user a group first. When the user did it to itself, or is the last who holds AdministratorAccess, it asks.

    What only denies is exempt, and so is AWS's own quarantine of a leaked key. Exempt the users of programs that can't
    take a role, or name them by ARN with path under `allow.principals`.

    Legitimate look-alikes: the console attaches AWS's IAMUserChangePassword to each user who has to choose a password at
    first sign-in. It stays.
    """
    state = FIX.read(user, aws)
    found = [*(arn.rpartition("/")[2] for arn in state["attached"]), *sorted(state["inline"])]
    if not found or aws.baseline.principal(user.described(aws)["Arn"]):
        return None
    return f"has {', '.join(found)} of its own, and not by a group"
