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
    """Organization policies rewritten, deleted or switched off.

    A policy that is protected, by `require.scps`, was given another text or name, or deleted; or a whole kind of
    policies was switched off for a root, which detaches them all. AWS keeps no former text, so nothing can be put back
    from here: write it again from where you keep it, and look at what was done in between. After a kind was switched
    off and on again, only the policy that allows everything is attached.

    Legitimate look-alikes: a pipeline that rewrites policies from code. It isn't told apart: what it writes is
    reported too, for a protected policy only.
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
