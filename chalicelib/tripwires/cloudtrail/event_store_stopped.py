from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.analysis.weakening import why_weaker
from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import tripwire
from chalicelib.core.types import Severity

if TYPE_CHECKING:
    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Event

_CALLS = {
    "StopEventDataStoreIngestion": "stopped",
    "DeleteEventDataStore": "deleted",
    "UpdateEventDataStore": "changed the settings of",
}


@tripwire(severity=Severity.HIGH, on=cloudtrail("cloudtrail", *_CALLS))
def event_store_stopped(event: Event, baseline: Baseline) -> str | None:
    """CloudTrail Lake event data store stopped, deleted or changed.

    If this is the log that people search, it misses all events from now on. Other settings may leave events out,
    shorten their retention, or remove its protection. Start it again, or restore it within seven days of its deletion.
    Name who may do so under `allow.principals`.

    Legitimate look-alikes: stores that a team creates for one investigation and then deletes. `allow.principals` and
    `allow.deployers` tell allowed callers apart.
    """
    why = why_weaker(event, baseline, _CALLS)
    store = (event.text("eventDataStore") or "?").rpartition("/")[2]
    return why and f"{why} event data store {store}"
