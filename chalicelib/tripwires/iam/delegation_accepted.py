from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import tripwire
from chalicelib.core.types import Severity

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Event


@tripwire(severity=Severity.HIGH, on=cloudtrail("iam", "AcceptDelegationRequest", "SendDelegationToken"))
def delegation_accepted(event: Event, baseline: Baseline) -> str | None:
    """IAM delegation request of a partner accepted.

    With a delegation request, a product provider asks for permissions. Somebody in the account accepts and sends the
    token. The provider then has the permissions for a time, or permanently through its own role. This is AWS's consent
    screen, and can be abused like any other. Reject the request, or delete the role, if nobody intended this. Name who
    may accept under `allow.principals`.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies-temporary-delegation.html

    Legitimate look-alikes: the set-up of a product that you bought. `allow.principals` tells allowed callers apart; the
    request's text names the product.
    """
    if any(map(baseline.principal, event.actor_arns)):
        return None
    did = "accepted" if event.name == "AcceptDelegationRequest" else "sent the token for"
    return f"{event.actor.name} {did} delegation request {event.text('delegationRequestId') or '?'}"
