from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, get_args

import pytest
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities import parameters
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.core import settings as settings_of
from chalicelib.core.errors import ChannelBusy, Undeliverable
from chalicelib.core.settings import Settings, SlackSettings, WebhookSettings
from chalicelib.core.types import Status
from chalicelib.notify.blocks import escape
from chalicelib.notify.channels.apprise import Apprise
from chalicelib.notify.channels.open import open_channel, open_channels, open_last_resort
from chalicelib.notify.channels.slack import Slack, body
from chalicelib.notify.channels.slack_app import SlackApp
from chalicelib.notify.channels.sns import Topic
from chalicelib.notify.channels.teams import Teams
from chalicelib.notify.channels.webhook import Webhook
from tests.notify.misbehaving import closed_port
from tests.notify.receiver import PASSWORD, Receiver, receiver
from tests.notify.test_message import ALICE, message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chalicelib.notify.message import Message
    from tests.support.world import World

FIXED = message(Status.FIXING, Status.FIXED)
EACH = pytest.mark.parametrize("kind", [Slack, Webhook, Teams])
HOSTILE = [
    "<!channel>",
    "<!here|now>",
    "<@U0000000>",
    "<https://evil.example|approve>",
    "https://evil.example",
    "@channel #general",
    "```end of code",
    "`a` & <b> &amp;",
    "*bold* _it_ ~no~",
    "\x1b[2J\x07",
    "a\u202etxt.exe\u2066",
    "zero\u200bwidth\ufeff",
    "one\ntwo\r\nthree\u2028four",
    "\ud800",
    "",
    "&" * 5_000,
    "x" * 9_000,
]
names = st.sampled_from(HOSTILE) | st.text() | st.lists(st.sampled_from(HOSTILE[:14]), max_size=5).map("".join)


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as one:
        yield one


@pytest.fixture(autouse=True)
def _nothing_cached() -> None:
    parameters.clear_caches()  # type: ignore[no-untyped-call]


def hostile(name: str, other: str) -> Message:
    actor = replace(ALICE, principal=name, tool=other, source_ip=name)
    return message(
        Status.FIXING,
        Status.FAILED,
        actor=actor,
        reason=f"{name} lets {other} in",
        arn=f"arn:aws:s3:::{name}",
        event_name=other,
        error=name,
        note=other,
        before={name: [other]},
        after={other: name},
        fix=name,
    )


OURS = re.compile(
    r"<!date\^\d+\^\{date_short_pretty\} \{time\} \(\{ago\}\)\|[-\d: ]+ UTC>"
    r"|<https://[a-z0-9-]+\.console\.aws\.amazon\.com/[^|<> ]*\|(AWS console|CloudTrail event)>"
)
"""What Snapback writes itself between < and >: times, and pages to read."""


def texts(found: Any) -> Iterator[str]:
    """Every text of a Block Kit body, as it is shown."""
    if isinstance(found, dict):
        for key, value in found.items():
            if key == "text" and isinstance(value, str):
                yield value
            else:
                yield from texts(value)
    elif isinstance(found, list):
        for value in found:
            yield from texts(value)


@settings(max_examples=60)
@given(names, names)
def test_no_name_becomes_a_mention_a_link_or_the_end_of_code(name: str, other: str) -> None:
    for each in texts(body(hostile(name, other))):
        text = OURS.sub("", each)
        assert "<" not in text
        assert ">" not in text
        assert re.sub("&(amp|lt|gt);", "", text).count("&") == 0
        assert all(one.isprintable() or one == "\n" for one in text)
        ours = text.count("```")
        assert ours in {0, 2}
        if ours:
            text = text.removeprefix("*What the fix would have changed*\n")
            assert text.startswith("```\n")
            assert text.endswith("\n```")
        assert text.replace("```", "").count("`") in {0, 2}


@settings(max_examples=60)
@given(names, names)
def test_slack_s_limits_hold_and_nothing_plain_is_made_a_link(name: str, other: str) -> None:
    made = body(hostile(name, other))
    assert len(made["blocks"]) <= 50
    for block in made["blocks"]:
        match block["type"]:
            case "header":
                assert block["text"]["emoji"] is False
                assert 1 <= len(block["text"]["text"]) <= 150
                continue
            case "section" if "fields" in block:
                assert len(block["fields"]) <= 10
                assert all(len(each["text"]) <= 2000 for each in block["fields"])
            case "section":
                assert 1 <= len(block["text"]["text"]) <= 3000
            case "context":
                assert len(block["elements"]) <= 10
        assert all(each["verbatim"] is True for each in [*block.get("fields", []), *block.get("elements", [])])
        assert block.get("text", {"verbatim": True})["verbatim"] is True
    json.dumps(made).encode()


