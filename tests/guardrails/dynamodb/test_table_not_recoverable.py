from __future__ import annotations

from typing import TYPE_CHECKING

from tests.guardrails.dynamodb.tables import ARN, disturb, remove, table, whole
from tests.support.cases import Case

if TYPE_CHECKING:
    from tests.support.world import World

ID = "dynamodb.table_not_recoverable"
CASE = Case(
    unsafe=(
        table("UpdateContinuousBackups", recoverable=False),
        table("UpdateContinuousBackups", recoverable=False, named=ARN),
    ),
    near_misses=(table("UpdateContinuousBackups"), table("UpdateContinuousBackups", protected=False)),
    whole=whole,
    remove=remove,
    disturb=disturb,
)


def test_the_ledger_is_left_to_its_own_guardrail(world: World) -> None:
    ledger = "snapback-Ledger-1A2B3C4D5E6F"
    envelope = table("UpdateContinuousBackups", recoverable=False, name=ledger, named=ledger)(world)
    assert [each.status for each in world.deliver(envelope, ID)] == ["compliant"]
