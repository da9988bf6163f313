"""GuardDuty's detector, of which an account has at most one in a region."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.fixes.detection import Status, TurnDetectionOn

if TYPE_CHECKING:
    from chalicelib.core.session import Session


class TurnGuardDutyOn(TurnDetectionOn):
    """Turn GuardDuty on again.

    https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_suspend-disable.html
    """

    document = "guardduty:detector"
    name = "guardduty"
    title = "GuardDuty"
    reads = ("guardduty:GetDetector", "guardduty:ListDetectors")
    writes = (
        *reads,
        "guardduty:CreateDetector",
        "guardduty:DeleteDetector",
        "guardduty:UpdateDetector",
    )
    undo_writes = ("guardduty:DeleteDetector",)

    def status(self, aws: Session) -> Status:
        guardduty = aws.client("guardduty")
        detectors = guardduty.list_detectors()["DetectorIds"]  # At most one in a region.
        if not detectors:
            return "off"
        return "on" if guardduty.get_detector(DetectorId=detectors[0])["Status"] == "ENABLED" else "suspended"

    def turn(self, status: Status, now: Status, aws: Session) -> None:
        guardduty = aws.client("guardduty")
        if now == "off":
            guardduty.create_detector(Enable=status == "on")
            return
        (detector,) = guardduty.list_detectors()["DetectorIds"]
        if status == "off":
            guardduty.delete_detector(DetectorId=detector)
        else:
            guardduty.update_detector(DetectorId=detector, Enable=status == "on")
