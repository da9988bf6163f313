from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.baseline import Require
from chalicelib.core.settings import Settings
from tests.support.cases import Case
from tests.support.events import HOME, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "config.recorder_stopped"
ROLE = f"arn:aws:iam::{HOME}:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig"


def recording(world: World) -> Any:
    client = world.client("config")
    group = {"allSupported": False, "includeGlobalResourceTypes": False, "resourceTypes": ["AWS::S3::Bucket"]}
    client.put_configuration_recorder(
        ConfigurationRecorder={"name": "default", "roleARN": ROLE, "recordingGroup": group}
    )
    client.put_delivery_channel(DeliveryChannel={"name": "default", "s3BucketName": "config-history"})
    client.start_configuration_recorder(ConfigurationRecorderName="default")
    return client


def stopped(world: World) -> Envelope:
    recording(world).stop_configuration_recorder(ConfigurationRecorderName="default")
    return cloudtrail_event("config", "StopConfigurationRecorder", {"configurationRecorderName": "default"})


def started_again(world: World) -> Envelope:
    envelope = stopped(world)
    world.client("config").start_configuration_recorder(ConfigurationRecorderName="default")
    return envelope


def deleted_and_not_required(world: World) -> Envelope:
    recording(world).delete_configuration_recorder(ConfigurationRecorderName="default")
    return cloudtrail_event("config", "DeleteConfigurationRecorder", {"configurationRecorderName": "default"})


def without_channel(world: World) -> Envelope:
    stopped(world)
    world.client("config").delete_delivery_channel(DeliveryChannelName="default")
    return cloudtrail_event("config", "DeleteDeliveryChannel", {"deliveryChannelName": "default"})


def whole(world: World) -> Any:
    client = world.client("config")
    found = client.describe_configuration_recorder_status()["ConfigurationRecordersStatus"]
    return (
        client.describe_configuration_recorders()["ConfigurationRecorders"],
        [(each["name"], each["recording"]) for each in found],
        client.describe_delivery_channels()["DeliveryChannels"],
    )


CASE = Case(unsafe=(stopped,), near_misses=(started_again, deleted_and_not_required), whole=whole)


def test_a_recorder_without_a_channel_is_reported_and_not_started(world: World) -> None:
    envelope = without_channel(world)
    before = whole(world)
    (outcome,) = world.deliver(envelope, ID)
    reason = "AWS Config is suspended in us-east-1, and it has no delivery channel"
    assert (outcome.status, outcome.reason) == ("alerted", reason)
    assert whole(world) == before


def test_a_missing_recorder_is_reported_where_the_settings_name_it(world: World) -> None:
    envelope = deleted_and_not_required(world)
    world.settings = Settings(require=Require(detection=frozenset({"config"})))
    (outcome,) = world.deliver(envelope, ID)
    reason = "AWS Config is off in us-east-1, and require.detection names it"
    assert (outcome.status, outcome.reason) == ("alerted", reason)


@pytest.mark.parametrize("recording", [True, False])
def test_a_recorder_of_another_service_is_not_the_customers(
    recording: bool, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """moto has no service-linked recorders.

    https://docs.aws.amazon.com/config/latest/APIReference/API_ConfigurationRecorderStatus.html
    """
    from moto.config.models import ConfigBackend

    envelope = started_again(world)
    real = ConfigBackend.describe_configuration_recorder_status

    def both(self: Any, names: list[str]) -> list[dict[str, Any]]:
        linked = {"name": "linked", "recording": recording, "servicePrincipal": "securityhub.amazonaws.com"}
        return [linked, *real(self, names)]

    monkeypatch.setattr(ConfigBackend, "describe_configuration_recorder_status", both)
    assert [outcome.status for outcome in world.deliver(envelope, ID)] == ["compliant"]
