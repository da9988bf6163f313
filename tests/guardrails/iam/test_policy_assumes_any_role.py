from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.guardrails.iam.test_policy_allows_everything import READS, disturb, having, remove, text, whole
from tests.support.cases import Case
from tests.support.events import HOME, STRANGER

if TYPE_CHECKING:
    from tests.support.world import World

ID = "iam.policy_assumes_any_role"


def assumes(resource: Any = "*", action: Any = "sts:AssumeRole", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


CASE = Case(
    unsafe=(
        having(text(READS, assumes())),
        having(text(assumes("arn:aws:iam::*:role/*", "sts:*"))),
        having(text(assumes(f"arn:aws:iam::{HOME}:role/*", "sts:Assume*"))),
        having(text(assumes(["arn:aws:iam::*:role/audit", "arn:aws:iam::*:role/*"]))),
    ),
    near_misses=(
        having(text(assumes("arn:aws:iam::*:role/audit-*"))),
        having(text(assumes(f"arn:aws:iam::{STRANGER}:role/*"))),
        having(text(assumes(Condition={"StringEquals": {"sts:ExternalId": "acme-7c1f3a"}}))),
        having(text(assumes(action=["sts:GetCallerIdentity", "sts:TagSession"]))),
        having(text(assumes(), {**assumes("arn:aws:iam::*:role/*"), "Effect": "Deny"})),
        having(text({"Effect": "Allow", "Action": "*", "Resource": "*"})),
    ),
    whole=whole,
    remove=remove,
    disturb=disturb,
)


def test_the_reason_names_statement_and_call(world: World) -> None:
    (outcome,) = world.deliver(CASE.unsafe[0](world), ID)
    assert outcome.reason == "in its default version v1, statement 2 allows sts:AssumeRole"
