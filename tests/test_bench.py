"""What `make bench` counts is right, and holds its aims. Counted, never timed."""

from __future__ import annotations

from typing import Any

import pytest

from bench.calls import LOOKED_UP, TWICE, Count, Row, count, looked_up, second_look
from bench.pinned import counts, pinned, row
from chalicelib import catalog
from chalicelib.core.rule import Guardrail
from tests.support.cases import GUARDRAILS


def test_calls_are_counted_beside_a_bare_handlers() -> None:
    rule = catalog.rule("s3.bucket_acl_made_public")
    assert isinstance(rule, Guardrail)
    counted = count(rule, cases=1)
    assert counted.compliant == Count(1, floor=1)
    assert counted.found == Count(4, floor=3, aim=None)  # What is found asks for the two blocks of public access, too.
    assert counted.fixed == Count(9, floor=5, aim=4)


def test_a_row_over_its_aim_is_marked() -> None:
    assert not Row("x", Count(2, 2), Count(3, 2, None), Count(8, 5, 3)).missed
    assert Row("x", Count(3, 2), Count(3, 2, None), None).missed
    assert Row("x", Count(2, 2), Count(3, 2, None), Count(9, 5, 3)).missed


def test_a_second_look_costs_its_reads_again_and_one_message() -> None:
    row = second_look(TWICE)
    assert not row.missed
    assert row.compliant.calls == row.compliant.floor + 1


def test_look_ups_cost_one_call_for_each_operation() -> None:
    rows = {row.guardrail.rpartition(" looked up by ")[2]: row for row in looked_up(LOOKED_UP)}
    assert {asked: row.compliant.over for asked, row in rows.items()} == {
        "DescribeOrganization": 1,
        "DescribeVpcEndpoints, DescribeVpcs": 2,
        "ListCloudFrontOriginAccessIdentities": 1,
    }
    assert not [row for row in rows.values() if row.missed]


LOOKS_AGAIN = {"ec2.instance_compromised"}
"""Fixes that write to several services, and look at each again right before: what was seen may be some writes old."""


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.id) for rule in GUARDRAILS])
def test_every_guardrail_makes_the_calls_of_the_table_and_few(rule: Guardrail[Any]) -> None:
    """tests/calls.json is reviewed; `python -m bench.pinned` writes it anew."""
    safe, fix = counts(rule)
    assert row(safe, fix) == pinned()[rule.id]
    assert not safe.missed
    assert fix is None or rule.id in LOOKS_AGAIN or not fix.missed


def test_the_table_of_calls_has_every_guardrail_and_no_other() -> None:
    assert pinned().keys() == {rule.id for rule in GUARDRAILS}
