"""Who changed a resource last, by CloudTrail's event history (90 days, up to 15 minutes late)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from chalicelib.core.event import Actor

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.core.record import Record
    from chalicelib.core.session import Session

ACTIONS = ("cloudtrail:LookupEvents",)


def who_changed(aws: Session, record: Record, since: datetime) -> Actor | None:
    """The actor of the latest write to a record's resource after `since`, or None when the trail can't tell."""
    name = record.resource.rsplit("/", 1)[-1]
    try:
        events = aws.client("cloudtrail").lookup_events(
            LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": name}], StartTime=since
        )["Events"]
    except ClientError:
        return None
    writes = [event for event in events if event.get("ReadOnly") != "true"]
    if not writes:
        return None
    return Actor.of(json.loads(max(writes, key=lambda event: event["EventTime"])["CloudTrailEvent"]), record.account)
