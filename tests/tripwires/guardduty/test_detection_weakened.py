from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.baseline import Allow
from chalicelib.core.settings import Settings
from tests.support.events import FRIEND, HOME, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "guardduty.detection_weakened"


def call(name: str, asked: Any = None, **detail: Any) -> Envelope:
    return cloudtrail_event("guardduty", name, asked, **detail)


@pytest.mark.parametrize(
    ("envelope", "reason"),
    [
        (call("DeleteDetector", {"detectorId": "d"}), "alice switched GuardDuty off"),
        (call("UpdateDetector", {"detectorId": "d", "enable": False}), "alice changed what GuardDuty monitors"),
        (
            call("UpdateDetector", {"enable": True, "features": [{"name": "S3_DATA_EVENTS", "status": "DISABLED"}]}),
            "alice changed what GuardDuty monitors",
        ),
        (
            call("UpdateOrganizationConfiguration", {"autoEnableOrganizationMembers": "NONE"}),
            "alice changed what GuardDuty monitors in new accounts",
        ),
        (
            call("CreateFilter", {"name": "quiet", "action": "ARCHIVE"}),
            "alice made a filter that archives findings",
        ),
        (call("CreateIPSet", {"activate": True}), "alice added a list of trusted addresses"),
        (call("ArchiveFindings", {"findingIds": ["f"]}), "alice archived findings"),
        (call("StopMonitoringMembers", {"accountIds": [FRIEND]}), "alice stopped monitoring member accounts"),
    ],
)
def test_it_is_reported(envelope: Envelope, reason: str, world: World) -> None:
    (outcome,) = world.deliver(envelope, ID, "fix")
    assert (outcome.status, outcome.reason) == ("alerted", reason)


@pytest.mark.parametrize(
    "envelope",
    [
        call("CreateDetector", {"enable": True}),
        call("UpdateDetector", {"detectorId": "d", "enable": True, "findingPublishingFrequency": "ONE_HOUR"}),
        call("UpdateDetector", {"features": [{"name": "S3_DATA_EVENTS", "status": "ENABLED"}]}),
        call("UpdateDetector"),
        call("CreateFilter", {"name": "seen", "action": "NOOP"}),
        call("DeleteDetector", {"detectorId": "d"}, errorCode="AccessDeniedException"),
    ],
)
def test_others_are_not(envelope: Envelope, world: World) -> None:
    assert not world.deliver(envelope, ID)


def test_who_may_is_not(world: World) -> None:
    world.settings = Settings(allow=Allow(principals=(f"arn:aws:iam::{HOME}:user/alice",)))
    assert not world.deliver(call("DeleteDetector"), ID)
