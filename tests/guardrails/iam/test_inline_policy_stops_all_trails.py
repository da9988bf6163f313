from __future__ import annotations

from typing import TYPE_CHECKING

from tests.guardrails.iam.identities import attach_reading, remove
from tests.guardrails.iam.test_inline_policy_escalates import READS, allow, beside, inline, not_denied, whole, within
from tests.guardrails.iam.test_policy_stops_all_trails import OWN_TRAIL
from tests.support.cases import Case
from tests.support.events import HOME

if TYPE_CHECKING:
    from tests.support.world import World

ID = "iam.inline_policy_stops_all_trails"
STOPS = allow("cloudtrail:StopLogging")
NO_IAM = {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}

CASE = Case(
    unsafe=(
        inline("user", READS, STOPS),
        inline("role", allow("cloudtrail:*")),
        inline("group", allow("cloudtrail:Delete*", resource=f"arn:aws:cloudtrail:*:{HOME}:*")),
        within(allow("cloudtrail:*"), STOPS),
        beside(NO_IAM, STOPS),
        not_denied("user", STOPS),
    ),
    near_misses=(
        inline("user", allow("cloudtrail:StopLogging", resource=OWN_TRAIL)),
        inline("role", allow("cloudtrail:Get*", "cloudtrail:LookupEvents")),
        inline("role", STOPS, baseline=(f"arn:aws:iam::{HOME}:role/deploy",)),
        within(allow("s3:*"), STOPS),
        beside({"Effect": "Deny", "Action": "cloudtrail:*", "Resource": "*"}, STOPS),
    ),
    whole=whole,
    remove=remove,
    disturb=attach_reading,
)


def test_the_reason_names_policy_statement_and_call(world: World) -> None:
    (outcome,) = world.deliver(CASE.unsafe[0](world), ID)
    assert outcome.reason == "work, statement 2 allows cloudtrail:StopLogging"
