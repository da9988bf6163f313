from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import FixContext, guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.cloudtrail.keep_trail_logging import KeepTrailLogging
from chalicelib.resources.cloudtrail import Trail

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = KeepTrailLogging()
_FAULTS = {
    "S3BucketName": "it delivers to another bucket than require.trails says",
    "KmsKeyId": "it isn't encrypted with the key that require.trails says",
    "IncludeGlobalServiceEvents": "it leaves out global services such as IAM",
    "IsMultiRegionTrail": "it records one region only",
    "LogFileValidationEnabled": "its log files aren't validated",
    "IsOrganizationTrail": "it no longer records the whole organization",
}


@guardrail(
    severity=Severity.CRITICAL,
    resource=Trail,
    on=cloudtrail("cloudtrail", "StopLogging", "StartLogging", "DeleteTrail", "UpdateTrail", "PutEventSelectors"),
    reads=FIX.reads,
    fix=FIX,
    controls=("CloudTrail.4", "CIS-5.0 3.2"),
)
def trail_stopped_or_weakened(trail: Trail, aws: Session) -> str | None:
    """CloudTrail trail stopped, deleted or weakened.

    Whoever stops a trail, or has it leave something out, hides what they do next. A trail is held to recording all
    management events, reads and writes, of all regions and global services, with validated log files; one that
    `require.trails` in the settings names must also deliver to its bucket, with its key, and for the whole organization
    where it says so.

    The fix starts logging, turns on what is off and widens the event selectors; the data events chosen in them stay.
    A deleted trail that `require.trails` names is made again from what is said there; other settings it had, such as
    CloudWatch Logs, SNS, tags and Insights, are lost. A deleted trail that isn't named is reported, not made again.
    What happened while nothing was recorded stays unrecorded. Exempt a trail that is for data events or for one region
    on purpose: each further copy of management events costs money.

    Legitimate look-alikes: trails for data events only or for one region, and the member accounts' view of an
    organization trail. Nothing in a trail tells the first two from a weakened one: exempt them. A trail of another
    account or region is left to its own.
    """
    state = FIX.read(trail, aws)
    if not state["exists"]:
        return "it is deleted" + (
            "" if trail.id in aws.baseline.require.trails else ", and require.trails doesn't say how it was made"
        )
    safe = FIX.safe(state, FixContext(aws.baseline))
    faults = [] if state["logging"] else ["it isn't logging"]
    faults += [fault for name, fault in _FAULTS.items() if safe["settings"][name] != state["settings"][name]]
    if safe["selectors"] != state["selectors"]:
        faults.append("its event selectors leave out management events")
    return "; ".join(faults) or None
