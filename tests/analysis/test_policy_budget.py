"""What the analysis of one document may cost, whatever is in it: counted, not timed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.analysis import globs, policy_access, policy_sets
from chalicelib.analysis.policy_access import let_in, why_undecided
from chalicelib.analysis.policy_escalation import administrators, at_fault
from tests.analysis.policies import KNOWN, OWN

ANYBODY = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::acme/*"}
ACCOUNTS = [f"arn:aws:iam::{300000000000 + number}:root" for number in range(300)]


def odd(number: int, **more: Any) -> dict[str, Any]:
    """A Deny that takes long to be weighed with others."""
    return {**ANYBODY, "Effect": "Deny", "Resource": f"arn:aws:s3:::acme/*{number}*?*b*", **more}


COSTLY = {
    "many Allows": [*[{**ANYBODY, "Sid": str(each)} for each in range(100)], *map(odd, range(60))],
    "many resources": [
        *[{**ANYBODY, "Resource": f"arn:aws:s3:::acme/*{each}*"} for each in range(60)],
        *map(odd, range(60)),
    ],
    "many principals": [{**ANYBODY, "Principal": {"AWS": ACCOUNTS}}, *map(odd, range(60))],
    "many keys": [ANYBODY, *[odd(0, Condition={"StringNotEquals": {f"aws:a{each}": "x"}}) for each in range(100)]],
    "many denied": [{**ANYBODY, "Principal": {"AWS": ACCOUNTS}}, odd(0, Principal={"AWS": ACCOUNTS[1:]})],
    "without resources": [
        *[{"Effect": "Allow", "Principal": "*", "Action": "ecr:*", "Sid": str(each)} for each in range(60)],
        *[{"Effect": "Deny", "Principal": "*", "Action": f"ecr:*{each}*?*b*"} for each in range(50)],
    ],
}


@pytest.mark.parametrize("kind", COSTLY)
def test_a_document_costs_no_more_than_its_budget_and_a_person_is_asked(kind: str, monkeypatch: Any) -> None:
    walked: list[int] = []
    weighed: list[Any] = []
    walk, denied_principal = policy_sets._walked, policy_access._denied_principal

    def counted(*asked: Any) -> Any:
        found, steps = walk(*asked)
        walked.append(steps)
        return found, steps

    def denied(*asked: Any) -> bool:
        weighed.append(asked)
        return denied_principal(*asked)

    monkeypatch.setattr(policy_sets, "_walked", counted)
    monkeypatch.setattr(policy_access, "_denied_principal", denied)
    found = let_in(json.dumps({"Statement": COSTLY[kind]}), KNOWN, OWN)
    assert sum(walked) < 1.1 * policy_sets.STEPS
    assert len(walked) < policy_sets.STEPS
    assert len(weighed) < policy_sets.STEPS
    assert found
    assert why_undecided(found)


def test_conditions_are_weighed_once_for_all_principals_of_a_statement(monkeypatch: Any) -> None:
    ours = []

    def counted(*asked: Any) -> bool:
        ours.append(asked)
        return True

    monkeypatch.setattr(policy_access, "_ours", counted)
    condition = {"StringEquals": {"aws:SourceAccount": [OWN] * 300}}
    statement = {**ANYBODY, "Principal": {"AWS": ACCOUNTS}, "Condition": condition}
    assert not let_in({"Statement": [statement]}, KNOWN, OWN)
    assert len(ours) == 300


def test_a_question_that_was_decided_stays_decided_when_the_budget_is_gone() -> None:
    search = policy_sets.Search()
    assert search.once("asked", lambda: 1) == 1
    search.spend(policy_sets.STEPS + 1)
    assert search.undecided
    search.undecided = False
    assert search.once("asked", lambda: 2) == 1
    assert not search.undecided
    search.once("late", lambda: search.spend(1))
    search.undecided = False
    search.once("late", lambda: True)
    assert search.undecided


def test_a_glob_is_held_against_a_name_once_for_all_paths_and_policies() -> None:
    """Twenty policies of 6 KB that an identity may hold took 28 seconds."""
    denies = [
        {"Effect": "Deny", "Action": [f"*{first}x{second}z" for first in range(12)], "Resource": "*"}
        for second in range(36)
    ]
    policy = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}, *denies]}
    globs.matches.cache_clear()
    many = dict.fromkeys(range(20), policy)
    assert administrators(many)
    assert at_fault(many)
    assert globs.matches.cache_info().misses < 12 * 36 * 130
