"""Teams, Apprise, SNS and signed webhooks; what all channels share is in test_channels.py."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools.utilities import parameters
from standardwebhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from chalicelib.core.errors import ChannelBusy, Undeliverable
from chalicelib.core.types import Status
from chalicelib.notify.channels.apprise import Apprise
from chalicelib.notify.channels.sns import Topic
from chalicelib.notify.channels.teams import Teams
from chalicelib.notify.channels.webhook import Webhook
from chalicelib.notify.summary import summary_of
from tests.notify.receiver import PASSWORD, Receiver, receiver
from tests.notify.test_message import message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.world import World

ASKING = message(Status.ASKING)
FIXED = message(Status.FIXING, Status.FIXED)
LINKS = {
    "approve": "https://api.example.com/api/page#eyJ0.abc",
    "exempt": "https://api.example.com/api/page#eyJ1.abc",
    "show": "https://api.example.com/api/page#eyJ2.abc",
}
LINKED = replace(ASKING, links=LINKS)
MANY = summary_of([message(Status.ALERTED, id=f"{number:016x}") for number in range(100)])
KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as one:
        yield one


@pytest.fixture(autouse=True)
def _nothing_cached() -> None:
    parameters.clear_caches()  # type: ignore[no-untyped-call]


def card(sent: Any) -> Any:
    assert sent["type"] == "message"
    (attachment,) = sent["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    return attachment["content"]


def lines(content: Any) -> list[str]:
    return ["".join(run["text"] for run in block["inlines"]) for block in content["body"] if "inlines" in block]


def test_teams_gets_a_card_whose_buttons_open_the_action_page(there: Receiver) -> None:
    there.then(202)
    Teams("teams", there.url).send(LINKED)
    content = card(there.bodies[0])
    assert (content["type"], content["version"]) == ("AdaptiveCard", "1.5")
    said = lines(content)
    assert said[0] == "🟠 photos (123456789012): S3 bucket ACL open to everyone · approval needed"
    assert said[1] == "CRITICAL: its ACL grants READ to AllUsers"
    dates = [block["text"] for block in content["body"] if block["type"] == "TextBlock"]
    assert dates == ["{{DATE(2026-11-23T10:00:00Z,SHORT)}} {{TIME(2026-11-23T10:00:00Z)}}"]
    assert "Resource: arn:aws:s3:::photos" in said
    assert '- "READ to AllUsers"' in said
    assert "To approve: snapback approve 0123456789abcdef" in said
    assert [(each["type"], each["title"], each["url"]) for each in content["actions"]] == [
        ("Action.OpenUrl", "Approve", LINKS["approve"]),
        ("Action.OpenUrl", "Exempt", LINKS["exempt"]),
        ("Action.OpenUrl", "Details", LINKS["show"]),
    ]


def test_teams_gets_many_as_one_card(there: Receiver) -> None:
    Teams("teams", there.url).sum_up(MANY)
    said = lines(card(there.bodies[0]))
    assert "100 messages" in said[0]
    assert any("and 70 more" in each for each in said)


@pytest.mark.parametrize(
    ("says", "raised", "match"),
    [
        (
            "Webhook message delivery failed with error: Teams endpoint returned HTTP error 429 with id",
            ChannelBusy,
            "429",
        ),
        (
            "Webhook message delivery failed with error: Teams endpoint returned HTTP error 413 with id",
            Undeliverable,
            "413",
        ),
        ('{"statusCode": 503, "message": "try later"}', ChannelBusy, "503"),
        ('{"error":{"code":"WorkflowRunActionFailed","message":"x"}}', ChannelBusy, "WorkflowRunActionFailed"),
    ],
)
def test_an_error_within_an_answer_of_200_is_no_delivery(says: str, raised: Any, match: str, there: Receiver) -> None:
    there.says = says
    with pytest.raises(raised, match=match):
        Teams("teams", there.url).send(FIXED)


@pytest.mark.parametrize("says", ["", "1", '{"status": "Accepted"}', "x" * 100_000])
def test_any_other_answer_of_teams_is_a_delivery(says: str, there: Receiver) -> None:
    there.says = says
    Teams("teams", there.url).send(FIXED)
    assert len(there.bodies) == 1


def test_the_code_of_a_workflow_s_error_is_passed_on(there: Receiver) -> None:
    there.then(404)
    there.says = '{"error":{"code":"WorkflowTriggerIsNotEnabled","message":"secret things"}}'
    with pytest.raises(Undeliverable, match=r"channel teams answered 404 \(WorkflowTriggerIsNotEnabled\)"):
        Teams("teams", there.url).send(FIXED)


def test_a_signed_webhook_is_verified_by_the_standard_s_own_library(there: Receiver, world: World) -> None:
    world.client("ssm").put_parameter(Name="/snapback/key", Value=KEY, Type="SecureString")
    Webhook("siem", there.url, "ssm:/snapback/key").send(LINKED)
    ((_, headers, sent),) = there.requests
    verified = Verifier(KEY).verify(json.dumps(sent), dict(headers))
    assert verified["links"] == LINKS
    assert {name.lower(): value for name, value in headers.items()}["webhook-id"] == LINKED.id == verified["id"]
    with pytest.raises(WebhookVerificationError):
        Verifier(KEY).verify(json.dumps(sent | {"status": "fixed"}), dict(headers))
    with pytest.raises(WebhookVerificationError):
        Verifier("whsec_" + "A" * 32).verify(json.dumps(sent), dict(headers))


def test_while_a_key_is_rotated_either_verifies(there: Receiver, world: World) -> None:
    new = "whsec_" + "B" * 32
    world.client("ssm").put_parameter(Name="/snapback/key", Value=f"{new}\n{KEY}", Type="SecureString")
    Webhook("siem", there.url, "ssm:/snapback/key").send(FIXED)
    ((_, headers, sent),) = there.requests
    for key in (KEY, new):
        assert Verifier(key).verify(json.dumps(sent), dict(headers))["id"] == FIXED.id


def test_a_signed_summary_has_an_id_of_its_own(there: Receiver) -> None:
    Webhook("siem", there.url, KEY).sum_up(MANY)
    ((_, headers, sent),) = there.requests
    assert Verifier(KEY).verify(json.dumps(sent), dict(headers))["count"] == 100
    assert sent["id"] == MANY.id
    assert sent["messages"] == list(MANY.messages)


@pytest.mark.parametrize("key", ["whsec_=", "whsec_a", "whsec_ü"])
def test_a_signing_secret_that_is_none_is_loud_and_not_shown(key: str, there: Receiver, world: World) -> None:
    world.client("ssm").put_parameter(Name="/snapback/key", Value=key, Type="SecureString")
    with pytest.raises(Undeliverable, match="channel siem: its signing secret isn't valid") as caught:
        Webhook("siem", there.url, "ssm:/snapback/key").send(FIXED)
    assert key not in str(caught.value)
    assert there.requests == []


def apprise(there: Receiver, **more: Any) -> Apprise:
    return Apprise("pager", there.url.replace("http://", "json://"), **more)


def test_apprise_gets_plain_text_with_the_links_on_lines(there: Receiver) -> None:
    apprise(there).send(LINKED)
    ((path, _, sent),) = there.requests
    assert path.endswith(PASSWORD)
    assert sent["title"] == "🟠 photos (123456789012): S3 bucket ACL open to everyone · approval needed"
    assert sent["type"] == "warning"
    assert f"Approve: {LINKS['approve']}" in sent["message"].splitlines()
    assert "To approve: snapback approve 0123456789abcdef" in sent["message"].splitlines()


def test_apprise_gets_many_as_one(there: Receiver) -> None:
    apprise(there).sum_up(MANY)
    assert "100 messages" in there.bodies[0]["title"]
    assert "and 70 more" in there.bodies[0]["message"]


@pytest.mark.parametrize(
    ("status", "kind"), [(Status.FIXED, "success"), (Status.FAILED, "failure"), (Status.GONE, "success")]
)
def test_apprise_is_told_how_bad_it_is(status: Status, kind: str, there: Receiver) -> None:
    apprise(there).send(message(Status.FIXING, status))
    assert there.bodies[0]["type"] == kind


def test_apprise_is_sent_once_and_what_it_could_not_do_is_for_later(there: Receiver) -> None:
    for status, raised in (
        (429, ChannelBusy),
        (500, ChannelBusy),
        (503, ChannelBusy),
        (404, Undeliverable),
        (401, Undeliverable),
    ):
        there.then(status)
        with pytest.raises(raised, match=f"channel pager answered {status}"):
            apprise(there).send(FIXED)
    assert len(there.requests) == 5
    apprise(there).send(FIXED)
    assert len(there.bodies) == 1


def test_apprise_without_the_other_side_is_for_later() -> None:
    with receiver() as gone:
        pass
    with pytest.raises(ChannelBusy, match="channel pager"):
        apprise(gone).send(FIXED)


@pytest.mark.parametrize("url", ["hunter2", "nothing://hunter2", "https://[hunter2", "discord://hunter2", ""])
def test_what_apprise_cannot_read_is_loud_and_not_shown(url: str) -> None:
    with pytest.raises(
        Undeliverable, match="channel pager: its secret must hold a URL that Apprise supports"
    ) as caught:
        Apprise("pager", url).send(FIXED)
    assert "hunter2" not in str(caught.value)


def test_apprise_s_log_with_the_url_goes_nowhere(there: Receiver, caplog: pytest.LogCaptureFixture, capfd: Any) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("apprise").addHandler(caplog.handler)  # Even if somebody asks for it: the level keeps it back.
    try:
        there.then(500)
        with pytest.raises(ChannelBusy) as caught:
            apprise(there).send(FIXED)
        apprise(there).send(FIXED)
        with pytest.raises(Undeliverable):
            Apprise("pager", "nothing://hunter2").send(FIXED)
    finally:
        logging.getLogger("apprise").removeHandler(caplog.handler)
    out = capfd.readouterr()
    assert "hunter2" not in f"{caught.value!r}" + out.out + out.err
    assert "hunter2" not in "".join(each.getMessage() for each in caplog.records if each.name != "apprise")


def test_apprise_leaves_no_thread_behind(there: Receiver) -> None:
    import threading

    before = {each.name for each in threading.enumerate()}
    apprise(there).send(FIXED)
    assert not [
        each for each in threading.enumerate() if each.name not in before and "process_request" not in each.name
    ]


def test_a_short_service_gets_what_it_takes_and_the_links_whole(there: Receiver, monkeypatch: Any) -> None:
    from apprise.plugins.custom_json import NotifyJSON

    monkeypatch.setattr(NotifyJSON, "body_maxlen", 500)
    apprise(there).send(LINKED)
    sent = there.bodies[0]
    assert len(sent["message"]) <= 500
    assert f"Approve: {LINKS['approve']}" in sent["message"].splitlines()


def test_a_url_of_apprise_is_read_from_a_secret(there: Receiver, world: World) -> None:
    url = there.url.replace("http://", "json://")
    world.client("secretsmanager").create_secret(Name="snapback/pager", SecretString=url)
    Apprise("pager", "secretsmanager:snapback/pager").send(FIXED)
    assert len(there.bodies) == 1


@pytest.fixture
def mail(world: World) -> Any:
    sns, sqs = world.client("sns"), world.client("sqs")
    topic = sns.create_topic(Name="security")["TopicArn"]
    queue = sqs.create_queue(QueueName="mail")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return Topic(topic, world.aws, "mail"), lambda: json.loads(
        sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"]
    )


def test_a_topic_gets_the_links_on_lines_and_many_as_one(mail: Any) -> None:
    channel, arrived = mail
    channel.send(LINKED)
    assert f"Approve: {LINKS['approve']}" in arrived()["Message"].splitlines()
    channel.sum_up(MANY)
    assert arrived()["Subject"].startswith("CRITICAL - 100 messages")
    assert channel.name == "mail"
