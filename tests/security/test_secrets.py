"""States may hold secrets. They stay in the ledger: no log at any level, no message, no dead letter has one."""

from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools import Logger

from chalicelib.core.errors import Drifted, FixFailed, Unfinished
from chalicelib.notify.message import message_of
from tests.support.events import cloudtrail_event
from tests.support.moto_gaps import event_history

if TYPE_CHECKING:
    from tests.support.world import World

RULE = "s3.bucket_policy_made_public"
SECRET = "Zx9-correct-horse-battery"  # The name of nothing: it is in the state alone.
EVENT = ("s3", "PutBucketPolicy", {"bucketName": "app-media"})


@pytest.fixture
def opened(world: World) -> Any:
    """A public bucket whose policy holds a secret, in a statement that stays and in the one that goes."""
    world.client("s3").create_bucket(Bucket="app-media")
    agent = {"StringEquals": {"aws:UserAgent": f"token={SECRET}"}}
    statements = [
        {"Sid": "Open", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*", **condition}
        for condition in ({}, {"Condition": agent})
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    world.client("s3").put_bucket_policy(Bucket="app-media", Policy=policy)
    return cloudtrail_event(*EVENT)


@pytest.fixture
def logs(
    request: pytest.FixtureRequest, world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Any:
    """Everything that is logged, by anyone in the process, as loud as it gets."""
    stream = io.StringIO()
    caplog.set_level(logging.DEBUG)
    real = world.application

    def loud(*arguments: Any, **settings: Any) -> Any:
        application = real(*arguments, **settings)
        application.logger = Logger(service=request.node.name, stream=stream, level="DEBUG")
        return application

    monkeypatch.setattr(world, "application", loud)
    return lambda: stream.getvalue() + caplog.text


def test_a_fix_and_its_undo_log_no_state(world: World, opened: Any, logs: Any) -> None:
    (outcome,) = world.deliver(opened, RULE)
    assert outcome.status == "fixed"
    assert SECRET in json.dumps(world.record(outcome.record).before), "else this test is about nothing"
    world.application("fix", RULE).engine.undo(outcome.record, "bob")
    assert "finding" in logs()
    assert SECRET not in logs()
    assert SECRET not in json.dumps([outcome.reason, outcome.resource])


def test_a_failure_logs_no_state_and_puts_none_in_the_dead_letter(world: World, opened: Any, logs: Any) -> None:
    with world.denied("PutBucketPolicy", "DeleteBucketPolicy"), pytest.raises((Unfinished, FixFailed)) as raised:
        world.deliver(opened, RULE)
    assert SECRET not in logs() + str(raised.value)


def test_a_malformed_policy_is_told_without_its_text(
    world: World, opened: Any, logs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chalicelib.fixes.s3.drop_public_statements import DropPublicStatements

    state = {"account": "123456789012", "policy": f'{{"password": "{SECRET}", '}
    monkeypatch.setattr(DropPublicStatements, "read", lambda *_: state)
    (outcome,) = world.deliver(opened, RULE)
    assert outcome.status == "unjudged"
    assert SECRET not in logs() + outcome.reason


def test_a_refused_undo_shows_a_diff_without_secrets(world: World, opened: Any, logs: Any) -> None:
    (outcome,) = world.deliver(opened, RULE)
    s3 = world.client("s3")
    secret: Any = {"Sid": "New", "Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}
    secret["Condition"] = {"StringEquals": {"aws:UserAgent": f"token={SECRET}"}}
    s3.put_bucket_policy(Bucket="app-media", Policy=json.dumps({"Version": "2012-10-17", "Statement": [secret]}))
    with event_history(), pytest.raises(Drifted) as raised:
        world.application("fix", RULE).engine.undo(outcome.record, "bob")
    assert "UserAgent" in str(raised.value)
    assert SECRET not in str(raised.value) + logs()


def test_a_message_never_holds_a_state_or_what_looks_like_a_secret(world: World, opened: Any) -> None:
    (outcome,) = world.deliver(opened, RULE)
    message = message_of(world.record(outcome.record))
    assert message.changes
    assert SECRET not in message.text
    assert SECRET not in str(message)
