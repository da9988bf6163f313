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
    """IAM user with its own policies.

    A policy is attached to a user or written into it, where a group or role should hold it. When each user differs,
    nobody sees who may do what. The fix detaches all managed policies and deletes all inline ones, so give the user a
    group first. If the user made the change, or is the last with AdministratorAccess, Snapback asks first.

    Policies that only deny are exempt, and so is AWS's own quarantine of a leaked key. Exempt users of programs that
    can't assume a role, or name them by ARN with path under `allow.principals`.

    Legitimate look-alikes: the console attaches AWS's IAMUserChangePassword to each user who must choose a password at
    first sign-in. It stays.
    """
    state = FIX.read(user, aws)
    found = [*(arn.rpartition("/")[2] for arn in state["attached"]), *sorted(state["inline"])]
    if not found or aws.baseline.principal(user.described(aws)["Arn"]):
        return None
    return f"has {', '.join(found)} of its own, not through a group"
