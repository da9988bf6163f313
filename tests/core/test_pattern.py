from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.core.errors import BadPattern
from chalicelib.core.event import Event
from chalicelib.core.pattern import LIMIT, Index, any_of, check, cloudtrail, matches, native, reports_to_one_region
from tests.support.events import cloudtrail_event

SHARED = Path(__file__).parents[2].parent / "shared" / "event_pattern_cases.json"

# What a field's list holds, values that it matches, values that it doesn't.
RULES: dict[str, tuple[list[Any], list[Any], list[Any]]] = {
    "literals": (["on", 2, True, None], ["on", 2, 2.0, True, None], ["On", "2", 3, 1, False, "null", {"e": "on"}]),
    "false is not zero": ([False], [False], [0, None, ""]),
    "zero is not false": ([0], [0, -0.0], [False, None, ""]),
    "array values": (["x", "y"], [["q", "y"], [["x"]]], [[], ["q"], [{"e": "x"}]]),
    "prefix": ([{"prefix": "Put"}], ["Put", "PutObject"], ["put", "aPut", "", 1, None, True]),
    "prefix of any case": ([{"prefix": {"equals-ignore-case": "pUt"}}], ["PUTx", "put"], ["aput", 1]),
    "empty prefix": ([{"prefix": ""}], ["", "a"], [1, None, []]),
    "suffix": ([{"suffix": ".png"}], [".png", "a.png"], ["a.PNG", "a.png ", 1]),
    "suffix of any case": ([{"suffix": {"equals-ignore-case": ".Png"}}], ["a.pnG"], ["a.pn", None]),
    "equals-ignore-case": ([{"equals-ignore-case": "Ada"}], ["ADA", "ada"], ["adam", 1, None]),
    "wildcard in the middle": ([{"wildcard": "a*b"}], ["ab", "a\nb", "abab"], ["a", "b", "abc", "xab", 1]),
    "wildcard at both ends": ([{"wildcard": "*x*"}], ["x", "axb"], ["", "ab"]),
    "wildcard pieces don't overlap": ([{"wildcard": "ab*ba"}], ["abba", "ab-ba"], ["aba"]),
    "wildcard pieces keep their order": ([{"wildcard": "*1*2*3"}], ["123", "a1b2c3"], ["321", "132"]),
    "wildcard backs off for its end": ([{"wildcard": "*a*b"}], ["aab", "abab", "abb"], ["aba"]),
    "wildcard with escapes": ([{"wildcard": r"\**\\"}], ["*\\", "*x\\"], ["x\\", "*"]),
    "wildcard without a star": ([{"wildcard": "a.c"}], ["a.c"], ["abc", "a.c\n"]),
    "anything but a string": ([{"anything-but": "a"}], ["b", 1, True, None, ["a", "b"]], ["a", ["a"], [], {}]),
    "anything but strings": ([{"anything-but": ["a", "b"]}], ["c", None], ["a", "b"]),
    "anything but a number": ([{"anything-but": 1}], ["1", 2, True], [1, 1.0]),
    "anything but numbers": ([{"anything-but": [0, 1.5]}], [False, 1], [0, 1.5]),
    "anything but a prefix": ([{"anything-but": {"prefix": "a"}}], ["ba", 1, None], ["a", "ab"]),
    "anything but prefixes": ([{"anything-but": {"prefix": ["a", "b"]}}], ["c"], ["ax", "bx"]),
    "anything but a suffix": ([{"anything-but": {"suffix": ["a", "b"]}}], ["ax", True], ["xa", "xb"]),
    "anything but any case": ([{"anything-but": {"equals-ignore-case": ["A", ""]}}], ["ab", 0], ["a", ""]),
    "anything but wildcards": ([{"anything-but": {"wildcard": ["*/x", "y*"]}}], ["x", 5], ["a/x", "yes"]),
    "equal number": ([{"numeric": ["=", 1.5]}], [1.5], ["1.5", 1, None]),
    "less": ([{"numeric": ["<", 0]}], [-1, -5e9], [0, -6e9, False]),
    "less or equal": ([{"numeric": ["<=", 0]}], [0, -0.1], [0.1]),
    "greater": ([{"numeric": [">", 0]}], [1, [0, 1], 5e9], [0, True, "1", 5_000_000_001]),
    "range": ([{"numeric": [">=", 1, "<", 3]}], [1, 2.9], [0.9, 3]),
    "open range": ([{"numeric": [">", 1, "<=", 3]}], [1.1, 3], [1, 3.1]),
    "exists": ([{"exists": True}], ["", None, False, [None]], [[], {}, {"e": 1}]),
    "doesn't exist": ([{"exists": False}], [[], {}, {"e": 1}], ["", None, False, [None]]),
    "doesn't exist or is": ([{"exists": False}, "ok"], [[], "ok"], ["no", None]),
    "IPv4 range": ([{"cidr": "10.1.2.3/8"}], ["10.0.0.0", "10.255.255.255"], ["11.0.0.0", "x", "", 1, "::a01:203"]),
    "IPv6 range": ([{"cidr": "2001:db8::/32"}], ["2001:db8::1", "2001:DB8:ffff::"], ["2001:db9::", "10.0.0.1"]),
    "one of several": (["x", {"prefix": "Put"}, {"numeric": [">", 1]}], ["x", "Put", 2], ["y", 1]),
}


