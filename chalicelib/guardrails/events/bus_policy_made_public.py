from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.snapback_resources import is_members_bus
from chalicelib.core.types import Severity
from chalicelib.fixes.events.close_bus_policy import CloseBusPolicy
from chalicelib.resources.events import Bus

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = CloseBusPolicy()


@guardrail(
    severity=Severity.HIGH,
    resource=Bus,
    on=cloudtrail("events", "PutPermission", "RemovePermission"),
    reads=FIX.why_reads,
    fix=FIX,
)
def bus_policy_made_public(bus: Bus, aws: Session) -> str | None:
    """Event bus open to everyone or an unknown account.

    Outsiders can put events on the bus that your rules then act on, or make rules on the bus that send your events to
    them, as far as the policy lets them. EventBridge has no setting that blocks public policies, and a KMS key of the bus
    stops nobody who puts events: EventBridge itself encrypts them. The fix removes the unknown principals, each statement
    that has no other principal, and the policy if no statement is left. The other statements stay.

    Legitimate look-alikes: a central bus for the accounts of the organization, whose condition names the organization;
    partners in `allow.accounts`. Snapback asks AWS about the account's organization and VPC endpoints; where AWS refuses
    the look-up, Snapback asks before it fixes. Snapback's own bus for member accounts is exempt:
    `events.own_bus_changed` reports its changes. AWS services are fine.
    """
    if is_members_bus(aws.baseline, bus.account, bus.id):
        return None
    return FIX.why(bus, aws)
