from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.baseline import Allow
from chalicelib.core.settings import Settings
from tests.support.events import HOME, STRANGER, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "sts.root_assumed"


def call(name: str, asked: Any = None, **detail: Any) -> Envelope:
    return cloudtrail_event("sts", name, asked, **detail)


@pytest.mark.parametrize(
    ("envelope", "reason"),
    [
        (
            call(
                "AssumeRoot",
                {
                    "targetPrincipal": STRANGER,
                    "taskPolicyArn": {"arn": "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"},
                },
            ),
            f"alice became root of {STRANGER} for S3UnlockBucketPolicy",
        ),
        (call("AssumeRoot"), "alice became root of a member account"),
    ],
)
def test_it_is_reported(envelope: Envelope, reason: str, world: World) -> None:
    (outcome,) = world.deliver(envelope, ID, "fix")
    assert (outcome.status, outcome.reason) == ("alerted", reason)


@pytest.mark.parametrize(
    "envelope",
    [
        call("AssumeRole", {"roleArn": f"arn:aws:iam::{HOME}:role/app"}),
        call("AssumeRoot", {"targetPrincipal": STRANGER}, errorCode="AccessDenied"),
    ],
)
def test_others_are_not(envelope: Envelope, world: World) -> None:
    assert not world.deliver(envelope, ID)


def test_who_may_is_not(world: World) -> None:
    world.settings = Settings(allow=Allow(principals=(f"arn:aws:iam::{HOME}:user/alice",)))
    assert not world.deliver(call("AssumeRoot"), ID)
