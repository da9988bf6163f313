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
    "RemovePermission": "took a permission from",
    "PutPermission": "gave a permission on",
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

    Member accounts and other regions send their events to the bus of the home account. Without its permission, Snapback
    hears nothing of them; with another one, strangers may send events. Deploy the stack again to have it as it was, and run
    `snapback sweep` for what happened in between. What CloudFormation does is taken for a deployment.

    Legitimate look-alikes: a deployment of the stack, also when members or regions are added. What CloudFormation
    does is told apart by the caller.
    """
    named = (event.text("eventBusName") or event.text("name") or "").rpartition(":event-bus/")[2]
    if not is_members_bus(baseline, event.account, named):
        return None
    return f"{event.actor.name} {_CALLS[event.name]} {named}"
