from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from tests.support.events import FRIEND, Envelope, alice, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "iam.own_role_changed"
NAME = "snapback-GuardS3Role-1A2B3C4D5E6F"
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"


def call(name: str = "PutRolePolicy", role: Any = NAME, account: str = "123456789012", **detail: Any) -> Envelope:
    parameters = {"roleName": role, "policyName": "more", "policyDocument": "{}"}
    return cloudtrail_event("iam", name, parameters, account=account, **detail)


def reported(envelope: Envelope, world: World) -> list[tuple[str, str]]:
    world.settings = replace(world.settings, accounts=frozenset({FRIEND}))
    return [(outcome.status, outcome.reason) for outcome in world.deliver(envelope, ID, "fix")]


@pytest.mark.parametrize(
    ("envelope", "reason"),
    [
        (call(), f"alice called PutRolePolicy on {NAME} with more"),
        (call("UpdateAssumeRolePolicy"), f"alice called UpdateAssumeRolePolicy on {NAME} with more"),
        (call(role="snapback-fixer-iam"), "alice called PutRolePolicy on snapback-fixer-iam with more"),
        (
            cloudtrail_event("iam", "CreateRole", {"roleName": "snapback-fixer-mine"}),
            "alice called CreateRole on snapback-fixer-mine",
        ),
        (call(role="snapback-reader", account=FRIEND), "alice called PutRolePolicy on snapback-reader with more"),
        (call(userAgent="cloudformation.amazonaws.com"), f"alice called PutRolePolicy on {NAME} with more"),
        (cloudtrail_event("iam", "DeleteRole", {"roleName": NAME}), f"alice called DeleteRole on {NAME}"),
        (
            cloudtrail_event("iam", "AttachRolePolicy", {"roleName": NAME, "policyArn": ADMIN}),
            f"alice called AttachRolePolicy on {NAME} with {ADMIN}",
        ),
    ],
)
def test_a_changed_role_is_reported(envelope: Envelope, reason: str, world: World) -> None:
    assert reported(envelope, world) == [("alerted", reason)]


@pytest.mark.parametrize(
    "envelope",
    [
        call(role="deploy"),
        call(role="snapback-test-GuardS3Role-1A2B3C4D5E6F"),
        call(role="snapback-readers"),
        call(account=FRIEND),
        call(userIdentity={**alice(), "invokedBy": "cloudformation.amazonaws.com"}),
        call(errorCode="AccessDenied"),
        call(role=None),
        call(role=[NAME, NAME]),
        call("TagRole"),
        cloudtrail_event("iam", "PutRolePolicy"),
    ],
)
def test_others_and_deployments_are_not(envelope: Envelope, world: World) -> None:
    assert reported(envelope, world) == []
