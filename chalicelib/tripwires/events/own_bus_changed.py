from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import tripwire
from chalicelib.core.snapback_resources import BUT_DEPLOYMENTS, is_members_bus
from chalicelib.core.types import Severity

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Event

_CALLS = {
    "RemovePermission": "removed a permission from",
    "PutPermission": "added a permission to",
    "UpdateEventBus": "changed the settings of",
    "DeleteEventBus": "deleted",
}


@tripwire(
    severity=Severity.CRITICAL,
    on=cloudtrail("events", *_CALLS, userIdentity=BUT_DEPLOYMENTS),
    home_only=True,
)
def own_bus_changed(event: Event, baseline: Baseline) -> str | None:
    """Snapback's own event bus changed.

    Member accounts and other regions send their events to the home account's bus. Without its permission, Snapback gets
    none of their events. With another permission, outsiders may send events. Deploy the stack again to restore the bus,
    and run `snapback sweep` to find what changed in between. Snapback treats calls by CloudFormation as deployments.

    Legitimate look-alikes: a deployment of the stack, also when members or regions are added. The caller,
    CloudFormation, tells it apart.
    """
    named = (event.text("eventBusName") or event.text("name") or "").rpartition(":event-bus/")[2]
    if not is_members_bus(baseline, event.account, named):
        return None
    return f"{event.actor.name} {_CALLS[event.name]} {named}"
