"""What several Denies leave of an Allow, against two evaluators that nobody here wrote, request by request.

What they allow must not count as covered. The other way round a request outside this small world may be the one that is
left, so that only `test_policy_sets.py` can tell.
"""

from __future__ import annotations

import json
from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.analysis.policy_document import statements
from chalicelib.analysis.policy_sets import Search, box, constraint, names
from tests.support.evaluator import ALLOW, Request, decide
from tests.support.iam_simulate import decide_all, needs_iam_simulate

ROLE = "arn:aws:iam::123456789012:role/app"
KEYS = ("s3:x-amz-acl", "s3:prefix")
TLS = "aws:securetransport"
"""Each request has it."""
REQUESTS = [
    Request(
        principal=ROLE,
        action=action,
        arn=arn,
        context={k: v for k, v in zip((*KEYS, TLS), values, strict=True) if v},
    )
    for action in ("s3:GetObject", "s3:PutObject", "s3:ListBucket")
    for arn in ("arn:aws:s3:::b", "arn:aws:s3:::b/a", "arn:aws:s3:::b/ab")
    for values in product(("private", "public-read", ""), ("a", "ab", ""), ("true", "false"))
]
ACTIONS = st.sampled_from(["*", "s3:*", "s3:Get*", "s3:?etObject", "S3:PUTOBJECT", "s3:ListBucket", "s3:*Object"])
ARNS = st.sampled_from(
    ["*", "arn:aws:s3:::*", "arn:aws:s3:::b", "arn:aws:s3:::b/*", "arn:aws:s3:::b/a", "arn:aws:s3:::b/?b"]
)
OPERATORS = st.sampled_from(
    [
        "StringEquals",
        "StringNotEquals",
        "StringLike",
        "StringNotLike",
        "StringEqualsIfExists",
        "StringNotLikeIfExists",
        "StringEqualsIgnoreCase",
    ]
)
VALUES = st.lists(st.sampled_from(["*", "private", "public-*", "p*", "a", "a?"]), min_size=1, max_size=2)


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(draw(st.integers(0, 2))):
        key = draw(st.sampled_from((*KEYS, TLS)))
        if key == TLS and draw(st.booleans()):
            operator = draw(st.sampled_from(["Bool", "BoolIfExists"]))
            found.setdefault(operator, {})[key] = draw(st.sampled_from(["true", "false", ["true", "false"]]))
        elif key != TLS and draw(st.integers(0, 4)):
            found.setdefault(draw(OPERATORS), {})[key] = draw(VALUES)
        else:
            found.setdefault("Null", {})[key] = draw(st.sampled_from(["true", "false"]))
    return found


@st.composite
def statement(draw: st.DrawFn, effect: str) -> dict[str, Any]:
    found: dict[str, Any] = {"Effect": effect}
    for element, of in (("Action", ACTIONS), ("Resource", ARNS)):
        broad = effect == "Deny" and draw(st.booleans())
        inverted = effect == "Deny" and not broad and draw(st.booleans())
        found[f"{'Not' * inverted}{element}"] = ["*"] if broad else draw(st.lists(of, min_size=1, max_size=2))
    condition = draw(conditions())
    return found | ({"Condition": condition} if condition else {})


POLICIES = {"allowed": statement("Allow"), "denied": st.lists(statement("Deny"), max_size=3)}


def text_of(allowed: dict[str, Any], denied: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [allowed, *denied]})


def is_covered(text: str) -> bool:
    allow, *denies = statements(json.loads(text))
    covering = []
    for each in denies:
        read = [constraint(condition, of_deny=True) for condition in each.conditions()]
        if None not in read:
            covering.append(names(each) + [meant for meant in read if meant])
    allows = [found for condition in allow.conditions() if (found := constraint(condition, of_deny=False))]
    return Search().uncovered(box(names(allow) + allows), covering) is None


@settings(max_examples=600, derandomize=True, database=None)
@given(**POLICIES)
def test_what_a_second_evaluator_allows_is_never_covered(allowed: dict[str, Any], denied: list[dict[str, Any]]) -> None:
    text = text_of(allowed, denied)
    if is_covered(text):
        assert [request for request in REQUESTS if decide(request, [text]) == ALLOW] == []


@needs_iam_simulate
@settings(max_examples=240, derandomize=True, database=None, deadline=None)
@given(**POLICIES)
def test_what_a_third_evaluator_allows_is_never_covered(allowed: dict[str, Any], denied: list[dict[str, Any]]) -> None:
    text = text_of(allowed, denied)
    if is_covered(text):
        assert ALLOW not in decide_all(REQUESTS, [text])


@needs_iam_simulate
@settings(max_examples=60, derandomize=True, database=None, deadline=None)
@given(**POLICIES)
def test_the_two_agree_about_each_request(allowed: dict[str, Any], denied: list[dict[str, Any]]) -> None:
    text = text_of(allowed, denied)
    found = zip(REQUESTS, decide_all(REQUESTS, [text]), strict=True)
    assert [request for request, decision in found if decision != decide(request, [text])] == []
