from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.analysis.globs import matches


@given(pattern=st.text("ab*?[]", max_size=8), text=st.text("ab[]*", max_size=8))
def test_a_star_is_any_text_and_a_question_mark_one_character(pattern: str, text: str) -> None:
    meant = "".join({"*": ".*", "?": "."}.get(each, re.escape(each)) for each in pattern)
    assert matches(pattern, text) == bool(re.fullmatch(meant, text, re.DOTALL))


@pytest.mark.parametrize("pattern", ["[" * 20_000, "*" * 20_000, "a*" * 10_000, "*a" * 10_000 + "b"])
def test_no_pattern_takes_long(pattern: str) -> None:
    began = time.process_time()
    matches(pattern, "arn:aws:iam::123456789012:role/" + "a" * 64)
    assert time.process_time() - began < 1
