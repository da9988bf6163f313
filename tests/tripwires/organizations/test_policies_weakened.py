from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chalicelib.core.baseline import Require
from chalicelib.core.settings import Settings
from tests.support.events import Envelope, cloudtrail_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "organizations.policies_weakened"
POLICY = "p-examplepolicyid111"


@pytest.mark.parametrize(
    ("envelope", "reason"),
    [
        (
            cloudtrail_event("organizations", "UpdatePolicy", {"policyId": POLICY, "content": "{}"}),
            f"alice rewrote the protected policy {POLICY}",
        ),
        (
            cloudtrail_event("organizations", "DeletePolicy", {"policyId": POLICY}),
            f"alice deleted the protected policy {POLICY}",
        ),
        (
            cloudtrail_event(
                "organizations", "DisablePolicyType", {"rootId": "r-a1b2", "policyType": "SERVICE_CONTROL_POLICY"}
            ),
            "alice switched off SERVICE_CONTROL_POLICY for r-a1b2",
        ),
        (
            cloudtrail_event("organizations", "DisablePolicyType"),
            "alice switched off a kind of policies for the organization",
        ),
    ],
)
def test_what_weakens_the_policies_is_reported(envelope: Envelope, reason: str, world: World) -> None:
    world.settings = Settings(require=Require(scps={POLICY: ("r-a1b2",)}))
    (outcome,) = world.deliver(envelope, ID, "fix")
    assert (outcome.status, outcome.reason) == ("alerted", reason)


@pytest.mark.parametrize(
    "envelope",
    [
        cloudtrail_event("organizations", "UpdatePolicy", {"policyId": "p-somebodyelses"}),
        cloudtrail_event("organizations", "UpdatePolicy"),
        cloudtrail_event("organizations", "DisablePolicyType", errorCode="AccessDeniedException"),
        cloudtrail_event("organizations", "EnablePolicyType", {"policyType": "SERVICE_CONTROL_POLICY"}),
    ],
)
def test_other_policies_and_failed_calls_are_not(envelope: Envelope, world: World) -> None:
    world.settings = Settings(require=Require(scps={POLICY: ("r-a1b2",)}))
    assert not world.deliver(envelope, ID)
