"""What watches a well-made account, and what a pipeline changes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.events import HOME

if TYPE_CHECKING:
    from collections.abc import Callable

ROLE = f"arn:aws:iam::{HOME}:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig"
GROUP = {"allSupported": False, "includeGlobalResourceTypes": False, "resourceTypes": ["AWS::EC2::SecurityGroup"]}


def watch(client: Callable[[str], Any]) -> int:
    """A recorder of some types alone, a detector without all features and with a filter; other services were never on."""
    client("config").put_configuration_recorder(
        ConfigurationRecorder={"name": "default", "roleARN": ROLE, "recordingGroup": GROUP}
    )
    client("config").put_delivery_channel(DeliveryChannel={"name": "default", "s3BucketName": "acme-config"})
    client("config").start_configuration_recorder(ConfigurationRecorderName="default")
    detector = client("guardduty").create_detector(Enable=True, FindingPublishingFrequency="SIX_HOURS")["DetectorId"]
    client("guardduty").create_filter(
        DetectorId=detector,
        Name="known-scanner",
        Action="ARCHIVE",
        FindingCriteria={"Criterion": {"type": {"Eq": ["Recon:EC2/Portscan"]}}},
    )
    return 2


CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("guardduty", "CreateDetector", {"enable": True, "findingPublishingFrequency": "ONE_HOUR"}),
    ("config", "StartConfigurationRecorder", {"configurationRecorderName": "default"}),
]
"""A pipeline's, as CloudTrail records them."""