@pytest.mark.parametrize(
    ("rules", "value", "expected"),
    [
        pytest.param(rules, value, expected, id=f"{name}: {value!r}")
        for name, (rules, yes, no) in RULES.items()
        for expected, values in ((True, yes), (False, no))
        for value in values
    ],
)
def test_a_field_matches_when_one_of_its_rules_does(rules: list[Any], value: Any, expected: bool) -> None:
    check({"d": {"e": rules}})
    assert matches({"d": {"e": rules}}, {"d": {"e": value}}) is expected


@pytest.mark.parametrize("name", [name for name in RULES if not name.startswith("doesn't exist")])
def test_a_field_that_is_not_there_matches_nothing_but_exists_false(name: str) -> None:
    assert not matches({"d": {"e": RULES[name][0]}}, {"d": {"x": 1}})


@pytest.mark.parametrize("event", [{}, {"d": {}}, {"d": None}, {"d": "e"}, {"d": [{"x": 1}, 1]}, {"e": 1}])
def test_exists_false_needs_no_parent_either(event: dict[str, Any]) -> None:
    assert matches({"d": {"e": [{"exists": False}]}}, event)


@pytest.mark.parametrize("event", [None, "a", 1, [], [{"a": 1}]])
def test_only_objects_are_events(event: Any) -> None:
    assert not matches({"a": [1, {"exists": False}]}, event)


TWO = {"i": {"a": [1], "b": [2]}}
LACK = {"i": {"a": [1], "b": [{"exists": False}]}}


@pytest.mark.parametrize(
    ("pattern", "event", "expected"),
    [
        (TWO, {"i": {"a": 1, "b": 2}}, True),
        (TWO, {"i": [{"a": 1, "b": 9}, {"a": 1, "b": 2}]}, True),
        (TWO, {"i": [{"a": 1}, {"b": 2}]}, False),
        (TWO, {"i": [{"a": [1, 3], "b": [4, 2]}]}, True),
        (TWO, {"i": [[{"a": 1}, {"a": 1, "b": 2}]]}, True),
        (TWO, {"i": [[{"a": 1}], [{"b": 2}]]}, False),
        ({"i": {"a": [1], "j": {"b": [2]}}}, {"i": [{"a": 1, "j": [{"b": 3}, {"b": 2}]}]}, True),
        ({"i": {"a": [1], "j": {"b": [2]}}}, {"i": [{"a": 1, "j": [{"b": 3}]}, {"j": [{"b": 2}]}]}, False),
        ({"i": {"a": [1]}, "j": {"a": [2]}}, {"i": [{"a": 1}], "j": [{}, {"a": 2}]}, True),
        ({"i.a": [1], "i": {"b": [2]}}, {"i": [{"a": 1}, {"b": 2}]}, False),
        (LACK, {"i": [{"a": 1}, {"a": 2, "b": 3}]}, True),
        (LACK, {"i": [{"a": 1, "b": 3}, {"a": 2}]}, False),
        # Fields are asked in the order of their names, and `a` is asked before any element is chosen.
        ({"i": {"a": [{"exists": False}], "b": [2]}}, {"i": [{"a": 1}, {"b": 2}]}, False),
    ],
)
def test_fields_match_within_the_same_array_element(pattern: Any, event: Any, expected: bool) -> None:
    check(pattern)
    assert matches(pattern, event) is expected


