from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import tripwire
from chalicelib.core.types import Severity

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Event


@tripwire(
    severity=Severity.CRITICAL,
    on=cloudtrail("organizations", "UpdatePolicy", "DeletePolicy", "DisablePolicyType"),
)
def policies_weakened(event: Event, baseline: Baseline) -> str | None:
    """Organization policies rewritten, deleted or turned off.

    A policy protected by `require.scps` got another text or name, or was deleted; or a whole policy type was turned off
    for a root, which detaches all its policies. AWS keeps no former text, so Snapback can't restore it. Restore the
    policy from your own copy, and check what happened in between. After a policy type is turned off and on again, only
    the policy that allows everything is attached.

    Legitimate look-alikes: a pipeline that rewrites policies from code. Nothing tells it apart: Snapback reports its
    changes to protected policies too.
    """
    if event.name == "DisablePolicyType":
        kind = event.text("policyType") or "a kind of policies"
        return f"{event.actor.name} switched off {kind} for {event.text('rootId') or 'the organization'}"
    policy = event.text("policyId")
    if policy not in baseline.require.scps:
        return None
    return (
        f"{event.actor.name} {'deleted' if event.name == 'DeletePolicy' else 'rewrote'} the protected policy {policy}"
    )
