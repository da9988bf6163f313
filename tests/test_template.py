"""What the merge template must hold for Snapback to watch itself."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib import catalog
from chalicelib.core.pattern import EVEN_READS
from infra.template import WATCHES_RULES, template
from tools.policies import functions, logical_id

FUNCTIONS = tuple(map(logical_id, functions()))
GUARDS = {logical_id(f"guard_{service}"): catalog.pattern(service) for service in catalog.services()}
RESOURCES = template(FUNCTIONS, GUARDS, "python3.13")["Resources"]


def rules(function: str) -> list[dict[str, Any]]:
    events = RESOURCES[function]["Properties"].get("Events", {}).values()
    return [event["Properties"] for event in events if event["Type"] == "EventBridgeRule"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_function_knows_the_stack(function: str) -> None:
    variables = RESOURCES[function]["Properties"]["Environment"]["Variables"]
    assert variables["SNAPBACK_STACK"] == {"Ref": "AWS::StackId"}


@pytest.mark.parametrize("function", GUARDS)
def test_only_the_rule_about_sts_sees_calls_that_only_read(function: str) -> None:
    states = {rule["State"] for rule in rules(function)}
    assert states == {EVEN_READS if function == "GuardSts" else "ENABLED"}


def test_what_watches_the_rules_has_a_twin() -> None:
    assert logical_id("guard_events") == WATCHES_RULES
    one, twin = rules(WATCHES_RULES)
    assert one == twin