@pytest.mark.parametrize("pattern", [{"a": {"b": {"c": ["x"]}}}, {"a.b.c": ["x"]}, {"a": {"b.c": ["x"]}}])
@pytest.mark.parametrize("event", [{"a": {"b": {"c": "x"}}}, {"a.b": {"c": "x"}}, {"a": {"b": 1, "b.c": "x"}}])
def test_dots_in_names_are_the_same_as_nesting(pattern: Any, event: Any) -> None:
    assert matches(pattern, event)
    assert not matches(pattern, {"a": {"b": "x"}, "c": "x"})


AB = {"$or": [{"a": [1]}, {"b": [2], "c": [3]}]}


@pytest.mark.parametrize(
    ("pattern", "event", "expected"),
    [
        (AB, {"a": 1}, True),
        (AB, {"b": 2, "c": 3}, True),
        (AB, {"b": 2}, False),
        ({"d": ["x"], **AB}, {"d": "x", "a": 1}, True),
        ({"d": ["x"], **AB}, {"a": 1}, False),
        ({"d": AB}, {"d": {"a": 1}}, True),
        ({"d": AB}, {"a": 1}, False),
        ({"d": AB}, {"d": [{"b": 2}, {"c": 3}]}, False),
        ({"$or": [AB, {"d": [4]}]}, {"d": 4}, True),
        ({"$or": [AB, {"d": [4]}]}, {"b": 2, "c": 3}, True),
        ({"d": AB, **AB}, {"a": 1}, False),
        ({"d": AB, **AB}, {"a": 1, "d": {"a": 1}}, True),
        ({"$or": ["x"]}, {"$or": "x"}, True),
        ({"$or": [{"prefix": "x"}, {"suffix": "y"}]}, {"$or": "xx"}, True),
        ({"$or": {"a": [1]}}, {"$or": {"a": 1}}, True),
        ({"$or": {"a": [1]}}, {"a": 1}, False),
    ],
)
def test_or_takes_any_of_its_objects_and_is_a_plain_field_otherwise(pattern: Any, event: Any, expected: bool) -> None:
    check(pattern)
    assert matches(pattern, event) is expected


