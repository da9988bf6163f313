"""What the analysis of one document may cost, whatever is in it: counted, not timed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.analysis import budget, globs, policy_access, policy_escalation, policy_sets
from chalicelib.analysis.policy_access import let_in, why_undecided
from chalicelib.analysis.policy_escalation import administering, administrators, at_fault
from chalicelib.core.errors import CannotJudge
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


AB = "abcdefghijklmnopqrstuvwxyz"
ADMIN = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def denying(*actions: str, resource: Any = "*") -> dict[str, Any]:
    return {"Effect": "Deny", "Action": [*actions], "Resource": resource}


HELD: dict[str, list[dict[str, Any]]] = {
    "Denies of many actions": [
        {"Statement": [ADMIN, denying(*(f"*{AB[each % 26]}*{AB[(each + n) % 26]}*{n}{each}z" for each in range(400)))]}
        for n in range(3)
    ],
    "a Deny of one-character wildcards": [
        {"Statement": [ADMIN, denying(*(f"*?????????{each}x" for each in range(400)))]}
    ],
    "Denies of many resources": [
        {"Statement": [ADMIN, denying("*", resource=[f"arn:aws:iam::*:user/*{each}{n}x*" for each in range(300)])]}
        for n in range(10)
    ],
    "many statements": [
        {"Statement": [ADMIN, *(denying("*", resource=f"*{each}x{n}") for each in range(200))]} for n in range(10)
    ],
    "many values of a condition": [
        {
            "Statement": {
                **ADMIN,
                "Condition": {"StringLike": {"iam:PassedToService": [f"*{each}*x" for each in values]}},
            }
        }
        for values in (range(500), range(500, 1000))
    ],
}
"""Policies that an identity may hold together: twenty of 6 KB took up to 28 seconds."""


@pytest.fixture
def steps(monkeypatch: Any) -> list[int]:
    """What each look at a glob costs."""
    counted: list[int] = []
    walk = globs._walked

    def counting(*asked: str) -> tuple[bool, int]:
        found = walk(*asked)
        counted.append(found[1])
        return found

    monkeypatch.setattr(globs, "_walked", counting)
    return counted


@pytest.mark.parametrize("kind", HELD)
@pytest.mark.parametrize("analysis", [administrators, at_fault])
def test_what_an_identity_holds_costs_no_more_than_its_budget_and_cannot_be_judged_then(
    kind: str, analysis: Any, steps: list[int]
) -> None:
    with pytest.raises(CannotJudge, match="too long or complex to judge"):
        analysis(dict(enumerate(HELD[kind])))
    assert sum(steps) < 1.1 * policy_escalation._budget(HELD[kind], None)


def test_as_many_allows_as_denies_cost_no_more_than_one_policy_may(steps: list[int]) -> None:
    allows = [{"Effect": "Allow", "Action": "iam:*", "Resource": "*"}] * 60
    with pytest.raises(CannotJudge, match="too long or complex to judge"):
        administering({"Statement": [*allows, *(denying(f"*{each}*z") for each in range(60))]})
    assert sum(steps) < 1.1 * policy_escalation._BUDGET


def test_the_budget_is_the_same_whatever_was_judged_before() -> None:
    policy = {"Statement": [ADMIN, denying(*(f"*{each}*z" for each in range(50)))]}
    spent = []
    for _ in range(2):
        with budget.bounded(10**9):
            administering(policy)
            left = budget._LEFT.get()
            assert left
            spent.append(left[0])
    assert spent[0] == spent[1]
    assert budget._LEFT.get() is None


def test_the_largest_policies_that_aws_takes_are_judged_when_people_wrote_them() -> None:
    """Twenty attached policies of 6,144 characters: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html."""
    held: dict[int, Any] = {
        n: {
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": [f"service{n}:Describe{each}*" for each in range(start, start + 25)],
                    "Resource": [
                        f"arn:aws:service{n}:*:{OWN}:thing/team-*/{start}-*",
                        f"arn:aws:s3:::bucket-{start}-*/*",
                    ],
                }
                for start in range(0, 225, 25)
            ]
        }
        for n in range(19)
    }
    assert max(len(json.dumps(each)) for each in held.values()) > 6_144
    assert not administrators(held)
    assert not at_fault(held)
    assert administrators({**held, 19: {"Statement": [ADMIN]}}) == {19: "allows * on *"}


def test_what_is_spent_adds_up_and_an_inner_budget_is_the_outer_one() -> None:
    budget.spend(1000)
    with budget.bounded(5):
        budget.spend(3)
        with budget.bounded(100), pytest.raises(CannotJudge, match="its policies are too long or complex to judge"):
            budget.spend(3)
    budget.spend(1000)
