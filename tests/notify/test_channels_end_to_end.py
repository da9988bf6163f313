"""From an event to Slack and Teams: the engine, the ledger's stream, the outbox, the channels, and a Slack on this machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from aws_lambda_powertools.utilities import parameters

from chalicelib.aws.action_tokens import ActionTokens
from chalicelib.core import settings as settings_of
from chalicelib.notify.channels import slack_app
from tests.notify.collector import GUARDRAIL, Lambda, item
from tests.notify.fake_slack import HERE, TOKEN, Slack, slack
from tests.notify.receiver import receiver
from tests.support.events import cloudtrail_event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.core.record import Record
    from chalicelib.wiring import Application
    from tests.notify.receiver import Receiver
    from tests.support.world import World

KEY = "k" * 32


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slack]:
    parameters.clear_caches()  # type: ignore[no-untyped-call]
    monkeypatch.setenv("SNAPBACK_URL", "https://api.example.com/api")
    with slack() as one:
        monkeypatch.setattr(slack_app, "API", one.api)
        yield one


@pytest.fixture
def teams(workspace: Slack) -> Iterator[Receiver]:
    with receiver() as one:
        yield one


@pytest.fixture
def application(world: World, workspace: Slack, teams: Receiver) -> Application:
    for name, value in {"token": TOKEN, "teams": teams.url, "page": KEY}.items():
        world.client("ssm").put_parameter(Name=f"/snapback/{name}", Value=value, Type="SecureString")
    return world.application(
        "ask",
        GUARDRAIL,
        channels=(
            settings_of.SlackAppSettings(name="ops", token="ssm:/snapback/token", conversation=HERE),
            settings_of.TeamsSettings(name="teams", url="ssm:/snapback/teams"),
        ),
        clicks=settings_of.Clicks(page_key="ssm:/snapback/page"),
        direct=settings_of.Direct(via="ops", domains=("example.com",)),
    )


def steps(application: Application, world: World) -> list[Record]:
    """A question, its approval, its undo: the record after each."""
    s3 = world.client("s3")
    s3.create_bucket(Bucket="photos", ObjectOwnership="ObjectWriter")
    s3.put_bucket_acl(Bucket="photos", ACL="public-read")
    sso = "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/alice@example.com"
    actor = {
        "type": "AssumedRole",
        "principalId": "AROAEXAMPLE:alice@example.com",
        "arn": sso,
        "accountId": "123456789012",
    }
    envelope: Any = cloudtrail_event("s3", "PutBucketAcl", {"bucketName": "photos"}, actor=actor)
    (outcome,) = (each for each in application.guard("s3", envelope) if each.guardrail == GUARDRAIL)
    found = [world.record(outcome.record)]
    world.later(minutes=1)
    found.append(application.engine.approve(outcome.record, "bob"))
    world.later(minutes=1)
    found.append(application.engine.undo(outcome.record, "bob"))
    return found


def test_a_question_its_answer_and_its_undo_are_one_message_in_slack_and_three_cards_in_teams(
    application: Application, world: World, workspace: Slack, teams: Receiver
) -> None:
    asking, fixed, undone = steps(application, world)
    stream = Lambda(application, world, [item(1, asking), item(2, fixed, asking), item(3, undone, fixed)])
    assert stream.once() == []
    assert [each["text"] for each in workspace.roots if each["channel"] == HERE] == [
        "✅ photos (123456789012): S3 bucket ACL open to everyone · undone"
    ]
    assert len(workspace.replies) == 3
    direct = [each for each in workspace.roots if each["channel"] != HERE]
    assert len(direct) == 3
    assert "For a public website, a bucket policy or CloudFront is better than an ACL" in json.dumps(direct[0])
    cards = [each["attachments"][0]["content"] for each in teams.bodies]
    offered = [[action["title"] for action in card["actions"]] for card in cards]
    assert offered == [["Approve", "Exempt", "Details"], ["Undo", "Details"], ["Details"]]
    token = ActionTokens(KEY.encode()).read(urlsplit(cards[0]["actions"][0]["url"]).fragment, world.clock)
    assert (token.record, token.action, token.channel) == (asking.id, "approve", "teams")


def test_what_slack_limits_comes_later_and_once_and_teams_does_not_wait(
    application: Application, world: World, workspace: Slack, teams: Receiver
) -> None:
    asking, fixed, undone = steps(application, world)
    workspace.limits(30, after=1)  # The message is there, and its thread is not.
    stream = Lambda(application, world, [item(1, asking), item(2, fixed, asking), item(3, undone, fixed)])
    assert stream.once() == []
    assert len(teams.bodies) == 3
    stream.minutes(30)
    assert stream.held == []
    here = [each for each in workspace.roots if each["channel"] == HERE]
    assert [each["text"].rpartition(" · ")[2] for each in here] == ["undone"]
    assert len(workspace.replies) == 3
    assert len(teams.bodies) == 3
