"""Whatever goes wrong at whichever call: nothing is lost, nothing is done twice, nothing is claimed that isn't so."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults import matrix
from tests.faults.tally import PROPERTY
from tests.faults.trial import SCENARIOS
from tests.support.cases import GUARDRAILS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chalicelib.core.rule import Guardrail


def scenarios(rule: Guardrail[Any]) -> Sequence[str]:
    """All that there are for it, or two of them, the same ones each time."""
    every = (tuple(SCENARIOS) if rule.fix.reversible else ("fix", "approve")) if rule.fix else ("fix",)
    return every if matrix.ALL or len(every) <= TWO else Random(rule.id).sample(every, TWO)  # noqa: S311


TWO = 2
EVERY = [
    pytest.param(rule, scenario, id=f"{rule.id}-{scenario}") for rule in GUARDRAILS for scenario in scenarios(rule)
]


@pytest.mark.parametrize(("rule", "scenario"), EVERY)
def test_no_fault_at_any_call_loses_anything(
    rule: Guardrail[Any], scenario: str, record_property: Callable[[str, object], None]
) -> None:
    tally = matrix.run(rule, scenario)
    record_property(PROPERTY, (tally.cases, len(tally.lost)))
    assert tally.cases
    assert not tally.lost, "\n".join(tally.lost)