BAD: dict[str, tuple[Any, str]] = {
    "no object": (["x"], "the pattern: must be an object"),
    "empty": ({}, "the pattern: must be an object with at least one field"),
    "empty object": ({"a": {}}, "a: must be an object with at least one field"),
    "scalar": ({"a": {"b": "x"}}, 'a.b: "x" must be an object, or an array'),
    "empty array": ({"a": {"b": []}}, r"a.b: \[\] must be an object, or an array with at least one value"),
    "array in array": ({"a": [["x"]]}, r'a: \["x"\] must be a string, number, true, false, null or'),
    "empty rule": ({"a": [{}]}, "a: {} must have one operator, of prefix, suffix"),
    "two operators": ({"a": [{"prefix": "x", "suffix": "y"}]}, "must have one operator"),
    "unknown operator": ({"a": {"b": ["x", {"regex": "x"}]}}, 'a.b: {"regex": "x"} must have one operator, of prefix'),
    "lone alternative": ({"a": {"$or": [{"b": [1]}]}}, r"a.\$or: must have two alternatives"),
    "empty alternative": ({"$or": [{}, {"a": [1]}]}, "at least one field"),
    "reserved name": ({"$or": [{"a": {"prefix": [1]}}, {"b": [1]}]}, r"a.prefix: AWS reserves the name 'prefix'"),
    "field given twice": ({"a": [1], "$or": [{"a": [2]}, {"b": [1]}]}, "a: given twice"),
    "field given twice by dots": ({"a": {"b": [1]}, "a.b": [2]}, "a.b: given twice"),
}
OPERANDS: dict[str, list[Any]] = {
    "prefix": [1, None, ["x"], {"suffix": "x"}, {"equals-ignore-case": 1}, {"equals-ignore-case": "x", "prefix": "x"}],
    "suffix": [1, {}, {"wildcard": "x"}],
    "equals-ignore-case": [1, ["x"], {}],
    "wildcard": [1, "a**b", r"a\b", "a\\", ["a*"]],
    "exists": [1, 0, "true", None, [True]],
    "cidr": ["10.0.0.0", "10.0.0.1/32", "10.0.0.0/33", "::1/128", "10.0.0.0/-1", "10.0.0.0/255.0.0.0", "x/8", "", 1],
    "numeric": [1, [], ["="], [">", "1"], ["!=", 1], ["=", True], ["=", 6e9], [">", 1, "<", 1], ["<", 1, ">", 0]],
    "anything-but": [
        None,
        True,
        6e9,
        [],
        ["a", 1],
        [None],
        {},
        {"": "a"},
        {"cidr": "10.0.0.0/8"},
        {"anything-but": "a"},
        {"prefix": ""},
        {"prefix": []},
        {"suffix": ["a", ""]},
        {"prefix": {"equals-ignore-case": "a"}},
        {"wildcard": "**"},
        {"wildcard": ["a", r"\a"]},
        {"equals-ignore-case": 1},
        {"prefix": "a", "suffix": "b"},
    ],
}
BAD |= {
    f"{name} {operand!r}": ({"d": {"e": [{name: operand}]}}, f"^d.e: .*: ({name}|wildcard) takes ")
    for name, operands in OPERANDS.items()
    for operand in operands
}


@pytest.mark.parametrize(("pattern", "text"), BAD.values(), ids=BAD)
def test_check_says_in_one_line_what_aws_rejects_where_and_what_is_allowed(pattern: Any, text: str) -> None:
    with pytest.raises(BadPattern, match=text) as raised:
        check(pattern)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("pattern", "_"), BAD.values(), ids=BAD)
def test_matches_refuses_what_it_would_have_to_guess(pattern: Any, _: str) -> None:
    with pytest.raises(BadPattern):
        matches(pattern, {"a": {"b": "y"}, "d": {"e": "zzz"}} if "d" in pattern else {"a": ["y", {"b": "y"}]})


@pytest.mark.parametrize("name", ["AddPermission", "AddPermission20150331", "AddPermission20150331v2"])
def test_lambda_s_calls_are_heard_with_whatever_date_stands_behind_them(name: str) -> None:
    pattern = cloudtrail("lambda", "AddPermission")
    assert matches(pattern, cloudtrail_event("lambda", name))
    assert not matches(pattern, cloudtrail_event("lambda", "AddPermissionToo"))
    assert Event.parse(cloudtrail_event("lambda", name)).call == "AddPermission"


def test_a_pattern_may_have_2048_characters_of_compact_json_and_not_one_more() -> None:
    pattern = {"a": ["é" * 10, ""]}
    pattern["a"][1] = "x" * (2048 - len('{"a":["éééééééééé",""]}'))
    check(pattern)
    pattern["a"][1] += "x"
    with pytest.raises(BadPattern, match=f"2049 .* AWS allows {LIMIT}$"):
        check(pattern)


def call(name: str, **detail: Any) -> dict[str, Any]:
    detail = {"eventSource": "s3.amazonaws.com", "eventName": name, **detail}
    return {"source": "aws.s3", "detail-type": "AWS API Call via CloudTrail", "detail": detail}


