from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.organizations.attach_protected_policy import AttachProtectedPolicy
from chalicelib.resources.organizations import OrganizationPolicy

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = AttachProtectedPolicy()


@guardrail(
    severity=Severity.CRITICAL,
    resource=OrganizationPolicy,
    on=cloudtrail("organizations", "DetachPolicy"),
    reads=FIX.reads,
    fix=FIX,
    opt_in=True,
)
def protected_policy_detached(policy: OrganizationPolicy, aws: Session) -> str | None:
    """Protected organization policy detached.

    A service control policy is what even an account's administrators can't get around; without it they can. Say under
    `require.scps` which policies are protected, and to which root, organizational units and accounts each must be
    attached. The fix attaches it where it is missing, and detaches nothing. Policies that aren't named are exempt.

    Legitimate look-alikes: policies for tests, which come and go. Only what `require.scps` names is protected, and
    only where it says.
    """
    if policy.id not in aws.baseline.require.scps:
        return None
    missing = FIX.missing(FIX.read(policy, aws), aws.baseline)
    return f"is no longer attached to {', '.join(missing)}" if missing else None
