"""Deny statements together, by AWS's evaluation logic: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html."""

from __future__ import annotations

import time
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.analysis.globs import matches
from chalicelib.analysis.policy_access import format_left_over, let_in, public, why_undecided
from chalicelib.analysis.policy_document import Condition, Statement
from chalicelib.analysis.policy_escalation import administering
from chalicelib.analysis.policy_sets import Search, box, constraint, names
from tests.analysis.policies import KNOWN, ORG, OWN, UNKNOWN, identity_policy

BUCKET = "arn:aws:s3:::example"
BOTH = [BUCKET, f"{BUCKET}/*"]
OURS = {"StringNotEquals": {"aws:PrincipalOrgID": ORG}}
ENCRYPTED = "s3:x-amz-server-side-encryption"
ADDRESS, AGE = "aws:VpcSourceIp", "aws:MultiFactorAuthAge"
SINCE, TAGS = "aws:TokenIssueTime", "aws:TagKeys"


def allow(action: Any = "s3:GetObject", resource: Any = BOTH, condition: Any = None) -> dict[str, Any]:
    found = {"Effect": "Allow", "Principal": "*", "Action": action, "Resource": resource}
    return found | ({"Condition": condition} if condition else {})


def deny(action: Any = "s3:*", resource: Any = BOTH, condition: Any = OURS, **other: Any) -> dict[str, Any]:
    found = {**allow(action, resource, condition), "Effect": "Deny", **other}
    return {key: value for key, value in found.items() if value is not None}


