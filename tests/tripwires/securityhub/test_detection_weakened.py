from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.baseline import Allow
from chalicelib.core.settings import Settings
from tests.support.events import HOME, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "securityhub.detection_weakened"
ALICE = f"arn:aws:iam::{HOME}:user/alice"


def call(name: str, asked: Any = None, **detail: Any) -> Envelope:
    return cloudtrail_event("securityhub", name, asked, **detail)


def rule(status: str) -> Envelope:
    update = {"Workflow": {"Status": status}}
    return call("CreateAutomationRule", {"Actions": [{"FindingFieldsUpdate": update}]})


@pytest.mark.parametrize(
    ("envelope", "reason"),
    [
        (call("DisableSecurityHub"), "alice switched Security Hub off"),
        (
            call("BatchDisableStandards", {"StandardsSubscriptionArns": ["x"]}),
            "alice disabled a standard of Security Hub",
        ),
        (call("UpdateStandardsControl", {"ControlStatus": "DISABLED"}), "alice disabled a control of Security Hub"),
        (
            call("UpdateSecurityHubConfiguration", {"AutoEnableControls": False}),
            "alice changed which controls Security Hub enables",
        ),
        (rule("SUPPRESSED"), "alice made a rule that suppresses findings in Security Hub"),
    ],
)
def test_it_is_reported(envelope: Envelope, reason: str, world: World) -> None:
    (outcome,) = world.deliver(envelope, ID, "fix")
    assert (outcome.status, outcome.reason) == ("alerted", reason)


@pytest.mark.parametrize(
    "envelope",
    [
        call("EnableSecurityHub"),
        call("UpdateStandardsControl", {"ControlStatus": "ENABLED"}),
        call("UpdateSecurityHubConfiguration", {"AutoEnableControls": True}),
        rule("NOTIFIED"),
        call("DisableSecurityHub", errorCode="AccessDeniedException"),
    ],
)
def test_others_are_not(envelope: Envelope, world: World) -> None:
    assert not world.deliver(envelope, ID)


@pytest.mark.parametrize("allow", [Allow(principals=(ALICE,)), Allow(deployers=(ALICE,))])
def test_who_may_is_not(allow: Allow, world: World) -> None:
    world.settings = Settings(allow=allow)
    assert not world.deliver(call("DisableSecurityHub"), ID)
