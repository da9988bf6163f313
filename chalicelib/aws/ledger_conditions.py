"""What must hold of a slot and a lock for a step to be written: as DynamoDB is asked, and as it reads when it refused.

A slot is the item `slot#<guardrail>#<arn>#<region>`: the exemption, the last sight and the last fixes of one guardrail on
one resource. A lock is the item `lock#<service>#<document>#<arn>#<region>`: who writes a document, whichever guardrail for.
DynamoDB answers a refused transaction with the items as they are, and not with which condition failed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from chalicelib.core.errors import Reason

Item: TypeAlias = "Mapping[str, Any]"
"""DynamoDB's typed JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What conditions compare with: times in seconds since the epoch, 0 where there is none to compare with."""

    now: float
    event_time: float = 0
    """When what was found may last have changed."""
    looked_at: float = 0
    """When the state was read on which the step is based."""
    since: float = 0
    """Since when fixes count as a fight."""
    fingerprint: str = ""
    held: str = ""
    """The holder that a step of a record under way needs."""

    def values(self) -> dict[str, Any]:
        """As DynamoDB's typed JSON, by the names that expressions have."""
        typed = {each.name: getattr(self, each.name) for each in fields(self)}
        made = {name: {"S" if isinstance(value, str) else "N": str(value)} for name, value in typed.items()}
        return {**made, "true": {"BOOL": True}}


class Condition(NamedTuple):
    """`expression` names values as `Asked` does, and `:true`; `refusal` is what a slot that fails it means."""

    expression: str
    refusal: Reason
    holds: Callable[[Item, Asked], bool]


FREE = Condition(
    "(attribute_not_exists(lease_until) OR lease_until < :now)",
    "busy",
    lambda slot, asked: number(slot, "lease_until") < asked.now,
)
"""Nobody works on it, or whoever did has died."""
NOT_EXEMPT = Condition(
    "(attribute_not_exists(exempt_until) OR exempt_until < :now)",
    "exempt",
    lambda slot, asked: number(slot, "exempt_until") < asked.now,
)
"""Nobody exempted it, by an undo or a click."""
NEWS = Condition(
    "(attribute_not_exists(fingerprint) OR settled = :true OR fingerprint <> :fingerprint OR seen_at < :event_time)",
    "duplicate",
    lambda slot, asked: (
        "fingerprint" not in slot
        or slot["settled"]["BOOL"]
        or string(slot, "fingerprint") != asked.fingerprint
        or number(slot, "seen_at") < asked.event_time
    ),
)
"""The same unsafe state isn't on record as reported already, unless it changed since that was seen."""
SEEN_SINCE = Condition(
    "(attribute_not_exists(left_at) OR left_at <= :looked_at)",
    "busy",
    lambda slot, asked: number(slot, "left_at") <= asked.looked_at,
)
"""The state was read after the last writer left it; what was seen before may be no more."""
HELD = Condition(
    "holder = :held", "moved", lambda slot, asked: "holder" in slot and string(slot, "holder") == asked.held
)
"""The lock is still this record's: its fencing token."""


def no_fight(fights: int) -> Condition:
    """It was not fixed as often as the limits allow within their time: the times of the last fixes are on the slot."""
    return Condition(
        f"(attribute_not_exists(fix_{fights}) OR fix_{fights} < :since)",
        "fighting",
        lambda slot, asked: f"fix_{fights}" not in slot or number(slot, f"fix_{fights}") < asked.since,
    )


def joined(conditions: Sequence[Condition]) -> str:
    return " AND ".join(each.expression for each in conditions)


def why_refused(slot: Item, conditions: Sequence[Condition], asked: Asked) -> Reason | None:
    """The first condition that a slot fails says why; None when it fails none: then something else stood in the way."""
    return next((each.refusal for each in conditions if not each.holds(slot, asked)), None)


class Update:
    """An UpdateItem request, built up: what is set, and on which conditions."""

    def __init__(self, table: str, key: str, sets: Item) -> None:
        self._table, self._key = table, key
        self._names = {f"#{name}": name for name in sets}
        self._values: dict[str, Any] = {f":set_{name}": value for name, value in sets.items()}
        self._sets = [f"#{name} = :set_{name}" for name in sets]
        self._condition = ""

    def also(self, assignment: str, **values: Any) -> None:
        """One more assignment, which names attributes and these values as they are."""
        self._sets.append(assignment)
        self._values |= {f":{name}": value for name, value in values.items()}

    def only_if(self, conditions: Sequence[Condition], asked: Asked) -> None:
        self._condition = joined(conditions)
        named = {name: value for name, value in asked.values().items() if re.search(rf":{name}\b", self._condition)}
        self._values |= {f":{name}": value for name, value in named.items()}

    def request(self) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "Key": {"pk": {"S": self._key}},
            "UpdateExpression": f"SET {', '.join(self._sets)}",
            **({"ConditionExpression": self._condition} if self._condition else {}),
            "ExpressionAttributeNames": self._names,
            "ExpressionAttributeValues": self._values,
        }


def number(item: Item | None, name: str) -> float:
    return float((item or {}).get(name, {}).get("N", 0))


def string(item: Item | None, name: str) -> str:
    return str((item or {}).get(name, {}).get("S", ""))
