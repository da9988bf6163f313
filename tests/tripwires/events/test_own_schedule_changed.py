from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.events import FRIEND, HOME, Envelope, alice, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "events.own_schedule_changed"
GROUP = "snapback-Later-1A2B3C4D5E6F"
ROLE = f"arn:aws:iam::{HOME}:role/snapback-GuardEc2Role-1A2B3C4D5E6F"
OURS = {"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"arn": ROLE}}}


def call(name: str, asked: Any = None, **detail: Any) -> Envelope:
    return cloudtrail_event("scheduler", name, asked, **detail)


@pytest.mark.parametrize(
    ("envelope", "reason"),
    [
        (call("DeleteScheduleGroup", {"name": GROUP}), f"alice deleted the schedule group {GROUP}"),
        (call("DeleteSchedule", {"name": "s", "groupName": GROUP}), f"alice deleted s in the schedule group {GROUP}"),
        (call("UpdateSchedule", {"name": "s", "groupName": GROUP}), f"alice changed s in the schedule group {GROUP}"),
    ],
)
def test_it_is_reported(envelope: Envelope, reason: str, world: World) -> None:
    (outcome,) = world.deliver(envelope, ID, "fix")
    assert (outcome.status, outcome.reason) == ("alerted", reason)


@pytest.mark.parametrize(
    "envelope",
    [
        call("DeleteScheduleGroup", {"name": "nightly"}),
        call("DeleteSchedule", {"name": "s"}),
        call("DeleteSchedule", {"name": "s", "groupName": "snapback-test-Later-1A2B3C4D5E6F"}),
        call("DeleteScheduleGroup", {"name": GROUP}, account=FRIEND),
        call(
            "DeleteScheduleGroup",
            {"name": GROUP},
            userIdentity={**alice(), "invokedBy": "cloudformation.amazonaws.com"},
        ),
        call("UpdateSchedule", {"name": "s", "groupName": GROUP}, userIdentity=OURS),
        call("CreateSchedule", {"name": "s", "groupName": GROUP}),
    ],
)
def test_others_are_not(envelope: Envelope, world: World) -> None:
    assert not world.deliver(envelope, ID)