@given(st.text(alphabet="&<>a"), st.integers(min_value=1, max_value=60))
def test_text_is_escaped_and_cut_between_characters(text: str, most: int) -> None:
    escaped = escape(text, most)
    assert len(escaped) <= most
    plain = escaped.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert plain == text or (plain.endswith("…") and text.startswith(plain[:-1]))


def test_the_notification_names_the_resource_and_formats_and_links_nothing() -> None:
    said = body(hostile("*evil* _it_ <!here> https://evil.example", "evil"))["text"]
    assert said.startswith("🔴 ∗evil∗ ˍitˍ &lt;!here&gt; https[:]//evil.example (123456789012): S3 bucket ACL")  # noqa: RUF001
    assert said.endswith("· fix failed")


def test_slack_gets_blocks(there: Receiver) -> None:
    Slack("ops", there.url).send(FIXED)
    ((path, headers, sent),) = there.requests
    assert path.endswith(PASSWORD)
    assert headers["Content-Type"].startswith("application/json")
    assert [block["type"] for block in sent["blocks"]] == [
        "header",
        "section",
        "section",
        "section",
        "section",
        "section",
        "context",
        "context",
    ]
    assert sent["unfurl_links"] is False
    assert "`snapback undo 0123456789abcdef`" in json.dumps(sent)
    assert '- \\"READ to AllUsers\\"' in json.dumps(sent)


def test_a_webhook_gets_the_documented_json(there: Receiver) -> None:
    Webhook("siem", there.url).send(FIXED)
    ((_, headers, sent),) = there.requests
    assert headers["Content-Type"] == "application/json"
    assert sent == {
        "version": 1,
        "id": "0123456789abcdef-2",
        "record": "0123456789abcdef",
        "step": 2,
        "at": "2026-11-23T10:02:00.000+00:00",
        "status": "fixed",
        "news": "fixed",
        "mode": "fix",
        "guardrail": "s3.bucket_acl_made_public",
        "title": "S3 bucket ACL open to everyone",
        "severity": "critical",
        "headline": "photos (123456789012): S3 bucket ACL open to everyone · fixed",
        "who": "alice, with Terraform, from 198.51.100.7",
        "word": "fixed",
        "name": "photos",
        "resource": "arn:aws:s3:::photos",
        "account": "123456789012",
        "region": "us-east-1",
        "account_name": "",
        "event": "PutBucketAcl",
        "event_at": "2026-11-23T10:00:00+00:00",
        "swept": False,
        "reason": "its ACL grants READ to AllUsers",
        "actor": {
            "name": "alice",
            "principal": "arn:aws:iam::123456789012:user/alice",
            "account": "123456789012",
            "tool": "Terraform",
            "source_ip": "198.51.100.7",
            "via": "",
        },
        "changes": ['- "READ to AllUsers"'],
        "changed": True,
        "changes_title": "Before → after",
        "did": "Fixed and verified safe. The fix removed READ to AllUsers from grants.",
        "commands": {"undo": "snapback undo 0123456789abcdef", "show": "snapback show 0123456789abcdef"},
        "links": {},
        "pages": {
            "AWS console": "https://us-east-1.console.aws.amazon.com/s3/buckets/photos?region=us-east-1&tab=permissions",
            "CloudTrail event": "https://us-east-1.console.aws.amazon.com/cloudtrailv2/home?region=us-east-1#/events/11111111-0000-4000-8000-000000000001",
        },
        "why": FIXED.card.why,
        "check": [],
        "right_way": [],
    }


@EACH
@pytest.mark.parametrize("status", [200, 201, 204])
def test_any_2xx_means_that_it_arrived(kind: Any, status: int, there: Receiver) -> None:
    there.says = ""
    there.then(status)
    kind("ops", there.url).send(FIXED)
    assert len(there.requests) == 1


@EACH
def test_a_rate_limit_says_how_long_to_wait(kind: Any, there: Receiver) -> None:
    there.then(429, Retry_After="7")
    with pytest.raises(ChannelBusy, match="channel ops answered 429") as caught:
        kind("ops", there.url).send(FIXED)
    assert caught.value.after == 7
    kind("ops", there.url).send(FIXED)
    assert len(there.requests) == 2


