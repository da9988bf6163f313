from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.guardrails.iam.test_access_key_exposed import health
from tests.support.events import FRIEND

if TYPE_CHECKING:
    from tests.support.world import World

ID = "iam.exposed_key_not_named"


@pytest.mark.parametrize(
    "detail",
    [{"affectedEntities": []}, {"affectedEntities": None}, {"affectedEntities": [{"entityValue": "alice"}]}],
)
def test_credentials_that_are_not_named_are_told(world: World, detail: Any) -> None:
    (outcome,) = world.deliver(health(**detail), ID)
    assert outcome.status == "alerted"
    assert "names no key" in outcome.reason


def test_those_of_another_account_are_told_with_its_id(world: World) -> None:
    (outcome,) = world.deliver(health("AKIAIOSFODNN7EXAMPLE", affectedAccount=FRIEND), ID)
    assert FRIEND in outcome.reason


def test_a_named_key_is_the_guardrails_business(world: World) -> None:
    assert not world.deliver(health("AKIAIOSFODNN7EXAMPLE"), ID)
