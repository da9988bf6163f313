"""A control is named where its verdict and the rule's agree, as tools/controls.toml has it, and nowhere else."""

from __future__ import annotations

import gzip
import json
import re
from datetime import date
from pathlib import Path

import moto.config
import pytest

from chalicelib import catalog
from tools.controls_page import CIS, NAMED, VERDICTS, Verdict, _table, page, verdicts

TABLE = verdicts()
_RULES = Path(moto.config.__file__).parent / "resources" / "aws_managed_rules.json.gz"
_WITHOUT_CONFIG = frozenset({"KMS.3", "SQS.1", "EC2.19", "ECS.2", "ECS.16"})
"""Evaluated by Config rules of Security Hub's own."""


def test_rules_name_the_controls_that_agree_and_no_others() -> None:
    named = {(rule.id, control) for rule in catalog.all_rules() for control in rule.controls}
    assert named == {
        (rule, control) for each in TABLE if each.verdict in NAMED for rule in each.rules for control in each.ids
    }


def test_a_rule_has_one_verdict_on_a_control() -> None:
    judged = [(rule, each.control) for each in TABLE for rule in each.rules]
    assert len(judged) == len(set(judged))
    assert {rule for rule, _ in judged} <= {rule.id for rule in catalog.all_rules()}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.control}-{row.verdict}")
def test_each_difference_is_said_in_words(row: Verdict) -> None:
    assert row.verdict in VERDICTS
    assert row.rules
    assert row.words or row.verdict == "same"
    assert row.words == row.words.strip()
    assert "|" not in row.words + row.title, "the page is a table"


def test_ids_are_aws_own() -> None:
    """A control's Config rule is one that AWS has; a mistaken id has none, or another's."""
    known = json.loads(gzip.decompress(_RULES.read_bytes()))["ManagedRules"]
    for each in TABLE:
        if each.control.startswith(CIS) or each.control in _WITHOUT_CONFIG:
            assert each.config is None
        else:
            assert re.fullmatch(r"[A-Za-z0-9]+\.[1-9][0-9]*", each.control)
            assert each.config in known
        for requirement in each.cis:
            assert re.fullmatch(r"[1-5]\.[0-9]+(\.[0-9]+)?", requirement)


def test_the_table_has_a_date_and_sources() -> None:
    assert isinstance(_table()["checked"], date)
    for source in _table()["sources"]:
        assert re.search(r": https://[^ ]+$", source)
        assert f"- {source}\n" in page()


def test_pages_are_those_of_aws() -> None:
    pages = {each.control: each.page for each in TABLE}
    guide = "https://docs.aws.amazon.com/securityhub/latest/userguide"
    assert pages["CloudTrail.4"] == f"{guide}/cloudtrail-controls.html#cloudtrail-4"
    assert pages["CIS-5.0 1.10"] == "https://www.cisecurity.org/benchmark/amazon_web_services"
