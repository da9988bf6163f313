from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.analysis.diff import changes
from chalicelib.analysis.secrets import redact
from chalicelib.analysis.text import plain

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
# An example key of AWS's documentation, in two parts so that no scanner takes it for a real one.
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY1"
DIGEST = "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a"
SECRETS = [
    SECRET_KEY,
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc",
    "password=hunter2",
    'x {"SecretString": "hunter2 and more"}',
    "token: hunter2",
    "postgres://app:hunter2@db.example/app",
    "https://hooks.slack.com/services/T000/B000/hunter2",
    "ghp_hunter2hunter2",
    "xoxb-1-hunter2",
    "Authorization: Bearer hunter2hunter2hunter2",
    "authorization: Basic hunter2==",
    "eyJhbGciOiJIUzI1NiJ9.eyJodW50ZXIyIjoxfQ.abc",
]


def test_only_what_changed_is_shown() -> None:
    before = {"rules": [{"port": 22, "from": "0.0.0.0/0"}, {"port": 443, "from": "0.0.0.0/0"}]}
    after = {"rules": [{"port": 443, "from": "0.0.0.0/0"}]}
    assert changes(before, after) == ['- {"from": "0.0.0.0/0", "port": 22}']


def test_the_line_before_a_removed_last_one_is_no_change() -> None:
    assert changes({"a": ["b", "c"]}, {"a": ["b"]}) == ['- "c"']


def test_a_policy_in_a_string_is_compared_as_json() -> None:
    before = json.dumps({"Statement": [{"Sid": "A", "Effect": "Allow"}], "Version": "2012-10-17"})
    after = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Sid": "A"}]})
    assert changes({"policy": before}, {"policy": after}) == [
        '- {"Effect": "Allow", "Sid": "A"}',
        '+ {"Effect": "Deny", "Sid": "A"}',
    ]


def test_what_is_long_is_indented_with_its_brackets() -> None:
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{'a' * 60}/*",
    }
    assert changes({"policy": json.dumps({"Statement": []})}, {"policy": json.dumps({"Statement": [statement]})}) == [
        '- "Statement": []',
        '+ "Statement": [',
        "+   {",
        '+     "Action": "s3:GetObject"',
        '+     "Effect": "Allow"',
        '+     "Principal": "*"',
        f'+     "Resource": "{statement["Resource"]}"',
        "+   }",
        "+ ]",
    ]


def test_what_is_over_the_limit_is_counted() -> None:
    lines = changes({"a": []}, {"a": list(range(30))}, most=5)
    assert lines[-1] == "… and 28 more lines"
    assert len(lines) == 6


@given(JSON, JSON)
def test_lines_are_few_short_and_printable(before: object, after: object) -> None:
    lines = changes(before, after)
    assert len(lines) <= 13
    assert all(len(line) <= 160 and line.isprintable() for line in lines)
    assert all(line.startswith(("- ", "+ ", "… ")) for line in lines)


@given(JSON)
def test_an_equal_state_has_no_changes(state: object) -> None:
    assert changes(state, json.loads(json.dumps(state))) == []


@pytest.mark.parametrize(
    "hostile",
    ["[" * 100_000, '{"a":' * 50_000, json.dumps({"a": ["x", "y"] * 20_000}), "-----BEGIN X-----" * 5_000, "\ud800"],
    ids=["deep lists", "deep objects", "many lines", "many beginnings", "half a character"],
)
def test_a_hostile_string_neither_raises_nor_takes_long(hostile: str) -> None:
    start = time.process_time()
    changes({"policy": hostile}, {"policy": f"{hostile[:-1]} "})
    assert time.process_time() - start < 3


def test_thousands_of_rules_are_compared_in_no_time() -> None:
    start = time.process_time()
    before = {"rules": [{"port": 22, "from": f"10.0.{number}.0/24"} for number in range(5_000)]}
    after = {"rules": before["rules"][1:]}
    assert changes(before, after) == ['- {"from": "10.0.0.0/24", "port": 22}']
    assert time.process_time() - start < 3


@pytest.mark.parametrize("secret", SECRETS)
def test_what_looks_like_a_secret_is_left_out(secret: str) -> None:
    for text in (redact(f"see {secret} there"), *changes({"a": "b"}, {"a": f"see {secret} there"})):
        assert "hunter2" not in text
        assert "eyJodW50ZXIyIjoxfQ" not in text
        assert "MIIEow" not in text
        assert SECRET_KEY[:10] not in text


@pytest.mark.parametrize(
    "state",
    [
        {"Variables": {"DB_PASSWORD": "hunter2"}},
        {"env": [{"Name": "STRIPE_SECRET_KEY", "Value": "hunter2"}]},
        {"tags": [{"Key": "api-key", "Value": "hunter2"}]},
        {"secrets": ["hunter2", {"deep": "hunter2"}]},
        {"UserData": "aHVudGVyMg== hunter2"},
        {"config": json.dumps({"auth": {"token": "hunter2"}})},
    ],
)
def test_a_field_named_after_a_secret_is_left_out_and_still_seen_to_change(state: dict[str, object]) -> None:
    other = json.loads(json.dumps(state).replace("hunter2", "hunter3"))
    lines = changes(state, other)
    assert any(line.startswith("- ") for line in lines)
    assert any(line.startswith("+ ") for line in lines)
    assert "hunter" not in "".join(lines)


def test_what_only_sounds_like_a_secret_stays() -> None:
    before = {
        "HttpTokens": "optional",
        "Condition": {"token.actions.githubusercontent.com:sub": "repo:*"},
        "Action": "secretsmanager:GetSecretValue",
        "Resource": "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf",
        "Owner": DIGEST,
        "Key": "AKIAIOSFODNN7EXAMPLE",
        "PasswordReusePrevention": 24,
    }
    text = "\n".join(changes(before, {}, most=99))
    assert "left out" not in text
    assert all(str(value) in text for value in before.values() if not isinstance(value, dict))


@given(st.text())
def test_plain_text_is_one_line_without_invisible_characters(text: str) -> None:
    assert plain(text).isprintable()
    assert len(plain(text)) == len(text)


def test_escape_codes_and_reordering_are_seen_for_what_they_are() -> None:
    assert plain("a\x1b[31m\u202eb\nc") == "a�[31m�b c"
