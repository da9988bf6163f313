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
    "S3BucketName": "it doesn't deliver to the bucket in require.trails",
    "KmsKeyId": "it isn't encrypted with the key in require.trails",
    "IncludeGlobalServiceEvents": "it doesn't record global services such as IAM",
    "IsMultiRegionTrail": "it records only one region",
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

    Anyone who stops a trail, or narrows what it records, hides their next actions. A trail must record all management
    events, reads and writes, in all regions and global services, and validate its log files. A trail named under
    `require.trails` must also deliver to its bucket, use its key, and cover the whole organization where the setting
    says so.

    The fix starts logging, turns on each missing setting and widens the event selectors. Their data events stay. The
    fix recreates a deleted trail from `require.trails`. Its other settings, such as CloudWatch Logs, SNS, tags and
    Insights, are lost. Snapback only reports a deleted trail that `require.trails` doesn't name. Events from the time
    without logging stay unrecorded. Exempt trails that are for data events or for one region on purpose: each further
    copy of management events costs money.

    Legitimate look-alikes: trails for data events only or for one region, and member accounts' view of an organization
    trail. Nothing in a trail tells the first two from a weakened one: exempt them. Snapback evaluates a trail only in
    the account and region that own it.
    """
    state = FIX.read(trail, aws)
    if not state["exists"]:
        return "it is deleted" + (
            "" if trail.id in aws.baseline.require.trails else ", and require.trails doesn't name it"
        )
    safe = FIX.safe(state, FixContext(aws.baseline))
    faults = [] if state["logging"] else ["it isn't logging"]
    faults += [fault for name, fault in _FAULTS.items() if safe["settings"][name] != state["settings"][name]]
    if safe["selectors"] != state["selectors"]:
        faults.append("its event selectors exclude management events")
    return "; ".join(faults) or None
