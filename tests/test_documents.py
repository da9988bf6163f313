"""Fixes that write the same thing take turns: they declare one document, and its owner is one ARN."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations
from typing import TYPE_CHECKING, Any

from chalicelib.aws.sessions import _READS
from tests.support.cases import GUARDRAILS

if TYPE_CHECKING:
    from chalicelib.core.rule import Fix

APART = {
    ("ec2:instance", "ec2:security-group-rules"): "CreateTags of other resources",
    ("ec2:security-group-rules", "tags"): "CreateTags of other resources",
    ("ec2:instance", "tags"): "CreateTags by other keys",
    ("sns:encryption", "sns:topic-policy"): "SetTopicAttributes writes the one attribute that it names",
    ("sqs:encryption", "sqs:queue-policy"): "SetQueueAttributes writes only the attributes that it names",
}
"""Documents that a call in common doesn't make one, and why."""


def fixes() -> dict[str, Fix[Any]]:
    return {rule.id: rule.fix for rule in GUARDRAILS if rule.fix}


def calls(fix: Fix[Any]) -> set[str]:
    return {each for each in fix.writes if not _READS.match(each.partition(":")[2])}


def test_each_fix_names_its_document_in_its_services_words() -> None:
    for name, fix in fixes().items():
        service = fix.document.partition(":")[0]
        assert service == "tags" or any(call.startswith(f"{service}:") for call in calls(fix)), (name, fix.document)


def test_fixes_with_a_write_call_in_common_share_a_document() -> None:
    by_call: dict[str, set[str]] = defaultdict(set)
    for fix in fixes().values():
        for call in calls(fix):
            by_call[call].add(fix.document)
    shared = {pair: call for call, documents in by_call.items() for pair in combinations(sorted(documents), 2)}
    assert {pair: call for pair, call in shared.items() if pair not in APART} == {}