SHUT = {
    "an action each": [allow(["s3:GetObject", "s3:PutObject"]), deny("s3:GetObject"), deny("s3:PutObject")],
    "a resource each": [allow(), deny(resource=BUCKET), deny(resource=f"{BUCKET}/*")],
    "an action and a resource each": [
        allow(["s3:GetObject", "s3:ListBucket"]),
        deny("s3:Get*"),
        deny("s3:List*", BUCKET),
        deny("s3:ListBucket", f"{BUCKET}/*"),
    ],
    "conditions that each spare ours": [
        allow(["s3:GetObject", "s3:PutObject"]),
        deny("s3:GetObject"),
        deny("s3:PutObject", condition={"StringNotEquals": {"aws:PrincipalAccount": [OWN]}}),
    ],
    "all but what isn't allowed": [allow(), deny(None, NotAction="s3:GetBucketLocation")],
    "all but another prefix": [
        allow(resource=f"{BUCKET}/private/*"),
        deny(resource=None, NotResource=f"{BUCKET}/www/*"),
    ],
    "all but one, and that one": [allow("s3:*"), deny(None, NotAction="s3:ListBucket"), deny("s3:ListBucket")],
    "question marks": [allow("s3:GetObject"), deny("s3:?etObject")],
    "prefixes by length": [allow(resource=f"{BUCKET}/*"), deny(resource=f"{BUCKET}/"), deny(resource=f"{BUCKET}/?*")],
    "a value and all others": [
        allow(),
        deny(condition={"StringEquals": {ENCRYPTED: "aws:kms"}}),
        deny(condition={"StringNotEquals": {ENCRYPTED: "aws:kms"}}),
    ],
    "there and not there": [
        allow(),
        deny(condition={"Null": {ENCRYPTED: "true"}}),
        deny(condition={"Null": {ENCRYPTED: "false"}}),
    ],
    "the very value that is allowed": [
        allow(condition={"StringEquals": {ENCRYPTED: "AES256"}}),
        deny(condition={"StringLike": {ENCRYPTED: "AES*"}}),
    ],
    "what is allowed without encryption": [
        allow(condition={"Null": {ENCRYPTED: "true"}}),
        deny(condition={"StringNotEquals": {ENCRYPTED: "aws:kms"}}),
    ],
    "a value whatever its case": [
        allow(condition={"StringLike": {ENCRYPTED: "aws:*"}}),
        deny(condition={"StringEqualsIgnoreCase": {ENCRYPTED: "AWS:KMS"}}),
        deny(condition={"StringNotEqualsIgnoreCase": {ENCRYPTED: "Aws:Kms"}}),
    ],
    "halves of a network": [
        allow(condition={"IpAddress": {ADDRESS: "203.0.113.0/24"}}),
        deny(condition={"IpAddress": {ADDRESS: "203.0.113.0/25"}}),
        deny(condition={"IpAddress": {ADDRESS: "203.0.113.128/25"}}),
    ],
    "all but the networks that are allowed": [
        allow(condition={"NotIpAddress": {ADDRESS: ["203.0.113.0/24", "2001:db8::/32"]}}),
        deny(condition={"NotIpAddress": {ADDRESS: ["203.0.112.0/23", "2001:db8::/31"]}}),
        deny(condition={"IpAddress": {ADDRESS: ["203.0.112.0/23", "2001:db8::/31"]}}),
    ],
    "numbers below and above": [
        allow(condition={"NumericGreaterThanEquals": {AGE: "100"}}),
        deny(condition={"NumericLessThanEquals": {AGE: 3600}}),
        deny(condition={"NumericGreaterThan": {AGE: "3600"}}),
    ],
    "a number and all others": [
        allow(),
        deny(condition={"NumericEquals": {AGE: "-7"}}),
        deny(condition={"NumericNotEquals": {AGE: "-7"}}),
    ],
    "days before and after": [
        allow(condition={"DateLessThan": {SINCE: "2026-01-02T00:00:00Z"}}),
        deny(condition={"DateLessThan": {SINCE: "2026-01-01T00:00:00Z"}}),
        deny(condition={"DateGreaterThanEquals": {SINCE: 1767225600}}),
    ],
    "one of a key's values": [
        allow(condition={"ForAnyValue:StringEquals": {TAGS: ["red", "blue"]}}),
        deny(condition={"ForAnyValue:StringLike": {TAGS: "r*"}}),
        deny(condition={"ForAnyValue:StringEquals": {TAGS: "blue"}}),
    ],
}
OPEN = {
    "two prefixes of many": [allow(), deny(resource=f"{BUCKET}/a*"), deny(resource=f"{BUCKET}/b*")],
    "all but the very action, twice": [
        allow(),
        deny(None, NotAction=["s3:GetObject", "s3:ListBucket"]),
        deny(None, NotAction="s3:GetObject"),
    ],
    "the bucket alone": [allow(), deny(resource=BUCKET)],
    "another letter's case of a resource": [allow(resource=f"{BUCKET}/A"), deny(resource=f"{BUCKET}/a")],
    "both values, but not without one": [
        allow(),
        deny(condition={"StringEquals": {ENCRYPTED: "aws:kms"}}),
        deny(condition={"StringEquals": {ENCRYPTED: "AES256"}}),
    ],
    "any value, but not without one": [allow(), deny(condition={"StringLike": {ENCRYPTED: "*"}})],
    "a value that the other condition spares": [
        allow(condition={"StringNotEquals": {ENCRYPTED: "aws:kms"}}),
        deny(condition={"StringEquals": {ENCRYPTED: ["aws:kms", "AES256"]}}),
    ],
    "two conditions in one add up": [
        allow(),
        deny(condition={"StringEquals": {ENCRYPTED: "aws:kms"}, "Bool": {"aws:SecureTransport": "false"}}),
        deny(condition={"StringNotEquals": {ENCRYPTED: "aws:kms"}}),
    ],
    "an unknown network is spared": [
        allow(),
        deny(condition={"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}),
    ],
    "a stranger is spared": [allow(), deny(condition={"StringNotEquals": {"aws:PrincipalAccount": [OWN, UNKNOWN]}})],
    "ArnLike's star is less than StringLike's": [
        allow(condition={"StringLike": {"aws:SourceArn": "arn:*"}}),
        deny(condition={"ArnLike": {"aws:SourceArn": "arn:*:*:*:*:*"}}),
    ],
    "a variable may be anything": [allow(), deny(condition={"StringNotEquals": {ENCRYPTED: "${aws:PrincipalTag/x}"}})],
    "another letter's case of a value": [
        allow(condition={"StringEqualsIgnoreCase": {ENCRYPTED: "aws:kms"}}),
        deny(condition={"StringEquals": {ENCRYPTED: "aws:kms"}}),
    ],
    "half of a network": [
        allow(condition={"IpAddress": {ADDRESS: "203.0.113.0/24"}}),
        deny(condition={"IpAddress": {ADDRESS: "203.0.113.0/25"}}),
    ],
    "all networks, but not without an address": [
        allow(),
        deny(condition={"IpAddress": {ADDRESS: ["0.0.0.0/0", "::/0"]}}),
    ],
    "what is no network": [
        allow(condition={"IpAddress": {ADDRESS: "203.0.113.0/24"}}),
        deny(condition={"IpAddress": {ADDRESS: ["203.0.113.0/24", "203.0.113.0/240"]}}),
    ],
    "between two numbers": [
        allow(condition={"NumericGreaterThan": {AGE: "0"}}),
        deny(condition={"NumericLessThanEquals": {AGE: "9"}}),
        deny(condition={"NumericGreaterThanEquals": {AGE: "10"}}),
    ],
    "the number itself": [
        allow(condition={"NumericLessThanEquals": {AGE: "10"}}),
        deny(condition={"NumericLessThan": {AGE: "10"}}),
    ],
    "a second between two days": [
        allow(condition={"DateGreaterThan": {SINCE: "2026-01-01"}}),
        deny(condition={"DateGreaterThan": {SINCE: "2026-01-01T00:00:01+00:00"}}),
    ],
    "a date that is none": [
        allow(condition={"DateGreaterThan": {SINCE: "2026-01-01"}}),
        deny(condition={"DateGreaterThan": {SINCE: "the day before yesterday"}}),
    ],
    "no value at all": [
        allow(),
        deny(condition={"ForAnyValue:StringEquals": {TAGS: "red"}}),
        deny(condition={"ForAnyValue:StringNotEquals": {TAGS: "red"}}),
    ],
    "two values at once": [
        allow(condition={"ForAnyValue:StringEquals": {TAGS: "red"}, "ForAnyValue:StringLike": {TAGS: "b*"}}),
        deny(condition={"ForAnyValue:StringEquals": {TAGS: "blue"}}),
    ],
    "an address that is a text too": [
        allow(condition={"IpAddress": {ADDRESS: "203.0.113.0/24"}}),
        deny(condition={"StringNotLike": {ADDRESS: "203.*"}}),
    ],
    "a key that is called as a dimension is": [
        allow(condition={"NumericGreaterThan": {AGE: "0"}}),
        deny(condition={"StringLike": {f"number {AGE}": "*"}}),
    ],
    "what each request has may be no number": [
        allow(),
        deny(condition={"NumericLessThan": {"aws:UserAgent": "5"}}),
        deny(condition={"NumericGreaterThanEquals": {"aws:UserAgent": "5"}}),
    ],
    "all values are others": [
        allow(condition={"ForAnyValue:StringEquals": {TAGS: "red"}}),
        deny(condition={"ForAllValues:StringEquals": {TAGS: "red"}}),
    ],
}
LEFT = {
    "one action": (
        [allow("s3:*"), deny(None, NotAction="s3:GetObject")],
        "s3:getobject within s3:* on arn:aws:s3:::example, arn:aws:s3:::example/*",
    ),
    "all but some": (
        [allow("s3:*"), deny(["s3:G*", "s3:L*", "s3:P*", "s3:D*"])],
        "s3:* but s3:g*, s3:l*, s3:p* and 1 more on arn:aws:s3:::example, arn:aws:s3:::example/*",
    ),
    "a part of the names": (
        [allow(), deny(resource=BUCKET)],
        f"s3:getobject on {BUCKET}, {BUCKET}/* but {BUCKET}",
    ),
    "without a key": (
        [allow(), deny(condition={"Null": {ENCRYPTED: "false"}})],
        f"s3:getobject on {BUCKET}, {BUCKET}/*, without {ENCRYPTED}",
    ),
    "another value": (
        [allow(), deny(condition={"StringEquals": {ENCRYPTED: "aws:kms"}})],
        f"s3:getobject on {BUCKET}, {BUCKET}/*, with another {ENCRYPTED} or none",
    ),
    "another number": (
        [allow(), deny(condition={"NumericLessThan": {AGE: "60"}})],
        f"s3:getobject on {BUCKET}, {BUCKET}/*, with another number {AGE.lower()} or none",
    ),
    "another value of what each request has": (
        [allow(), deny(condition={"Bool": {"aws:SecureTransport": "false"}})],
        f"s3:getobject on {BUCKET}, {BUCKET}/*, with another aws:securetransport",
    ),
    "a value that is spared": (
        [allow(), deny(condition={"StringNotEquals": {ENCRYPTED: "aws:kms"}})],
        f"s3:getobject on {BUCKET}, {BUCKET}/*, with a {ENCRYPTED} that they spare",
    ),
    "nothing is denied of it": ([allow(), deny("s3:PutObject")], ""),
    "no Deny": ([allow()], ""),
}


@pytest.mark.parametrize("policy", [pytest.param(policy, id=what) for what, policy in SHUT.items()])
def test_denies_together_shut_out(policy: list[dict[str, Any]]) -> None:
    assert let_in({"Statement": policy}, KNOWN, OWN) == []
    assert let_in({"Statement": policy[::-1]}, KNOWN, OWN) == []


@pytest.mark.parametrize("policy", [pytest.param(policy, id=what) for what, policy in OPEN.items()])
def test_denies_that_leave_something_do_not(policy: list[dict[str, Any]]) -> None:
    found = let_in({"Statement": policy}, KNOWN, OWN)
    assert [(each.statement, each.undecided) for each in found] == [(0, False)]


@pytest.mark.parametrize(("policy", "left"), [pytest.param(*case, id=what) for what, case in LEFT.items()])
def test_what_denies_leave_is_told(policy: list[dict[str, Any]], left: str) -> None:
    found = let_in({"Statement": policy}, KNOWN, OWN)
    assert [each.left for each in found] == [left]
    assert format_left_over(found) == (f"; its Deny statements still allow {left}" if left else "")


@pytest.mark.parametrize(
    "missing", [(what, number) for what, policy in SHUT.items() if len(policy) > 2 for number in range(1, len(policy))]
)
def test_each_of_these_denies_is_needed(missing: tuple[str, int]) -> None:
    policy = [each for number, each in enumerate(SHUT[missing[0]]) if number != missing[1]]
    assert public({"Statement": policy}, KNOWN, OWN) == [0]


def test_what_cannot_be_decided_is_let_in_and_a_person_is_asked() -> None:
    globs = ["".join(f"*{letter}{other}" for letter in "abcd") + "*" for other in "abcdefgh"]
    policy = [allow(resource="*aa*bb*cc*"), *(deny(resource=each) for each in globs)]
    began = time.process_time()
    found = let_in({"Statement": policy * 3}, KNOWN, OWN)
    assert time.process_time() - began < 5
    assert found
    if found[0].undecided:
        assert "statement 1" in (why_undecided(found) or "")


def test_the_budget_ends_a_search() -> None:
    search = Search(0)
    statement = Statement(0, deny(condition=None))
    assert search.uncovered(box(names(Statement(0, allow()))), [names(statement)]) is not None
    assert search.undecided
    (grant,) = [each._replace(undecided=True) for each in let_in({"Statement": allow()}, KNOWN, OWN)]
    assert why_undecided([grant]) == (
        "it has too many Deny statements to tell whether they block the access from statement 1"
    )


GLOBS = st.lists(st.text("ab*?", max_size=4), min_size=1, max_size=2)
TEXTS = ["".join(letters) for length in range(6) for letters in product("abc", repeat=length)]


@settings(max_examples=300, derandomize=True, database=None)
@given(allowed=GLOBS, denied=st.lists(st.tuples(st.booleans(), GLOBS), max_size=3))
def test_it_is_what_every_text_by_itself_says(allowed: list[str], denied: list[tuple[bool, list[str]]]) -> None:
    """All texts of up to five letters: enough for globs of four characters."""

    def fits(globs: list[str], text: str) -> bool:
        return any(matches(each, text) for each in globs)

    left = [
        text
        for text in TEXTS
        if fits(allowed, text) and not any(fits(globs, text) != inverted for inverted, globs in denied)
    ]
    denies = [names(Statement(0, {"Effect": "Deny", f"{'Not' * inverted}Resource": g})) for inverted, g in denied]
    found = Search().uncovered(box(names(Statement(0, {"Effect": "Allow", "Resource": allowed}))), denies)
    assert (found is not None) == bool(left)


@pytest.mark.parametrize(
    ("operator", "of_deny", "understood"),
    [
        ("StringEquals", True, False),
        ("StringLike", True, True),
        ("ArnLike", True, False),
        ("ArnLike", False, True),
        ("ArnNotLike", True, True),
        ("ArnNotLike", False, False),
        ("ForAnyValue:StringEquals", True, False),
        ("ForAllValues:StringLike", True, False),
        ("NumericLessThan", True, False),
        ("StringEqualsIgnoreCase", True, False),
        ("BinaryEquals", True, False),
        ("NumericLike", False, False),
    ],
)
def test_what_is_not_understood_is_everything_in_an_allow_and_nothing_in_a_deny(
    operator: str, of_deny: bool, understood: bool
) -> None:
    found = constraint(Condition(operator, "aws:sourcearn", ("arn:aws:s3:::a*",)), of_deny=of_deny)
    assert (found is not None) is understood


ATTACH = "arn:aws:iam::aws:policy/"
WRITES = ("iam:A*", "iam:C*", "iam:P*"), ("iam:D*", "iam:G*", "iam:L*", "iam:S*", "iam:U*", "iam:R*")


@pytest.mark.parametrize(
    ("policy", "at_fault"),
    [
        (identity_policy({"Action": [*WRITES[0]]}, {"Action": [*WRITES[1]]}), {0, 1}),
        (identity_policy({"Action": [*WRITES[0]]}), set()),
        (
            identity_policy({"Action": [*WRITES[0]]}, {"Action": [*WRITES[1]]}, {"Effect": "Deny", "Action": "iam:*"}),
            set(),
        ),
        (identity_policy({"Action": "iam:*", "Resource": "arn:aws:iam::1111*:user/*"}), {0}),
        (identity_policy({"Action": "iam:*", "Resource": "arn:aws:iam::1111*"}), {0}),
        (identity_policy({"Action": "iam:*", "Resource": "arn:aws:iam::11112222333?:role/*"}), {0}),
        *(
            (identity_policy({"Action": "iam:*", "Condition": {operator: {"iam:PolicyARN": value}}}), at_fault)
            for operator, value, at_fault in (
                ("StringEquals", f"{ATTACH}AdministratorAccess", {0}),
                ("ArnEquals", f"{ATTACH}AdministratorAccess", {0}),
                ("StringLike", f"{ATTACH}Admin*", {0}),
                ("ArnLike", [f"{ATTACH}ReadOnlyAccess", f"{ATTACH}IAMFullAccess"], {0}),
                ("ArnNotEquals", f"{ATTACH}IAMFullAccess", {0}),
                ("ArnEquals", f"{ATTACH}ReadOnlyAccess", set[int]()),
            )
        ),
        (
            identity_policy(
                {"Action": "iam:*", "Condition": {"ArnEquals": {"iam:PolicyARN": f"{ATTACH}AdministratorAccess"}}},
                {"Effect": "Deny", "Action": "iam:Attach*"},
            ),
            set(),
        ),
    ],
)
def test_who_is_administrator_by_the_whole_policy(policy: dict[str, Any], at_fault: set[int]) -> None:
    assert set(administering(policy)) == at_fault


ELSEWHERE = "arn:aws:iam::999999999999:*"


@pytest.mark.parametrize(
    ("policy", "at_fault"),
    [
        (identity_policy({"Action": "iam:*", "Resource": ELSEWHERE}), set()),
        (identity_policy({"Action": "*", "Resource": "arn:aws:iam::9*:role/*"}), set()),
        (identity_policy({"Action": "iam:*", "Resource": "arn:aws:iam::99999999999?:*"}), set()),
        (identity_policy({"Action": "iam:*", "Resource": "arn:aws:iam::aws:policy/*"}), set()),
        (identity_policy({"Action": "iam:*", "Resource": f"arn:aws:iam::{OWN}:*"}), {0}),
        (identity_policy({"Action": "iam:*", "Resource": f"arn:aws:iam::{OWN[:4]}*:*"}), {0}),
        (identity_policy({"Action": "iam:*", "Resource": "arn:aws:iam::${aws:PrincipalAccount}:*"}), {0}),
        ({"Statement": {"Effect": "Allow", "Action": "iam:*", "NotResource": ELSEWHERE}}, {0}),
        (identity_policy({"Action": "*"}, {"Effect": "Deny", "Action": "*", "Resource": ELSEWHERE}), {0}),
        (identity_policy({"Action": "*"}, {"Effect": "Deny", "Action": "*", "Resource": f"arn:*:*:*:{OWN}:*"}), set()),
    ],
)
def test_an_identity_policy_reaches_into_no_other_account(policy: dict[str, Any], at_fault: set[int]) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html."""
    assert set(administering(policy, OWN)) == at_fault
