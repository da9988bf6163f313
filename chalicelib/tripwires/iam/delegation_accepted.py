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
    """Partner's request for rights in the account accepted.

    IAM's delegation requests let a product provider ask for rights: somebody in the account accepts, sends the token, and
    the provider has them for a time, or a role of its own for good. It is the consent screen of AWS, and can be abused
    like any other. Reject the request, or delete the role, if nobody meant this. Name who may accept under
    `allow.principals`. https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies-temporary-delegation.html

    Legitimate look-alikes: the set-up of a product that you have bought. Who may accept is told apart by
    `allow.principals`; which product it is, the request's text says.
    """
    if any(map(baseline.principal, event.actor_arns)):
        return None
    did = "accepted" if event.name == "AcceptDelegationRequest" else "sent the token for"
    return f"{event.actor.name} {did} delegation request {event.text('delegationRequestId') or '?'}"