@EACH
@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_may_pass_is_for_later_and_sent_only_once_now(kind: Any, status: int, there: Receiver) -> None:
    there.then(status, Retry_After="Wed, 21 Oct 2026 07:28:00 GMT")
    with pytest.raises(ChannelBusy) as caught:
        kind("ops", there.url).send(FIXED)
    assert caught.value.after == 0
    assert len(there.requests) == 1


@EACH
@pytest.mark.parametrize("status", [400, 403, 404, 410])
def test_what_will_not_pass_is_loud(kind: Any, status: int, there: Receiver) -> None:
    there.then(status)
    there.says = "no_service"
    with pytest.raises(Undeliverable, match=f"channel ops answered {status}"):
        kind("ops", there.url).send(FIXED)


def test_slack_s_own_word_for_it_is_passed_on(there: Receiver) -> None:
    there.then(404)
    there.says = "no_service"
    with pytest.raises(Undeliverable, match=r"\(no_service\)"):
        Slack("ops", there.url).send(FIXED)


@EACH
def test_a_redirect_is_no_delivery(kind: Any, there: Receiver) -> None:
    there.then(302, Location=there.url)
    with pytest.raises(Undeliverable):
        kind("ops", there.url).send(FIXED)
    assert there.bodies == []


@EACH
def test_a_channel_that_does_not_answer_is_for_later(kind: Any, there: Receiver) -> None:
    there.delay = 0.5
    with pytest.raises(ChannelBusy):
        kind("ops", there.url, timeout=0.1).send(FIXED)


@EACH
def test_a_channel_that_is_not_there_is_for_later(kind: Any) -> None:
    with pytest.raises(ChannelBusy):
        kind("ops", closed_port()).send(FIXED)


def _limited(there: Receiver) -> None:
    there.then(429)


def _slow(there: Receiver) -> None:
    there.delay = 0.5


def _missing(there: Receiver) -> None:
    there.then(404)


