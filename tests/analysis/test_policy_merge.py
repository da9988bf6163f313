"""One's own edit taken back: exactly, whatever unrelated statements and principals others added or took out since."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.analysis.policy_document import append, drop, drop_principals
from chalicelib.analysis.policy_merge import take_back, take_back_text

US, FRIEND, EVIL = (f"arn:aws:iam::{number * 12}:root" for number in "123")


def allow(sid: str, *principals: str, **more: Any) -> dict[str, Any]:
    who: Any = "*" if principals == ("*",) else {"AWS": list(principals) if len(principals) > 1 else principals[0]}
    return {"Sid": sid, "Effect": "Allow", "Principal": who, "Action": "s3:GetObject", "Resource": "*", **more}


def text(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


OWN, PUBLIC, SHARED = allow("Own", US), allow("Public", "*"), allow("Shared", US, EVIL)
TLS = {"Sid": "Tls", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}


def sids(policy: str | None) -> list[str]:
    return [each["Sid"] for each in json.loads(policy or '{"Statement": []}')["Statement"]]


def test_a_dropped_statement_comes_back_beside_what_others_added() -> None:
    before = text(OWN, PUBLIC)
    after = drop(before, [1])
    assert after
    taken = take_back_text(before, after, append(after, TLS))
    assert taken
    assert sorted(sids(taken[0])) == ["Own", "Public", "Tls"]


def test_two_edits_of_one_policy_are_taken_back_in_either_order_to_the_same_bytes() -> None:
    first = text(PUBLIC, OWN)
    second = append(first, TLS)
    third = drop(second, [0])
    assert third
    oldest = take_back_text(first, second, third)
    assert oldest
    assert sids(oldest[0]) == ["Own"]
    newest = take_back_text(second, third, oldest[0])
    assert newest == (first,)
    assert take_back_text(second, third, third) == (second,)


def test_letters_beyond_ascii_stay_as_they_are() -> None:
    named = {**OWN, "Condition": {"StringEquals": {"aws:PrincipalTag/owner": "Müller"}}}
    before = text(named, PUBLIC)
    after = drop(before, [1])
    assert after
    taken = take_back_text(before, after, append(after, TLS))
    assert taken
    assert "Müller" in str(taken[0])


def test_a_statement_that_was_split_in_two_does_not_come_back() -> None:
    """Which half is to become whole again isn't known, even if only one of them is left."""
    ours, theirs = allow("Shared", US), allow("Shared", FRIEND)
    assert take_back_text(text(SHARED), text(ours, theirs), text(ours)) is None


def test_a_principal_comes_back_into_its_statement() -> None:
    before = text(SHARED)
    after = drop_principals(before, {0: {EVIL}})
    assert after
    now = json.loads(after)
    now["Statement"][0]["Principal"] = {"AWS": [US, FRIEND]}
    taken = take_back_text(before, after, json.dumps(now))
    assert taken
    assert taken[0]
    assert set(json.loads(taken[0])["Statement"][0]["Principal"]["AWS"]) == {US, FRIEND, EVIL}


def test_a_policy_that_the_fix_emptied_or_made_is_made_or_deleted_again() -> None:
    assert take_back_text(text(PUBLIC), None, None) == (text(PUBLIC),)
    assert take_back_text(None, text(TLS), text(TLS)) == (None,)
    taken = take_back_text(None, text(TLS), text(TLS, OWN))
    assert taken
    assert sids(taken[0]) == ["Own"]


@pytest.mark.parametrize(
    ("before", "after", "now"),
    [
        (text(OWN), text(OWN, TLS), text(OWN)),  # What we added is gone.
        (text(OWN), text(OWN, TLS), text(TLS, TLS, OWN)),  # It is there twice.
        (text(OWN, PUBLIC), text(OWN), text(OWN, PUBLIC)),  # What we took out is there again.
        (text(OWN, PUBLIC), text(OWN), None),  # Somebody deleted the policy.
        (text(SHARED), text(allow("Shared", US)), text(OWN)),  # The statement that we narrowed is gone.
    ],
)
def test_what_is_not_found_exactly_once_is_not_taken_back(before: str, after: str, now: str | None) -> None:
    assert take_back_text(before, after, now) is None


STATEMENTS = st.lists(
    st.sampled_from([allow(f"S{n}", who, Action=f"s3:A{n}") for n in range(5) for who in (US, FRIEND, EVIL)]),
    max_size=5,
    unique_by=lambda each: each["Sid"],
)


@given(STATEMENTS, st.sets(st.integers(0, 4)), st.lists(st.sampled_from([TLS, allow("New", FRIEND)]), max_size=2))
def test_with_nothing_else_changed_all_is_as_before_and_otherwise_the_others_edit_stays(
    statements: list[dict[str, Any]], gone: set[int], more: list[dict[str, Any]]
) -> None:
    before: Any = {"Version": "2012-10-17", "Statement": statements}
    after: Any = {**before, "Statement": [each for n, each in enumerate(statements) if n not in gone]}
    same = take_back(before, after, after)
    assert same
    assert (same.document or {**before, "Statement": []}) == before
    now = {**after, "Statement": [*after["Statement"], *more]}
    merged = take_back(before, after, now)
    assert merged
    left = (merged.document or {"Statement": []})["Statement"]
    assert sorted(map(json.dumps, left)) == sorted(map(json.dumps, [*statements, *more]))
