from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.events import Envelope, native_event

if TYPE_CHECKING:
    from tests.support.world import World

ID = "guardduty.attack_sequence_found"
TYPE = "AttackSequence:IAM/CompromisedCredentials"


def finding(type: str = TYPE, *, resources: Any) -> Envelope:
    """https://docs.aws.amazon.com/guardduty/latest/ug/guardduty-attack-sequence-finding-types.html."""
    detail = {
        "type": type,
        "severity": 9,
        "resource": {"resourceType": "AttackSequence"},
        "service": {"detection": {"sequence": {"uid": "u", "resources": resources}}},
    }
    return native_event("guardduty", "GuardDuty Finding", detail)


@pytest.mark.parametrize(
    ("envelope", "reason"),
    [
        (
            finding(resources=[{"uid": "AKIAIOSFODNN7EXAMPLE", "resourceType": "ACCESS_KEY"}]),
            f"GuardDuty reports {TYPE} on ACCESS_KEY AKIAIOSFODNN7EXAMPLE",
        ),
        (
            finding(resources=[{"uid": f"i-{number}", "resourceType": "EC2_INSTANCE"} for number in range(7)]),
            f"GuardDuty reports {TYPE} on {', '.join(f'EC2_INSTANCE i-{number}' for number in range(5))} and 2 more",
        ),
        (finding(resources=None), f"GuardDuty reports {TYPE}"),
        (finding(resources=[1]), f"GuardDuty reports {TYPE} on resource ?"),
    ],
)
def test_it_is_reported(envelope: Envelope, reason: str, world: World) -> None:
    (outcome,) = world.deliver(envelope, ID, "fix")
    assert (outcome.status, outcome.reason) == ("alerted", reason)


@pytest.mark.parametrize(
    "envelope",
    [
        finding("UnauthorizedAccess:IAMUser/MaliciousIPCaller", resources=[]),
        native_event("securityhub", "GuardDuty Finding", {"type": TYPE}),
    ],
)
def test_others_are_not(envelope: Envelope, world: World) -> None:
    assert not world.deliver(envelope, ID)
