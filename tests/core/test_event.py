from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.errors import EventRejected
from chalicelib.core.event import Actor, Event, dig, parse_time, rows, text
from tests.support.events import HOME, alice, cloudtrail_event

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def envelope(**changed: Any) -> dict[str, Any]:
    return cloudtrail_event("s3", "PutBucketAcl", {"bucketName": "app-logs"}) | changed


def test_an_event_is_read_from_its_envelope() -> None:
    event = Event.parse(envelope())
    assert (event.account, event.region, event.name) == (HOME, "us-east-1", "PutBucketAcl")
    assert event.time == datetime(2026, 11, 23, 10, tzinfo=UTC)
    assert event.id == event.detail["eventID"]
    assert event.actor.name == "alice"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"account": None}, "12 digits"),
        ({"account": "12345"}, "12 digits"),
        ({"account": ["123456789012"]}, None),
        ({"account": 123456789012}, "12 digits"),
        ({"account": "999988887777"}, "another account"),
        ({"detail": None}, "no object"),
        ({"detail": []}, "no object"),
        ({"source": "my.app"}, "not AWS"),
        ({"source": None}, "not AWS"),
    ],
)
def test_an_event_that_lies_or_lacks_is_not_believed(changed: dict[str, Any], why: str | None) -> None:
    if why is None:
        assert Event.parse(envelope(**changed)).account == HOME
        return
    with pytest.raises(EventRejected, match=why):
        Event.parse(envelope(**changed))


@pytest.mark.parametrize("missing", ["awsRegion", "eventTime", "eventID", "recipientAccountId", "userIdentity"])
def test_the_envelope_speaks_where_the_record_is_silent(missing: str) -> None:
    whole = envelope()
    whole["detail"][missing] = None
    assert Event.parse(whole).account == HOME


@given(JSON)
def test_any_json_is_either_an_event_or_not_believed(detail: Any) -> None:
    whole = envelope(detail=detail)
    with suppress(EventRejected):
        Event.parse(whole)


@given(JSON, st.sampled_from(["userIdentity", "sourceIPAddress", "userAgent", "requestParameters", "eventTime"]))
def test_no_field_of_a_record_can_crash_the_reading(value: Any, field: str) -> None:
    whole = envelope()
    whole["detail"][field] = value
    event = Event.parse(whole)
    assert isinstance(event.actor.name, str)
    assert list(event.names("bucketName")) in ([], ["app-logs"]) or field == "requestParameters"


ROLE = "arn:aws:iam::123456789012:role/Operator"


@pytest.mark.parametrize(
    ("who", "name"),
    [
        (alice(), "alice"),
        ({"type": "Root", "arn": "arn:aws:iam::123456789012:root", "accountId": HOME}, "root"),
        ({"type": "AssumedRole", "arn": "arn:aws:sts::123456789012:assumed-role/Operator/ann"}, "Operator/ann"),
        ({"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"arn": ROLE}}}, "role/Operator"),
        ({"type": "AWSService", "invokedBy": "autoscaling.amazonaws.com"}, "autoscaling.amazonaws.com"),
        ({"accountId": HOME, "invokedBy": "AWS Internal"}, "AWS Internal"),
        ({"type": "WebIdentityUser", "principalId": "accounts.google.com:app:1", "userName": "1"}, "1"),
        ({}, "Unknown"),
        (None, "Unknown"),
        ("root", "Unknown"),
    ],
)
def test_an_actor_has_a_name_whatever_the_identity(who: Any, name: str) -> None:
    assert Actor.of({"userIdentity": who}, HOME).name == name


@pytest.mark.parametrize(
    ("agent", "tool"),
    [
        ("APN/1.0 HashiCorp/1.0 Terraform/1.9.8 (+https://www.terraform.io) aws-sdk-go-v2/1.32", "Terraform"),
        ("aws-cli/2.31.0 md/awscrt", "AWS CLI"),
        ("console.amazonaws.com", "AWS console"),
        ("Boto3/1.44 md/Botocore#1.44", "boto3"),
        ("stratus-red-team_0362e208", "stratus-red-team_0362e208"),
        ("", ""),
    ],
)
def test_a_tool_is_told_by_the_user_agent(agent: str, tool: str) -> None:
    assert Actor.of({"userIdentity": alice(), "userAgent": agent}, HOME).tool == tool


def test_dig_text_and_rows_never_raise() -> None:
    assert dig({"a": [1]}, "a", "b") is None
    assert text({"host": ["one"]}, "host") == "one"
    assert text({"host": ["one", "two"]}, "host") is None
    assert rows({"set": {"items": [1, 2]}}, "set") == [1, 2]
    assert rows({"set": {}}, "set") == []
    assert rows({"set": {"a": 1}}, "set") == [{"a": 1}]
    assert rows(None, "set") == []


def test_times_without_a_zone_are_utc_and_nonsense_is_none() -> None:
    assert parse_time("2026-11-23T10:00:00") == datetime(2026, 11, 23, 10, tzinfo=UTC)
    assert parse_time("Jan 01, 2019 0:00:00 PM") is None
    assert parse_time(1574000000) is None
    assert parse_time("0001-01-01T00:00:00Z") is None
    assert parse_time("9999-12-31T23:59:59Z") is None