def test_cloudtrail_takes_the_named_calls_of_one_service() -> None:
    pattern = cloudtrail("s3", "PutBucketAcl", "PutBucketPolicy")
    check(pattern)
    assert matches(pattern, call("PutBucketAcl"))
    assert matches(pattern, call("PutBucketPolicy"))
    assert not matches(pattern, call("DeleteBucket"))
    assert not matches(pattern, call("PutBucketAcl", eventSource="ec2.amazonaws.com"))
    assert not matches(pattern, {**call("PutBucketAcl"), "detail-type": "AWS Console Sign In via CloudTrail"})
    assert not matches(pattern, {**call("PutBucketAcl"), "source": "my.app"})


def test_cloudtrail_leaves_out_failed_calls_unless_asked_for_them() -> None:
    denied = call("PutBucketAcl", errorCode="AccessDenied")
    assert not matches(cloudtrail("s3", "PutBucketAcl"), denied)
    assert matches(cloudtrail("s3", "PutBucketAcl", failed=True), denied)


def test_cloudtrail_without_a_call_is_refused() -> None:
    with pytest.raises(BadPattern, match=r"detail\.eventName"):
        check(cloudtrail("s3"))


def test_native_takes_a_service_s_own_event() -> None:
    scan = {"source": "aws.ecr", "detail-type": "ECR Image Scan", "detail": {"scan-status": "FAILED"}}
    assert matches(native("aws.ecr", "ECR Image Scan"), scan)
    assert matches(native("aws.ecr", "ECR Image Scan", **{"scan-status": ["FAILED", "COMPLETE"]}), scan)
    assert not matches(native("aws.ecr", "ECR Image Scan", **{"scan-status": ["COMPLETE"]}), scan)
    assert not matches(native("aws.ec2", "ECR Image Scan"), scan)
    check(native("aws.ecr", "ECR Image Scan"))


def test_any_of_takes_each_of_its_patterns_and_leaves_one_alone_as_it_is() -> None:
    put, scan = cloudtrail("s3", "PutBucketAcl"), native("aws.ecr", "ECR Image Scan")
    assert any_of(put) is put
    check(any_of(put, scan))
    assert matches(any_of(put, scan), call("PutBucketAcl"))
    assert matches(any_of(put, scan), {"source": "aws.ecr", "detail-type": "ECR Image Scan"})
    assert not matches(any_of(put, scan), call("DeleteBucket"))
    with pytest.raises(BadPattern):
        check(any_of())


def test_every_shared_case_ends_as_in_aws() -> None:
    if not SHARED.exists():
        pytest.skip(f"{SHARED} is missing: it comes with the workplace, not with the repository")
    wrong = []
    for case in json.loads(SHARED.read_text()):
        try:
            check(case["pattern"])
            got = "T" if matches(case["pattern"], case["event"]) else "F"
        except BadPattern:
            got = "E"
        if got != case["expect"][0]:
            wrong.append((got, case))
    assert not wrong


NAMES = st.sampled_from(["a", "b", "a.b", "$or"])
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(["", "on", "10.0.0.1"])
)
EVENTS = st.dictionaries(
    NAMES,
    st.recursive(
        SCALARS | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
        max_leaves=8,
    ),
)
PATTERNS = st.recursive(
    st.dictionaries(st.sampled_from("ab"), st.sampled_from([rules for rules, _, _ in RULES.values()]), min_size=1),
    lambda inner: (
        st.dictionaries(st.sampled_from("ab"), inner, min_size=1)
        | st.lists(inner, min_size=2, max_size=3).map(lambda options: any_of(*options))
    ),
    max_leaves=4,
)


@settings(max_examples=200)
@given(PATTERNS, EVENTS)
def test_a_valid_pattern_answers_for_any_event(pattern: Any, event: Any) -> None:
    check(pattern)
    assert matches(pattern, event) in (True, False)


@settings(max_examples=200)
@given(PATTERNS, PATTERNS, EVENTS)
def test_any_of_matches_exactly_when_one_of_its_patterns_does(one: Any, other: Any, event: Any) -> None:
    assert matches(any_of(one, other), event) == (matches(one, event) or matches(other, event))


