from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.guardrails.iam.test_policy_allows_everything import READS, disturb, having, remove, text, whole
from tests.support.cases import Case
from tests.support.events import HOME, REGION

if TYPE_CHECKING:
    from tests.support.world import World

ID = "iam.policy_stops_all_trails"
OWN_TRAIL = f"arn:aws:cloudtrail:{REGION}:{HOME}:trail/audit"


def logs(*actions: str, resource: Any = "*", effect: str = "Allow") -> dict[str, Any]:
    return {"Effect": effect, "Action": [*actions], "Resource": resource}


CASE = Case(
    unsafe=(
        having(text(READS, logs("cloudtrail:*"))),
        having(text(logs("cloudtrail:DeleteTrail", resource=f"arn:aws:cloudtrail:*:{HOME}:trail/*"))),
        having(text(logs("cloudtrail:PutEvent*", "cloudtrail:UpdateTrail"))),
        having(text(logs("cloudtrail:StopEventDataStoreIngestion"))),
        having(text(logs("cloudtrail:*"), logs("cloudtrail:StopLogging", "cloudtrail:DeleteTrail", effect="Deny"))),
    ),
    near_misses=(
        having(text(logs("cloudtrail:Get*", "cloudtrail:Describe*", "cloudtrail:List*", "cloudtrail:LookupEvents"))),
        having(text(logs("cloudtrail:StopLogging", "cloudtrail:StartLogging", resource=OWN_TRAIL))),
        having(text(logs("cloudtrail:CreateTrail", "cloudtrail:StartLogging", "cloudtrail:AddTags"))),
        having(text(logs("cloudtrail:*"), logs("cloudtrail:*", effect="Deny"))),
        having(text({"Effect": "Allow", "Action": "*", "Resource": "*"})),
    ),
    whole=whole,
    remove=remove,
    disturb=disturb,
)


def test_what_a_deny_leaves_is_told(world: World) -> None:
    (outcome,) = world.deliver(CASE.unsafe[-1](world), ID)
    assert outcome.reason == (
        "in its default version v1, statement 1 allows cloudtrail:UpdateTrail, cloudtrail:PutEventSelectors, "
        "cloudtrail:StopEventDataStoreIngestion, cloudtrail:DeleteEventDataStore"
    )
