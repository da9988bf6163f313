from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.baseline import Allow
from chalicelib.core.settings import Settings
from tests.support.events import HOME, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "config.recording_weakened"
SECURITY_HUB = {
    "type": "AssumedRole",
    "arn": f"arn:aws:sts::{HOME}:assumed-role/AWSServiceRoleForSecurityHub/securityhub",
    "accountId": HOME,
    "sessionContext": {
        "sessionIssuer": {
            "arn": f"arn:aws:iam::{HOME}:role/aws-service-role/securityhub.amazonaws.com/AWSServiceRoleForSecurityHub"
        }
    },
    "invokedBy": "securityhub.amazonaws.com",
}
ALICE = f"arn:aws:iam::{HOME}:user/alice"


def call(name: str, asked: Any = None, **detail: Any) -> Envelope:
    return cloudtrail_event("config", name, asked, **detail)


def recorder(**group: Any) -> Envelope:
    return call("PutConfigurationRecorder", {"configurationRecorder": {"name": "default", "recordingGroup": group}})


@pytest.mark.parametrize(
    ("envelope", "reason"),
    [
        (call("DeleteConfigRule", {"configRuleName": "s3-public"}), "alice deleted a rule of AWS Config"),
        (
            call("DeleteConfigurationRecorder", {"configurationRecorderName": "default"}),
            "alice deleted AWS Config's recorder",
        ),
        (
            recorder(allSupported=False, resourceTypes=["AWS::S3::Bucket"]),
            "alice set AWS Config to record only some resource types",
        ),
        (
            call("PutRetentionConfiguration", {"retentionPeriodInDays": 30}),
            "alice shortened the history that AWS Config keeps",
        ),
    ],
)
def test_it_is_reported(envelope: Envelope, reason: str, world: World) -> None:
    (outcome,) = world.deliver(envelope, ID, "fix")
    assert (outcome.status, outcome.reason) == ("alerted", reason)


@pytest.mark.parametrize(
    "envelope",
    [
        recorder(allSupported=True, includeGlobalResourceTypes=True),
        recorder(),
        call("PutRetentionConfiguration", {"retentionPeriodInDays": 2557}),
        call("PutRetentionConfiguration"),
        call("PutConfigRule"),
        call("DeleteConfigRule", errorCode="AccessDeniedException"),
        call("DeleteConfigRule", actor=SECURITY_HUB),
    ],
)
def test_others_are_not(envelope: Envelope, world: World) -> None:
    assert not world.deliver(envelope, ID)


@pytest.mark.parametrize("allow", [Allow(principals=(ALICE,)), Allow(deployers=(ALICE,))])
def test_who_may_is_not(allow: Allow, world: World) -> None:
    world.settings = Settings(allow=allow)
    assert not world.deliver(call("DeleteConfigRule"), ID)


def test_cloudformation_hides_nobody(world: World) -> None:
    """The caller stands beside `invokedBy`."""
    hidden = call("DeleteConfigRule", sourceIPAddress="cloudformation.amazonaws.com")
    assert [each.status for each in world.deliver(hidden, ID)] == ["alerted"]


def test_other_pipelines_excuse_nobody(world: World) -> None:
    world.settings = Settings(allow=Allow(deployers=(f"arn:aws:iam::{HOME}:role/ci-*",)))
    assert [each.status for each in world.deliver(call("DeleteConfigRule"), ID)] == ["alerted"]