@EACH
@pytest.mark.parametrize("trouble", [_limited, _slow, _missing, lambda there: None])
def test_the_address_is_in_no_log_and_no_error(
    kind: Any, trouble: Callable[[Receiver], None], there: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    trouble(there)
    said = ""
    try:
        kind("ops", there.url, timeout=0.1 if trouble is _slow else 60).send(FIXED)
    except (ChannelBusy, Undeliverable) as error:
        said = f"{error!r} {error.__cause__!r}"
    assert there.came()
    assert PASSWORD not in caplog.text + said
    assert "127.0.0.1" not in said


@EACH
@pytest.mark.parametrize("url", ["http://127.0.0.1:port/hunter2", "http://[hunter2", "http:///hunter2"])
def test_an_address_that_is_none_is_not_shown_either(kind: Any, url: str) -> None:
    with pytest.raises((ChannelBusy, Undeliverable)) as caught:
        kind("ops", url).send(FIXED)
    assert "hunter2" not in str(caught.value)


@EACH
def test_an_address_is_read_from_parameter_store_and_kept(kind: Any, there: Receiver, world: World) -> None:
    world.client("ssm").put_parameter(Name="/snapback/ops", Value=f"{there.url}\n", Type="SecureString")
    channel = kind("ops", "ssm:/snapback/ops")
    channel.send(FIXED)
    world.client("ssm").delete_parameter(Name="/snapback/ops")
    channel.send(FIXED)
    assert len(there.bodies) == 2


@EACH
def test_an_address_is_read_from_secrets_manager(kind: Any, there: Receiver, world: World) -> None:
    world.client("secretsmanager").create_secret(Name="snapback/ops", SecretString=there.url)
    kind("ops", "secretsmanager:snapback/ops").send(FIXED)
    assert len(there.bodies) == 1


@EACH
def test_a_secret_that_cannot_be_read_is_for_later(kind: Any, world: World) -> None:
    with pytest.raises(ChannelBusy, match="channel ops: its address can't be read from ssm"):
        kind("ops", "ssm:/snapback/none").send(FIXED)


@EACH
def test_an_address_that_was_rotated_is_picked_up_at_once(kind: Any, there: Receiver, world: World) -> None:
    ssm = world.client("ssm")
    ssm.put_parameter(Name="/snapback/ops", Value=there.url, Type="SecureString")
    channel = kind("ops", "ssm:/snapback/ops")
    channel.send(FIXED)
    with receiver() as new:
        ssm.put_parameter(Name="/snapback/ops", Value=new.url, Type="SecureString", Overwrite=True)
        there.then(404)
        channel.send(FIXED)
        assert (len(there.bodies), len(new.bodies)) == (1, 1)
        new.then(404)
        with pytest.raises(Undeliverable):
            channel.send(FIXED)
        assert len(new.requests) == 2


@EACH
def test_a_secret_that_is_no_address_is_loud_and_not_shown(kind: Any, world: World) -> None:
    world.client("ssm").put_parameter(Name="/snapback/ops", Value="hunter2", Type="SecureString")
    with pytest.raises(Undeliverable, match="channel ops") as caught:
        kind("ops", "ssm:/snapback/ops").send(FIXED)
    assert "hunter2" not in str(caught.value)


def test_the_topic_gets_readable_mail(world: World) -> None:
    sns, sqs = world.client("sns"), world.client("sqs")
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    queue = sqs.create_queue(QueueName="mail")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNAPBACK_ALARM_TOPIC", topic)
        channel = open_last_resort(world.aws)
    assert channel is not None
    channel.send(replace(FIXED, title="ü" * 200))
    mail = json.loads(sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"])
    assert mail["Subject"].startswith("photos (123456789012): ???")
    assert mail["Subject"].endswith(" - fixed")
    assert len(mail["Subject"]) <= 100
    assert "snapback undo 0123456789abcdef" in mail["Message"]


def test_a_topic_that_is_gone_is_for_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNAPBACK_ALARM_TOPIC", "arn:aws:sns:us-east-1:123456789012:none")
    channel = open_last_resort(world.aws)
    assert channel is not None
    with pytest.raises(ChannelBusy, match="alarm-topic"):
        channel.send(FIXED)


def test_channels_are_those_of_the_settings() -> None:
    topic = "arn:aws:sns:us-east-1:123456789012:security"
    chosen = Settings(
        channels=(
            SlackSettings(name="ops", url="ssm:/snapback/ops"),
            settings_of.SlackAppSettings(name="app", token="ssm:/snapback/token", conversation="C0123456789"),
            settings_of.TeamsSettings(name="teams", url="ssm:/snapback/teams"),
            settings_of.AppriseSettings(name="pager", url="ssm:/snapback/pager"),
            settings_of.SnsSettings(name="mail", topic=topic),
            WebhookSettings(name="siem", url="https://siem.example", secret="ssm:/snapback/siem"),
        )
    )
    opened = open_channels(chosen, Webhook("alarm-topic", "https://unused.example"), Logger(service="snapback"))
    assert [(type(each), each.name) for each in opened] == [
        (Slack, "ops"),
        (SlackApp, "app"),
        (Teams, "teams"),
        (Apprise, "pager"),
        (Topic, "mail"),
        (Webhook, "siem"),
    ]


def test_without_channels_the_last_resort_is_the_channel() -> None:
    topic = Webhook("alarm-topic", "https://unused.example")
    assert open_channels(Settings(trouble="no file"), topic, Logger(service="snapback")) == (topic,)


def test_guard_functions_never_import_a_chat_library() -> None:
    program = (
        "import sys, chalicelib.wiring as w; w.catalog.rules('s3');"
        "print([m for m in sys.modules if 'slack' in m or 'apprise' in m or 'channels' in m or 'standardwebhooks' in m])"
    )
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "[]"


def test_a_channel_brings_in_its_own_library_only_and_when_it_sends() -> None:
    program = """
import sys
from aws_lambda_powertools import Logger
from chalicelib.notify.channels.open import open_channels
from chalicelib.core import settings as s
chosen = s.Settings(channels=(
    s.SlackAppSettings(name="app", token="ssm:/t", conversation="C0123456789"), s.SlackSettings(name="slack", url="ssm:/s"),
    s.TeamsSettings(name="teams", url="ssm:/u"), s.AppriseSettings(name="pager", url="ssm:/p"),
    s.SnsSettings(name="mail", topic="arn:aws:sns:us-east-1:123456789012:x"), s.WebhookSettings(name="siem", url="ssm:/w", secret="ssm:/k")))
open_channels(chosen, None, Logger())
print([m for m in sys.modules if m in ("slack_sdk", "apprise", "standardwebhooks", "requests", "moto")])
"""
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "[]"


def test_a_new_kind_of_channel_is_opened_and_documented_or_fails() -> None:
    root = Path(__file__).parents[2]
    docs = "".join((root / "docs" / name).read_text() for name in ("channels.md", "slack.md", "settings.md"))
    kinds = get_args(settings_of.Channel)
    assert len(kinds) > 5
    assert [kind for kind in kinds if f"of type {kind.__struct_config__.tag}" not in docs] == []
    with pytest.raises(AssertionError):
        open_channel(SimpleNamespace(name="carrier-pigeon"))  # type: ignore[arg-type]
