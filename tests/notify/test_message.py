from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.event import Actor
from chalicelib.core.record import Record
from chalicelib.core.types import Close, Status
from chalicelib.notify.message import Message, is_sent, message_of

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
ALICE = Actor(
    kind="IAMUser",
    principal="arn:aws:iam::123456789012:user/alice",
    account="123456789012",
    source_ip="198.51.100.7",
    tool="Terraform",
)


def record_of(*statuses: Status, by: str = "snapback", note: str = "", why: Close = "", **values: Any) -> Record:
    """A record that took these steps, a minute each."""
    facts: dict[str, Any] = {
        "id": "0123456789abcdef",
        "guardrail": "s3.bucket_acl_made_public",
        "title": "S3 bucket ACL open to everyone",
        "severity": "critical",
        "kind": "s3.Bucket",
        "resource": "photos",
        "account": "123456789012",
        "region": "us-east-1",
        "arn": "arn:aws:s3:::photos",
        "reason": "its ACL grants READ to AllUsers",
        "actor": ALICE,
        "event_id": "11111111-0000-4000-8000-000000000001",
        "event_name": "PutBucketAcl",
        "event_time": NOW,
        "seen_at": NOW,
        "mode": "fix",
        "status": statuses[0],
        "before": {"grants": ["READ to AllUsers", "FULL_CONTROL to us"]},
        "after": {"grants": ["FULL_CONTROL to us"]},
        "fix": "Take the grants to everyone off the bucket's ACL.",
    }
    record = Record(**(facts | values))
    for number, status in enumerate(statuses, 1):
        last = number == len(statuses)
        said: Any = (by, note, why) if last else ("snapback", "", "")
        record = record.stepped(status, NOW + timedelta(minutes=number), *said)
    return record


def message(*statuses: Status, **values: Any) -> Message:
    return message_of(record_of(*statuses, **values))


@pytest.mark.parametrize(
    "steps",
    [
        (Status.ALERTED,),
        (Status.ASKING,),
        (Status.ASKING, Status.ASKING),
        (Status.ASKING, Status.EXPIRED),
        (Status.FIXING, Status.FIXED),
        (Status.FIXING, Status.STILL_UNSAFE),
        (Status.FIXING, Status.FAILED),
        (Status.FIXING, Status.GONE),
        (Status.FIXING, Status.FIXING, Status.FAILED),
        (Status.FIXING, Status.FAILED, Status.FIXING, Status.FIXED),
        (Status.FIXING, Status.FIXED, Status.UNDOING, Status.UNDONE),
        (Status.FIXING, Status.FAILED, Status.UNDOING, Status.FAILED),
    ],
)
def test_what_a_person_should_know_is_told(steps: tuple[Status, ...]) -> None:
    assert is_sent(record_of(*steps))


@pytest.mark.parametrize(
    "steps",
    [
        (Status.FIXING,),
        (Status.ASKING, Status.FIXING),
        (Status.FIXING, Status.FIXED, Status.UNDOING),
        (Status.FIXING, Status.FAILED, Status.FIXING, Status.FAILED),
    ],
)
def test_what_another_step_follows_and_a_failure_told_before_are_not_told(steps: tuple[Status, ...]) -> None:
    assert not is_sent(record_of(*steps))


def test_a_message_says_what_where_who_and_what_became_of_it() -> None:
    fixed = message(Status.FIXING, Status.FIXED)
    assert fixed.headline == "photos (123456789012): S3 bucket ACL open to everyone · fixed"
    assert fixed.who == "alice, with Terraform, from 198.51.100.7"
    assert fixed.changes == ('- "READ to AllUsers"',)
    assert fixed.changed
    assert fixed.commands == {
        "undo": "snapback undo 0123456789abcdef",
        "show": "snapback show 0123456789abcdef",
    }
    assert fixed.did.startswith("Fixed and verified safe.")
    for fact in (
        "arn:aws:s3:::photos",
        "123456789012, us-east-1",
        "10:00 UTC, 2 minutes before this message",
        "READ to AllUsers",
        "user/alice",
        "PutBucketAcl",
    ):
        assert fact in fixed.text


def test_a_question_says_how_to_approve_and_what_would_be_done() -> None:
    asking = message(Status.ASKING, mode="ask")
    assert next(iter(asking.commands)) == "approve"
    assert not asking.changed
    assert "until somebody approves" in asking.did
    assert "Approving removes READ to AllUsers" in asking.did


def test_an_alert_in_trouble_says_why_nothing_is_fixed() -> None:
    alerted = message(Status.ALERTED, note="the settings can't be read, so nothing is fixed")
    assert "settings can't be read" in alerted.did
    assert "undo" not in alerted.commands


def test_what_a_person_did_names_them() -> None:
    assert "by bob" in message(Status.ASKING, Status.FIXING, Status.FIXED, by="bob").did
    assert "Undone by bob" in message(Status.FIXING, Status.FIXED, Status.UNDOING, Status.UNDONE, by="bob").did


def test_a_failed_undo_is_told_as_one() -> None:
    failed = message(Status.FIXING, Status.FIXED, Status.UNDOING, Status.FAILED, error="undo: AccessDenied: no")
    assert "undo failed" in failed.headline
    assert "undo failed" in failed.did
    assert "AccessDenied" in failed.did


def test_what_cannot_be_undone_offers_no_undo() -> None:
    assert "undo" not in message(Status.FIXING, Status.FIXED, reversible=False).commands


def test_a_tripwire_has_no_changes_and_no_fix() -> None:
    alerted = message(Status.ALERTED, before=None, after=None, fix="")
    assert alerted.changes == ()
    assert "The fix would" not in alerted.did


def test_no_state_is_ever_told_whole() -> None:
    state = {f"field{number:03}": f"value{number:03}" for number in range(200)}
    fixed = message(Status.FIXING, Status.FIXED, before=state, after={})
    assert fixed.text.count("value") <= 12 + 3, "the lines, and the sentence"


@given(st.text(), st.text(), st.text(), st.sampled_from(Status))
def test_whatever_the_names_are_a_message_is_printable_and_short(
    name: str, reason: str, arn: str, status: Status
) -> None:
    actor = replace(ALICE, principal=name, tool=name, source_ip=name, via=name)
    made = message(
        Status.FIXING,
        status,
        actor=actor,
        reason=reason * 300,
        arn=arn * 300,
        error=reason,
        note=name,
        before={name: arn},
    )
    for line in made.text.split("\n"):
        assert line.isprintable()
        assert len(line) < 2_500


def test_an_undo_that_reopens_another_record_did_not_write_its_fix() -> None:
    fixed = record_of(Status.FIXING, Status.FIXED)
    note = "reopened by the undo of record s3.89abcdef"
    reopened = replace(
        fixed,
        status=Status.STILL_UNSAFE,
        history=(*fixed.history, replace(fixed.history[-1], status=Status.STILL_UNSAFE, by="dana", note=note)),
    )
    did = message_of(reopened).did
    assert did.startswith(f"The fix was written, but the resource is still unsafe ({note}).")
