from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.analysis.globs import _CALL, _walked, completed, matches


@given(pattern=st.text("ab*?[]", max_size=8), text=st.text("ab[]*", max_size=8))
def test_a_star_is_any_text_and_a_question_mark_one_character(pattern: str, text: str) -> None:
    meant = "".join({"*": ".*", "?": "."}.get(each, re.escape(each)) for each in pattern)
    assert matches(pattern, text) == bool(re.fullmatch(meant, text, re.DOTALL))


@pytest.mark.parametrize("pattern", ["[" * 20_000, "*" * 20_000, "a*" * 10_000, "*a" * 10_000 + "b"])
def test_no_pattern_takes_long(pattern: str) -> None:
    _, steps = _walked(pattern, "arn:aws:iam::123456789012:role/" + "a" * 64)
    assert steps < _CALL + 2 * len(pattern)


@pytest.mark.parametrize(
    ("arn", "whole"),
    [
        ("arn:aws:s3", "arn:aws:s3:*:*:*"),
        ("arn:*", "arn:*:*:*:*:*"),
        ("arn:aws:sqs:us-east-1:111122223333:q", "arn:aws:sqs:us-east-1:111122223333:q"),
        ("*", "*"),
        ("alias:x", "alias:x"),
    ],
)
def test_a_pattern_of_arns_gets_the_parts_that_are_missing(arn: str, whole: str) -> None:
    assert completed(arn) == whole
