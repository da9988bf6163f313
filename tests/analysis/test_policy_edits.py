"""Statements and principals taken out of a policy, which keeps every other byte; and what any policy must answer."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.analysis.policy_access import by_statement, let_in, public, unknown_principals
from chalicelib.analysis.policy_document import drop, drop_principals, statements, without_deleted_principals
from chalicelib.analysis.policy_escalation import why_admin
from tests.analysis.policies import ALL, KNOWN, NOT_PUBLIC, OWN, PUBLIC, UNKNOWN, identity_policy, not_principal

PUBLIC_STATEMENTS = [case["Statement"][0] for group in PUBLIC.values() for case in group.values()]
OTHER_STATEMENTS = [case["Statement"][0] for group in NOT_PUBLIC.values() for case in group.values()]
ANY_STATEMENT = st.sampled_from(PUBLIC_STATEMENTS + OTHER_STATEMENTS)
SPACE = st.text(" \t\r\n", max_size=4)
LAYOUT = st.tuples(st.sampled_from([None, 0, 2, "\t"]), st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", " :\t")]))


class Written(NamedTuple):
    """A policy's text, and the bytes that it is made of."""

    text: str
    head: str
    pieces: list[str]
    tail: str

    def with_only(self, indexes: list[int]) -> str:
        """The text when just those statements remain, as a regular expression that leaves the separators open."""
        kept = r"\s*,\s*".join(re.escape(self.pieces[index]) for index in indexes)
        return rf"{re.escape(self.head)}\s*{kept}\s*{re.escape(self.tail)}"


@st.composite
def written(draw: st.DrawFn) -> Written:
    pieces = []
    for number, statement in enumerate(draw(st.lists(ANY_STATEMENT, min_size=1, max_size=6))):
        indent, separators = draw(LAYOUT)
        named = {"Sid": f'{number}, }}]"é', **statement}
        pieces.append(json.dumps(named, indent=indent, separators=separators, ensure_ascii=draw(st.booleans())))
    before = draw(st.sampled_from(["", '"Version" : "2012-10-17",', '"Id":"[{\\"Statement\\":",']))
    after = draw(st.sampled_from(["", ', "Version": "2012-10-17"']))
    head = f'{draw(SPACE)}{{{before}"Statement"{draw(SPACE)}:{draw(SPACE)}['
    tail = f"]{after}{draw(SPACE)}}}{draw(SPACE)}"
    spaced = [f"{draw(SPACE)}{piece}{draw(SPACE)}" for piece in pieces]
    return Written(head + ",".join(spaced) + tail, head, pieces, tail)


@given(written(), st.sets(st.integers(0, 6)))
def test_drop_leaves_every_other_byte(policy: Written, indexes: set[int]) -> None:
    kept = [index for index in range(len(policy.pieces)) if index not in indexes]
    after = drop(policy.text, indexes)
    if not kept:
        assert after is None
    else:
        assert after is not None
        assert re.fullmatch(policy.with_only(kept), after)
        before = statements(policy.text)
        assert [each.raw for each in statements(after)] == [before[index].raw for index in kept]


@given(written())
def test_dropping_nothing_changes_nothing(policy: Written) -> None:
    assert drop(policy.text, []) == policy.text
    assert drop_principals(policy.text, {}) == policy.text
    assert drop_principals(policy.text, {0: ["nobody"]}) == policy.text


@given(written())
def test_without_its_public_statements_a_policy_is_not_public(policy: Written) -> None:
    after = drop(policy.text, public(policy.text, KNOWN, OWN))
    assert public(after, KNOWN, OWN) == []
    assert after is None or drop(after, public(after, KNOWN, OWN)) == after


@given(written())
def test_without_its_strangers_a_policy_lets_in_none(policy: Written) -> None:
    found = unknown_principals(policy.text, KNOWN, OWN)
    after = drop_principals(policy.text, found)
    assert unknown_principals(after, KNOWN, OWN) == {}
    assert all(piece in (after or "") for index, piece in enumerate(policy.pieces) if index not in found)


def listed(value: Any) -> Any:
    """Every text that IAM allows to be a list, as a list of one."""
    if isinstance(value, dict):
        return {
            key: [each] if isinstance(each, str) and key not in {"Effect", "Sid"} and each != "*" else listed(each)
            for key, each in value.items()
        }
    return value


def shouted(statement: dict[str, Any]) -> dict[str, Any]:
    conditions = {
        operator: {key.upper(): value for key, value in keys.items()}
        for operator, keys in statement.get("Condition", {}).items()
    }
    return statement | ({"Condition": conditions} if conditions else {})


def answers(*listed: dict[str, Any]) -> tuple[Any, ...]:
    policy = {"Statement": list(listed)}
    return public(policy, KNOWN, OWN), unknown_principals(policy, KNOWN, OWN), why_admin(policy)


@given(ANY_STATEMENT)
def test_text_and_a_list_of_one_mean_the_same(statement: dict[str, Any]) -> None:
    assert answers(listed(statement)) == answers(statement)
    alone = {"Statement": statement}
    assert (public(alone, KNOWN, OWN), unknown_principals(alone, KNOWN, OWN), why_admin(alone)) == answers(statement)


@given(ANY_STATEMENT)
def test_the_case_of_a_condition_key_does_not_matter(statement: dict[str, Any]) -> None:
    assert answers(shouted(statement)) == answers(statement)


@given(st.lists(ANY_STATEMENT.filter(lambda each: each["Effect"] == "Allow"), max_size=5))
def test_what_is_allowed_is_judged_one_by_one(several: list[dict[str, Any]]) -> None:
    expected = [index for index, each in enumerate(several) if answers(each)[0]]
    assert public({"Statement": several}, KNOWN, OWN) == expected


