from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools.utilities import parameters
from click.testing import CliRunner

from chalicelib.notify.channels import slack_app
from chalicelib.notify.message import Message
from snapback.chat import examples
from snapback.cli import main
from tests.notify.fake_slack import HERE, TOKEN, slack
from tests.notify.receiver import PASSWORD, receiver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.notify.fake_slack import Slack
    from tests.notify.receiver import Receiver
    from tests.support.world import World

NAMES = ["alerted", "asking", "reminded", "fixed", "undone", "still_unsafe", "failed", "fighting", "summary"]
NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _nothing_cached() -> None:
    parameters.clear_caches()  # type: ignore[no-untyped-call]


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as one:
        yield one


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slack]:
    with slack() as one:
        monkeypatch.setattr(slack_app, "API", one.api)
        yield one


@pytest.fixture
def settings(tmp_path: Path, there: Receiver, world: World) -> str:
    """Each kind of channel, with its secrets in the AWS that the environment names."""
    topic = world.client("sns").create_topic(Name="snapback-security")["TopicArn"]
    queue = world.client("sqs").create_queue(QueueName="mail")["QueueUrl"]
    arn = world.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    world.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["QueueArn"])
    for name, value in {
        "url": there.url,
        "apprise": there.url.replace("http://", "json://"),
        "token": TOKEN,
        "key": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    }.items():
        world.client("ssm").put_parameter(Name=f"/snapback/{name}", Value=value, Type="SecureString")
    path = tmp_path / "snapback.yaml"
    path.write_text(f"""
channels:
  - {{name: hook, type: slack, url: "ssm:/snapback/url"}}
  - {{name: app, type: slack_app, token: "ssm:/snapback/token", conversation: {HERE}}}
  - {{name: teams, type: teams, url: "ssm:/snapback/url"}}
  - {{name: pager, type: apprise, url: "ssm:/snapback/apprise"}}
  - {{name: mail, type: sns, topic: "{topic}"}}
  - {{name: siem, type: webhook, url: "ssm:/snapback/url", secret: "ssm:/snapback/key"}}
""")
    return str(path)


def run(*arguments: str) -> tuple[int, list[str]]:
    done = CliRunner().invoke(main, ["chat", "test", *arguments])
    return done.exit_code, done.output.splitlines()


@pytest.mark.parametrize("channel", ["hook", "teams", "pager", "siem"])
def test_each_of_nine_messages_arrives_once(channel: str, settings: str, there: Receiver) -> None:
    code, said = run(channel, "--settings", settings)
    assert said == [*(f"{name:<14}arrived" for name in NAMES), f"9 of 9 arrived at {channel}."]
    assert code == 0
    assert len(there.bodies) == 9
    assert all("TEST, nothing was found" in json.dumps(each) for each in there.bodies)


def test_slack_s_app_gets_nine_messages_of_five_records(settings: str, workspace: Slack) -> None:
    code, said = run("app", "--settings", settings)
    assert said[-1] == "9 of 9 arrived at app."
    assert code == 0
    assert len(workspace.roots) == 6  # Five records, one of which was told four times, and the summary.
    assert len(workspace.replies) == 8
    assert [method for method, _ in workspace.calls].count("chat.update") == 2
    assert all("TEST, nothing was found" in each["text"] for each in workspace.messages.values())


def test_a_topic_gets_nine_mails(settings: str, world: World) -> None:
    code, said = run("mail", "--settings", settings)
    assert (code, said[-1]) == (0, "9 of 9 arrived at mail.")
    sqs = world.client("sqs")
    queue = sqs.get_queue_url(QueueName="mail")["QueueUrl"]
    counted = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    assert counted["ApproximateNumberOfMessages"] == "9"


def test_what_does_not_arrive_is_told_in_one_line(settings: str, there: Receiver) -> None:
    there.then(404)
    there.then(404)
    there.then(500)
    code, said = run("teams", "--settings", settings)
    assert said[0] == f"{'alerted':<14}did not arrive: channel teams answered 404"
    assert said[2] == f"{'reminded':<14}did not arrive: channel teams answered 500"
    assert said[-1] == "6 of 9 arrived at teams."
    assert code == 1
    assert PASSWORD not in "".join(said)


def test_it_waits_as_long_as_it_is_asked_to(settings: str, there: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("snapback.commands.chat.time.sleep", pauses.append)
    there.then(429, Retry_After="7")
    code, said = run("siem", "--settings", settings)
    assert (code, said[-1], max(pauses)) == (0, "9 of 9 arrived at siem.", 7)  # The others are the server's own.


def test_a_revoked_token_is_told_with_what_to_do(settings: str, workspace: Slack) -> None:
    workspace.token = "xoxb-new"
    code, said = run("app", "--settings", settings)
    assert code == 1
    assert all("store the app's current Bot User OAuth Token" in each for each in said[:9])
    assert TOKEN not in "".join(said)


def test_each_is_an_object_in_json(settings: str) -> None:
    code, said = run("hook", "--settings", settings, "--json")
    assert code == 0
    assert [json.loads(each) for each in said] == [{"name": name, "wrong": ""} for name in NAMES]


def test_a_channel_that_is_none_is_refused(settings: str) -> None:
    done: Any = CliRunner().invoke(main, ["chat", "test", "nobody", "--settings", settings])
    assert done.exit_code == 2
    assert "channels there: hook, app, teams, pager, mail, siem" in done.output


def test_the_examples_are_of_records_that_there_are_not() -> None:
    first, second = examples(NOW), examples(NOW)
    assert list(first) == NAMES
    records = [{each.record for each in told.values() if isinstance(each, Message)} for told in (first, second)]
    assert not records[0] & records[1]
    assert len(records[0]) == 5
