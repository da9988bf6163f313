from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from chalicelib import catalog
from chalicelib.core.pattern import cloudtrail, native

if TYPE_CHECKING:
    import pytest

ROOT = {"type": ["Root"]}


def merged(monkeypatch: pytest.MonkeyPatch, *patterns: Any) -> Any:
    monkeypatch.setattr(catalog, "rules", lambda _: [SimpleNamespace(on=pattern) for pattern in patterns])
    return catalog.pattern.__wrapped__("iam")


def test_a_call_that_a_wider_pattern_asks_for_is_not_asked_for_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    wide, narrow = cloudtrail("iam", "A", "B"), cloudtrail("iam", "B", "C", userIdentity=ROOT)
    left = cloudtrail("iam", "C", userIdentity=ROOT)
    assert merged(monkeypatch, wide, narrow) == {"$or": [wide, left]}
    assert merged(monkeypatch, narrow, wide) == {"$or": [left, wide]}


def test_a_pattern_of_which_nothing_is_left_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    wide = cloudtrail("iam", "A", "B", failed=True)
    assert merged(monkeypatch, wide, cloudtrail("iam", "A"), cloudtrail("iam", "B", userIdentity=ROOT)) == wide


def test_what_asks_for_something_else_stays_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    patterns = (
        cloudtrail("iam", "A", userIdentity=ROOT),
        cloudtrail("iam", "A", userIdentity={"type": ["IAMUser"]}),
        cloudtrail("sts", "A"),
        native("aws.health", "AWS Health Event"),
        native("aws.guardduty", "GuardDuty Finding", severity=[{"numeric": [">=", 7]}]),
    )
    assert merged(monkeypatch, *patterns) == {"$or": list(patterns)}


def test_member_accounts_forward_a_service_s_events_unless_all_its_rules_are_about_our_own_stack(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rules = {"sqs": (True, False), "events": (True, True), "s3": (False,)}
    monkeypatch.setattr(catalog, "services", lambda: tuple(rules))
    monkeypatch.setattr(catalog, "rules", lambda service: [SimpleNamespace(home_only=each) for each in rules[service]])
    assert catalog.of_home.__wrapped__() == {"events"}
