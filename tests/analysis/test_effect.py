from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.analysis.effect import _FLAGS, effect

READ = {"Grantee": {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AllUsers"}, "Permission": "READ"}
OURS = {"Grantee": {"Type": "CanonicalUser", "ID": "75aa57f0"}, "Permission": "FULL_CONTROL"}
SSH = {"CidrIpv4": "0.0.0.0/0", "FromPort": 22, "IpProtocol": "tcp", "ToPort": 22}
OPEN = {"Sid": "PublicRead", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}
TWO = {"Sid": "Two", "Effect": "Allow", "Principal": {"AWS": ["1", "2"]}, "Action": "s3:*", "Resource": "*"}
ONE = {**TWO, "Principal": {"AWS": "1"}}


def policy(*statements: Any) -> dict[str, Any]:
    return {"policy": json.dumps({"Version": "2012-10-17", "Statement": list(statements)}) if statements else None}


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ({"grants": [OURS, READ]}, {"grants": [OURS]}, "removes READ for AllUsers"),
        ({"open": [SSH]}, {"open": []}, "removes tcp 22 from 0.0.0.0/0"),
        ({"rules": [{**SSH, "IpProtocol": "-1", "IsEgress": True}]}, {"rules": []}, "removes all traffic to 0.0.0.0/0"),
        ({"rule": None}, {"rule": {"Protocol": "17", "RuleAction": "deny", "CidrBlock": "::/0"}}, "adds udp from ::/0"),
        ({"permissions": [{"Group": "all"}]}, {"permissions": []}, "removes everyone"),
        (policy(OPEN), policy(), "removes statement PublicRead, which allows s3:GetObject for anyone"),
        (policy(OPEN, TWO), policy(TWO), "removes statement PublicRead, which allows s3:GetObject for anyone"),
        (policy(TWO), policy(ONE), "removes 2 from AWS in statement Two"),
        (policy(), policy({**OPEN, "Condition": {"Bool": {}}, "Effect": "Deny"}),
         "adds statement PublicRead, which denies s3:GetObject for anyone under conditions"),
        ({"tokens": "optional"}, {"tokens": "required"}, "changes tokens from optional to required"),
        ({"logging": False}, {"logging": True}, "turns logging on"),
        ({"exists": False, "a": None}, {"exists": True, "a": 1}, "creates it again and sets a to 1"),
        ({"block": {"A": False, "B": True}}, {"block": {"A": True, "B": True}}, "turns A on"),
        ({"profile": "app"}, {"profile": None}, "removes profile app"),
        ({"password": "hunter2hunter2"}, {"password": None}, "removes password"),
        ({"tags": ["a", "b"]}, {"tags": ["b", "c"]}, "removes a from tags and adds c to tags"),
        ({str(n): n for n in range(9)}, {str(n): n + 1 for n in range(9)},
         "changes 0 from 0 to 1, changes 1 from 1 to 2, changes 2 from 2 to 3 and makes 6 more changes"),
        ({"groups": {"eni": ["sg-1"]}}, {"groups": {"eni": "isolated"}}, ""),
        ({"rows": [{"x": [1]}]}, {"rows": []}, ""),
        ({"rows": ["a", "b"]}, {"rows": ["b", "a"]}, ""),
        ("a", "b", ""),
    ],
)  # fmt: skip
def test_a_difference_as_a_sentence_or_none(before: Any, after: Any, said: str) -> None:
    assert effect(before, after) == said


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (policy(OPEN, TWO), policy(TWO), "removed statement PublicRead, which allowed s3:GetObject for anyone"),
        (policy(), policy({**OPEN, "Effect": "Deny"}),
         "added statement PublicRead, which denies s3:GetObject for anyone"),
        ({"logging": False, "profile": "app"}, {"logging": True, "profile": None}, "turned logging on and removed profile app"),
        ({str(n): n for n in range(9)}, {str(n): n + 1 for n in range(9)},
         "changed 0 from 0 to 1, changed 1 from 1 to 2, changed 2 from 2 to 3 and made 6 more changes"),
        ({"rows": ["a", "b"]}, {"rows": ["b", "a"]}, ""),
    ],
)  # fmt: skip
def test_what_a_fix_did_is_said_in_the_past(before: Any, after: Any, said: str) -> None:
    assert effect(before, after, past=True) == said


@pytest.mark.parametrize("flag", _FLAGS)
@pytest.mark.parametrize("now", [True, False])
def test_each_flag_has_its_past(flag: str, now: bool) -> None:
    present, past = (effect({flag: not now}, {flag: now}, past=each) for each in (False, True))
    assert present != past
    assert present.partition(" ")[2] == past.partition(" ")[2]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["*", "\u202e", "\n", "<!here>"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Statement", "Effect", "Action", "Grantee", "Permission", "Principal", "x", "Sid"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON, JSON, st.booleans())
def test_whatever_the_states_are_it_is_one_printable_line(before: Any, after: Any, past: bool) -> None:
    said = effect(before, after, past=past)
    assert said.isprintable()
    assert len(said) <= 500


def test_no_secret_is_in_the_sentence() -> None:
    assert "hunter2" not in effect({"Password": "hunter2hunter2"}, {"Password": "other5other5"})
