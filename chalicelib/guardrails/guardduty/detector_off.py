from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.resource import Account
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.guardduty.turn_guardduty_on import TurnGuardDutyOn

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = TurnGuardDutyOn()


@guardrail(
    severity=Severity.HIGH,
    resource=Account,
    on=cloudtrail("guardduty", "CreateDetector", "DeleteDetector", "UpdateDetector"),
    reads=FIX.reads,
    fix=FIX,
)
def detector_off(account: Account, aws: Session) -> str | None:
    """GuardDuty suspended or off.

    A suspended detector generates no findings, and nothing tells you what happens in the meantime. If `require.detection`
    contains `guardduty`, a region without a detector is a finding too. The fix enables the suspended detector again; its
    features, filters and lists stay as they are. The fix creates a missing detector only if the setting names GuardDuty:
    with AWS's default features, and without the filters, lists and exports of the deleted one. GuardDuty charges for the
    events and gigabytes that it analyzes, from the first day for an account that had it before. An undo suspends or deletes
    the detector again.

    `guardduty.detection_weakened` reports who turned off the detector or a feature, also where this guardrail has no
    setting to compare with. A member account can't change a detector that its administrator manages: the fix then fails,
    and the record says so.

    Legitimate look-alikes: a region that is suspended to save costs while nothing runs there. Exempt that account and
    region. Without the setting, a region that never had a detector is no finding.
    """
    return FIX.why(account, aws)
