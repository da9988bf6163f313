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

    A service control policy limits even an account's administrators. Without it, nothing does. `require.scps` lists the
    protected policies, and the root, organizational units and accounts where each must be attached. The fix attaches a
    policy where it is missing, and detaches nothing. Other policies are not evaluated.

    Legitimate look-alikes: test policies, which come and go. Snapback protects only policies in `require.scps`, and
    only where it says.
    """
    if policy.id not in aws.baseline.require.scps:
        return None
    missing = FIX.missing(FIX.read(policy, aws), aws.baseline)
    return f"is no longer attached to {', '.join(missing)}" if missing else None
