"""Each condition, as DynamoDB judges it and as it reads when DynamoDB has refused: the same, for every slot."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.aws.ledger_conditions import (
    FREE,
    HELD,
    NEWS,
    NOT_EXEMPT,
    SEEN_SINCE,
    Asked,
    Update,
    no_fight,
    why_refused,
)

if TYPE_CHECKING:
    from chalicelib.aws.ledger_conditions import Condition
    from tests.support.world import World

ASKED = Asked(now=100, event_time=50, looked_at=60, since=40, fingerprint="same", held="me")
CONDITIONS = {"free": FREE, "exempt": NOT_EXEMPT, "news": NEWS, "seen": SEEN_SINCE, "held": HELD, "fight": no_fight(3)}
VALUES: dict[str, tuple[Any, ...]] = {
    "lease_until": (None, 99.5, 100, 101),
    "exempt_until": (None, 99, 100, 101),
    "left_at": (None, 60, 60.5),
    "holder": (None, "me", "another"),
    "fix_3": (None, 39, 40),
}
SIGHTS = [None, *product(("same", "another"), (True, False), (49, 50))]


def slots() -> list[dict[str, Any]]:
    """Each attribute alone in each of its values, and each sight."""
    found: list[dict[str, Any]] = [{}]
    for name, values in VALUES.items():
        found += [{name: {"S": value} if isinstance(value, str) else {"N": str(value)}} for value in values if value]
    for sight in SIGHTS[1:]:
        assert sight
        fingerprint, settled, seen = sight
        found.append({"fingerprint": {"S": fingerprint}, "settled": {"BOOL": settled}, "seen_at": {"N": str(seen)}})
    return found


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_condition_reads_as_dynamodb_judges_it(name: str, world: World) -> None:
    condition, client = CONDITIONS[name], world.application().dynamodb
    answers = set()
    for number, slot in enumerate(slots()):
        key = f"slot#{number}"
        client.put_item(TableName="snapback-ledger", Item={"pk": {"S": key}, **slot})
        update = Update("snapback-ledger", key, {"touched": {"N": "1"}})
        update.only_if([condition], ASKED)
        try:
            client.update_item(**update.request())
            held = True
        except client.exceptions.ConditionalCheckFailedException:
            held = False
        assert condition.holds(slot, ASKED) is held, slot
        answers.add(held)
    assert answers == {True, False}


WAYS: list[tuple[dict[str, Any], tuple[Condition, ...], str | None]] = [
    ({}, (FREE, NOT_EXEMPT, NEWS, SEEN_SINCE, no_fight(1)), None),
    ({"lease_until": {"N": "200"}, "exempt_until": {"N": "200"}}, (FREE, NOT_EXEMPT), "busy"),
    ({"lease_until": {"N": "0"}, "exempt_until": {"N": "200"}}, (FREE, NOT_EXEMPT), "exempt"),
    (
        {"fingerprint": {"S": "same"}, "settled": {"BOOL": False}, "seen_at": {"N": "50"}, "left_at": {"N": "70"}},
        (FREE, NOT_EXEMPT, NEWS, SEEN_SINCE),
        "duplicate",
    ),
    ({"left_at": {"N": "70"}, "fix_1": {"N": "90"}}, (FREE, SEEN_SINCE, no_fight(1)), "busy"),
    ({"fix_1": {"N": "90"}}, (FREE, SEEN_SINCE, no_fight(1)), "fighting"),
    ({"holder": {"S": "another"}}, (HELD,), "moved"),
]


@pytest.mark.parametrize(("slot", "conditions", "why"), WAYS)
def test_the_first_condition_that_fails_says_why(
    slot: dict[str, Any], conditions: tuple[Condition, ...], why: str | None
) -> None:
    assert why_refused(slot, conditions, ASKED) == why
