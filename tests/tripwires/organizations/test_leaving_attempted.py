from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.events import FRIEND, Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "organizations.leaving_attempted"


@pytest.mark.parametrize(
    ("envelope", "reason"),
    [
        (cloudtrail_event("organizations", "LeaveOrganization"), "this account was taken out of the organization"),
        (
            cloudtrail_event("organizations", "LeaveOrganization", errorCode="AccessDenied"),
            "someone tried to take this account out of the organization, and was refused (AccessDenied)",
        ),
        (
            cloudtrail_event("organizations", "RemoveAccountFromOrganization", {"accountId": FRIEND}),
            f"{FRIEND} was taken out of the organization",
        ),
        (
            cloudtrail_event("organizations", "RemoveAccountFromOrganization", errorCode="AccessDeniedException"),
            "someone tried to take an account out of the organization, and was refused (AccessDeniedException)",
        ),
        (cloudtrail_event("organizations", "CloseAccount", {"accountId": FRIEND}), f"{FRIEND} was closed"),
        (
            cloudtrail_event("organizations", "CloseAccount", errorCode="AccessDeniedException"),
            "someone tried to close an account, and was refused (AccessDeniedException)",
        ),
        (cloudtrail_event("organizations", "DeleteOrganization"), "the organization was deleted"),
    ],
)
def test_leaving_is_reported_and_so_is_the_attempt(envelope: Envelope, reason: str, world: World) -> None:
    (outcome,) = world.deliver(envelope, ID, "fix")
    assert (outcome.status, outcome.reason) == ("alerted", reason)


@pytest.mark.parametrize(
    "envelope",
    [
        cloudtrail_event("organizations", "DescribeOrganization"),
        cloudtrail_event("organizations", "MoveAccount", {"accountId": FRIEND}),
        cloudtrail_event("account", "LeaveOrganization"),
    ],
)
def test_other_calls_are_not(envelope: Envelope, world: World) -> None:
    assert not world.deliver(envelope, ID)
    assert not world.records()