@settings(max_examples=200)
@given(st.sampled_from([rules for rules, _, _ in RULES.values()]), EVENTS, EVENTS)
def test_more_in_an_event_s_other_fields_changes_nothing(rules: Any, event: Any, more: Any) -> None:
    assert matches({"a": {"b": rules}}, event) == matches({"a": {"b": rules}}, {**event, "other": more})


@settings(max_examples=200)
@given(
    st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES | st.sampled_from(list(OPERANDS)), inner),
    ),
    EVENTS,
)
def test_whatever_is_given_as_a_pattern_only_bad_pattern_is_raised(pattern: Any, event: Any) -> None:
    with suppress(BadPattern):
        matches(pattern, event)
    with suppress(BadPattern):
        check(pattern)


HEADS = {
    "detail-type": st.sampled_from(["AWS API Call via CloudTrail", "Scheduled Event", "a\nb"]),
    "detail.eventSource": st.sampled_from(["ec2.amazonaws.com", "lambda.amazonaws.com"]),
    "detail.eventName": st.sampled_from(["Add", "Add20150331", "Remove"]),
}
ASKED = st.sampled_from(
    ["Add", "Remove", {"prefix": "Add20"}, {"anything-but": "Add"}, {"exists": False}, {"prefix": ""}]
)


@st.composite
def heard(draw: st.DrawFn) -> Any:
    """A pattern, or several in one, that asks for some of what the index goes by, and for other things."""
    detail = {
        key: draw(st.lists(ASKED | HEADS[f"detail.{key}"], min_size=1, max_size=2))
        for key in ("eventSource", "eventName")
        if draw(st.booleans())
    }
    one: Any = {"source": ["a"]} | ({"detail": detail} if detail else {})
    if draw(st.booleans()):
        one["detail-type"] = draw(st.lists(HEADS["detail-type"] | ASKED, min_size=1, max_size=2))
    return any_of(one, draw(heard())) if draw(st.integers(0, 3)) == 3 else one


@st.composite
def delivered(draw: st.DrawFn) -> Any:
    """An event, whose fields may lack, be lists, or hide in keys with dots."""
    event: Any = {"source": "a", "detail": {}}
    for path, values in HEADS.items():
        at, _, key = path.rpartition(".")
        there, name = (event[at], key) if at and draw(st.integers(0, 5)) < 5 else (event, path)
        if draw(st.integers(0, 5)) < 5:
            there[name] = draw(values | values | st.lists(values, max_size=2) | st.none())
    return event


@settings(max_examples=300)
@given(st.lists(heard(), max_size=4), delivered())
def test_an_index_leaves_out_no_pattern_that_matches(patterns: list[Any], event: Any) -> None:
    candidates, seen = Index.of(patterns).candidates(event), dict[str, Any]()
    assert [number for number, each in enumerate(patterns) if matches(each, event)] == [
        number for number in candidates if matches(patterns[number], event, seen)
    ]


def test_an_index_is_as_quick_with_ten_times_the_patterns() -> None:
    few, many = (Index.of([cloudtrail("ec2", f"Call{number}") for number in range(size)]) for size in (20, 200))
    event = cloudtrail_event("ec2", "Call7")
    assert few.candidates(event) == many.candidates(event) == [7]
    assert not many.open_ended


def test_one_regional_call_is_enough_to_be_heard_in_all_regions() -> None:
    everywhere, one = cloudtrail("s3", "PutBucketAcl"), cloudtrail("iam", "CreateUser")
    assert reports_to_one_region(one)
    assert not reports_to_one_region(everywhere)
    assert not reports_to_one_region(any_of(one, everywhere))
    assert not reports_to_one_region(any_of(one, native("aws.guardduty", "GuardDuty Finding")))


def test_one_value_among_alternatives_makes_it_a_field_called_or() -> None:
    mixed = {"$or": [{"a": [1]}, "x"]}
    with pytest.raises(BadPattern, match=r'^\$or: {"a": \[1\]} must have one operator'):
        check(mixed)
    assert not matches(mixed, {"a": 1})
