from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.baseline import Require
from chalicelib.core.settings import Settings
from tests.support.cases import Case
from tests.support.events import Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "guardduty.detector_off"
FEATURES: Any = [{"Name": "S3_DATA_EVENTS", "Status": "ENABLED"}]


def required(world: World) -> None:
    world.settings = Settings(require=Require(detection=frozenset({"guardduty"})))


def made(world: World, *, on: bool = True) -> str:
    client = world.client("guardduty")
    detector: str = client.create_detector(Enable=on, Features=FEATURES, Tags={"owner": "security"})["DetectorId"]
    client.create_filter(
        DetectorId=detector,
        Name="known-scanner",
        Action="ARCHIVE",
        FindingCriteria={"Criterion": {"type": {"Eq": ["Recon:EC2/Portscan"]}}},
    )
    return detector


def changed(name: str, detector: str, **asked: Any) -> Envelope:
    return cloudtrail_event("guardduty", name, {"detectorId": detector, **asked})


def suspended(world: World) -> Envelope:
    detector = made(world)
    world.client("guardduty").update_detector(DetectorId=detector, Enable=False)
    return changed("UpdateDetector", detector, enable=False)


def deleted_though_required(world: World) -> Envelope:
    required(world)
    detector = made(world)
    world.client("guardduty").delete_detector(DetectorId=detector)
    return changed("DeleteDetector", detector)


def suspended_and_enabled_again(world: World) -> Envelope:
    envelope = suspended(world)
    (detector,) = world.client("guardduty").list_detectors()["DetectorIds"]
    world.client("guardduty").update_detector(DetectorId=detector, Enable=True)
    return envelope


def deleted_and_not_required(world: World) -> Envelope:
    """A tripwire tells of it; nothing says that it should be made again."""
    detector = made(world)
    world.client("guardduty").delete_detector(DetectorId=detector)
    return changed("DeleteDetector", detector)


def feature_off(world: World) -> Envelope:
    detector = made(world)
    world.client("guardduty").update_detector(DetectorId=detector, Features=[{**FEATURES[0], "Status": "DISABLED"}])
    return changed("UpdateDetector", detector, features=[{"name": "S3_DATA_EVENTS", "status": "DISABLED"}])


def whole(world: World) -> Any:
    client = world.client("guardduty")
    return [
        (
            {key: value for key, value in client.get_detector(DetectorId=each).items() if key != "ResponseMetadata"},
            client.get_filter(DetectorId=each, FilterName="known-scanner")["Action"],
        )
        for each in client.list_detectors()["DetectorIds"]
        if not is_new(client, each)
    ] + [True for each in client.list_detectors()["DetectorIds"] if is_new(client, each)]


def is_new(client: Any, detector: str) -> bool:
    """Whether the fix made it: it has no tags."""
    return not client.get_detector(DetectorId=detector).get("Tags")


CASE = Case(
    unsafe=(suspended, deleted_though_required),
    near_misses=(suspended_and_enabled_again, deleted_and_not_required, feature_off),
    whole=whole,
)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (suspended, "GuardDuty is suspended in us-east-1"),
        (deleted_though_required, "GuardDuty is off in us-east-1, and require.detection names it"),
    ],
)
def test_the_reason_says_what_is_off(make: Any, reason: str, world: World) -> None:
    (outcome,) = world.deliver(make(world), ID)
    assert (outcome.status, outcome.reason) == ("fixed", reason)


def test_features_filters_and_tags_survive(world: World) -> None:
    world.deliver(suspended(world), ID)
    ((detector, archives),) = whole(world)
    assert archives == "ARCHIVE"
    assert detector["Tags"] == {"owner": "security"}
    assert "S3_DATA_EVENTS" in {each["Name"] for each in detector["Features"] if each["Status"] == "ENABLED"}