@given(st.lists(ANY_STATEMENT, max_size=5), ANY_STATEMENT)
def test_a_deny_takes_away_and_never_adds(several: list[dict[str, Any]], other: dict[str, Any]) -> None:
    before = let_in({"Statement": several}, KNOWN, OWN)
    after = let_in({"Statement": [*several, other | {"Effect": "Deny"}]}, KNOWN, OWN)
    assert {(each.statement, each.principal) for each in after} <= {(each.statement, each.principal) for each in before}


@given(written(), st.data())
def test_the_living_stay_to_the_byte(policy: Written, data: st.DataObject) -> None:
    """Deleted principals put in beside others, and in statements of their own, are all that goes."""
    dead = data.draw(st.sampled_from(["AROAEXAMPLEROLEID123", "AIDAEXAMPLEUSERID123:x"]))
    alone = json.dumps({"Effect": data.draw(st.sampled_from(["Allow", "Deny"])), "Principal": {"AWS": dead}})
    others = ",".join(policy.pieces)
    before = f'{policy.head}{alone},{{"Effect": "Allow", "Principal": {{"AWS": ["{dead}","1"]}}}},{others}{policy.tail}'
    after = f'{policy.head}{{"Effect": "Allow", "Principal": {{"AWS": ["1"]}}}},{others}{policy.tail}'
    assert without_deleted_principals(before) == after
    assert without_deleted_principals(after) == after


def test_of_a_policy_for_the_dead_nothing_is_left() -> None:
    assert (
        without_deleted_principals('{"Statement": {"Effect": "Allow", "Principal": {"AWS": "AROAEXAMPLEROLEID123"}}}')
        is None
    )


def test_a_deleted_principal_that_a_deny_exempts_stays() -> None:
    """Without it, the Deny would be for other people; AWS then refuses the policy, and that is told."""
    text = '{"Statement": {"Effect": "Deny", "NotPrincipal": {"AWS": ["AROAEXAMPLEROLEID123"]}, "Action": "*"}}'
    assert without_deleted_principals(text) == text


@given(st.lists(ANY_STATEMENT, max_size=5))
def test_whoever_is_denied_everything_is_let_in_nowhere(several: list[dict[str, Any]]) -> None:
    closed = {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}
    assert let_in({"Statement": [*several, closed]}, KNOWN, OWN) == []


@given(st.lists(ANY_STATEMENT, max_size=5))
def test_who_is_public_is_a_stranger_too(several: list[dict[str, Any]]) -> None:
    policy = {"Statement": several}
    assert set(public(policy, KNOWN, OWN)) <= unknown_principals(policy, KNOWN, OWN).keys()


@given(written())
def test_taking_out_those_of_one_kind_leaves_those_of_the_others(policy: Written) -> None:
    grants = let_in(policy.text, KNOWN, OWN)
    for kind in {each.who for each in grants}:
        gone = [each for each in grants if each.who is kind]
        after = let_in(drop_principals(policy.text, by_statement(gone)), KNOWN, OWN)
        left = [(each.principal, each.who) for each in grants if each.who is not kind]
        assert [(each.principal, each.who) for each in after] == left


def test_a_statement_that_stands_alone_is_dropped_with_its_policy() -> None:
    text = '{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}}'
    assert drop(text, [0]) is None
    assert drop(text, [1]) == text
    assert drop_principals(text, {0: ["*"]}) is None


@pytest.mark.parametrize(
    ("principal", "gone", "left"),
    [
        ('{"AWS": ["1", "2", "3"]}', ["1"], '{"AWS": ["2", "3"]}'),
        ('{"AWS": ["1", "2", "3"]}', ["2"], '{"AWS": ["1", "3"]}'),
        ('{"AWS": ["1",\n\t"2" , "3" ]}', ["3", "2"], '{"AWS": ["1" ]}'),
        ('{"AWS": ["1", "2"], "Service" : "s"}', ["1", "2"], '{"Service" : "s"}'),
        ('{ "Service":"s" , "AWS": "1" }', ["1"], '{ "Service":"s" }'),
        ('{"AWS": "1", "Federated": ["2", "3"], "CanonicalUser": "4"}', ["1", "3", "4"], '{"Federated": ["2"]}'),
        ('{"AWS": "\\u0031", "Service": "s"}', ["1"], '{"Service": "s"}'),
        ('{"AWS": "1"}', ["2"], '{"AWS": "1"}'),
        ('{"AWS": [], "Service": "s"}', ["1"], '{"AWS": [], "Service": "s"}'),
        ('{"AWS": ["1"], "CanonicalUser": "2"}', ["1", "2"], None),
        ('"*"', ["*"], None),
        ('"*"', ["1"], '"*"'),
    ],
)
def test_only_those_principals_go(principal: str, gone: list[str], left: str | None) -> None:
    def text(*principals: str | None) -> str:
        each = [f'{{ "Effect":"Allow","Principal" :{p}, "Action": "*" }}' for p in principals if p]
        return f'{{"Statement": [{", ".join(each)}]}}'

    assert drop_principals(text(principal, '"*"'), {0: gone}) == text(left, '"*"')
    assert drop_principals(text('"*"', principal), {1: gone}) == text('"*"', left)


def test_everybody_else_goes_with_the_statement() -> None:
    text = json.dumps(not_principal("Allow"))
    assert drop_principals(text, unknown_principals(text, KNOWN, OWN)) is None
    assert drop_principals(text, {0: [UNKNOWN]}) == text


def test_a_statement_without_principal_stays() -> None:
    text = json.dumps(identity_policy(ALL))
    assert drop_principals(text, {0: ["*"]}) == text
