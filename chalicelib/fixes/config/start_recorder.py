"""AWS Config's recorder, of which an account has at most one of its own in a region."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.fixes.detection import Status, TurnDetectionOn

if TYPE_CHECKING:
    from chalicelib.core.resource import Account
    from chalicelib.core.rule import FixContext
    from chalicelib.core.session import Session
    from chalicelib.core.types import State


class StartRecorder(TurnDetectionOn):
    """Start AWS Config's recorder again.

    The state is `{"status", "delivers"}`: a recorder without a delivery channel can't be started, and which bucket and
    role a new recorder needs only a person knows.
    https://docs.aws.amazon.com/config/latest/APIReference/API_StartConfigurationRecorder.html
    """

    document = "config:recorder"
    name = "config"
    title = "AWS Config"
    reads = ("config:DescribeConfigurationRecorderStatus", "config:DescribeDeliveryChannels")
    writes = (
        "config:DescribeConfigurationRecorderStatus",
        "config:StartConfigurationRecorder",
        "config:StopConfigurationRecorder",
    )
    undo_writes = ("config:StopConfigurationRecorder",)

    def status(self, aws: Session) -> Status:
        recorder = _recorder(aws)
        if recorder is None:
            return "off"
        return "on" if recorder["recording"] else "suspended"

    def read(self, resource: Account, aws: Session) -> State:
        channels = aws.client("config").describe_delivery_channels()["DeliveryChannels"]
        return {"status": self.status(aws), "delivers": bool(channels)}

    def safe(self, state: State, context: FixContext) -> State:
        return {**state, "status": "on"} if state["status"] == "suspended" and state["delivers"] else state

    def turn(self, status: Status, now: Status, aws: Session) -> None:
        client, recorder = aws.client("config"), _recorder(aws)
        assert recorder is not None
        switch = client.start_configuration_recorder if status == "on" else client.stop_configuration_recorder
        switch(ConfigurationRecorderName=recorder["name"])


def _recorder(aws: Session) -> Any:
    """The customer's own: a service that is linked to another one can't be stopped by who reads this.

    https://docs.aws.amazon.com/config/latest/developerguide/stop-start-recorder.html
    """
    found = aws.client("config").describe_configuration_recorder_status()["ConfigurationRecordersStatus"]
    return next((each for each in found if not each.get("servicePrincipal")), None)
