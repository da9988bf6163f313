from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.resource import Account
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.config.start_recorder import StartRecorder

if TYPE_CHECKING:
    from chalicelib.core.session import Session

FIX = StartRecorder()


@guardrail(
    severity=Severity.HIGH,
    resource=Account,
    on=cloudtrail("config", "StopConfigurationRecorder", "DeleteConfigurationRecorder", "DeleteDeliveryChannel"),
    reads=FIX.reads,
    fix=FIX,
)
def recorder_stopped(account: Account, aws: Session) -> str | None:
    """AWS Config recorder stopped.

    While it is stopped, AWS Config records no changes, its rules and Security Hub's controls keep old results, and
    nobody can later see what the configuration was. If `require.detection` contains `config`, a region without a
    recorder is a finding too.

    The fix starts the recorder again. What it records, its role and its delivery channel stay as they are; changes in
    between stay unrecorded. Snapback only reports a recorder without a delivery channel, and one that is deleted: which
    bucket and which role they had, only a person knows. AWS Config charges for each configuration item that it records.
    An undo stops the recorder again. `config.recording_weakened` reports narrower recording and deleted rules.

    Legitimate look-alikes: a recorder in a region that is stopped to save costs. Exempt that account and region.
    Recorders that belong to an AWS service can't be stopped, and aren't counted.
    """
    state = FIX.read(account, aws)
    reason = FIX.why(account, aws)
    stuck = state["status"] == "suspended" and not state["delivers"]
    return f"{reason}, and it has no delivery channel" if stuck else reason
