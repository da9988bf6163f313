from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities import parameters

from chalicelib.aws.action_tokens import ActionTokens
from chalicelib.core import settings as settings_of
from chalicelib.core.settings import Clicks, Settings
from chalicelib.core.types import Status
from chalicelib.notify.channels.open import open_channels
from chalicelib.notify.links import Linked, choices, open_links
from tests.notify.receiver import receiver
from tests.notify.test_message import NOW, message

if TYPE_CHECKING:
    from tests.support.world import World

KEY = "k" * 32
ASKING = message(Status.ASKING)
CLICKS = Settings(clicks=Clicks(page_key="ssm:/snapback/page"))


@pytest.fixture(autouse=True)
def _page(monkeypatch: pytest.MonkeyPatch) -> None:
    parameters.clear_caches()  # type: ignore[no-untyped-call]
    monkeypatch.setenv("SNAPBACK_URL", "https://api.example.com/api/")


def links(chosen: Settings = CLICKS) -> Any:
    return open_links(chosen, lambda: NOW, Logger(service="snapback"))


def test_each_link_has_a_token_for_one_record_one_action_and_one_channel(world: World) -> None:
    world.client("ssm").put_parameter(Name="/snapback/page", Value=KEY, Type="SecureString")
    made = links()(ASKING, "teams")
    assert list(made) == ["approve", "exempt", "show"]
    for name, url in made.items():
        parts = urlsplit(url)
        assert (parts.scheme, parts.netloc, parts.path, parts.query) == ("https", "api.example.com", "/api/page", "")
        token = ActionTokens(KEY.encode()).read(parts.fragment, NOW)
        assert (token.record, token.action, token.channel) == (ASKING.record, name, "teams")
    assert made != links()(ASKING, "teams"), "each works once, so that none is used twice"


def test_there_are_none_without_a_page_or_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    assert links(Settings()) is None
    monkeypatch.delenv("SNAPBACK_URL")
    assert links() is None


@pytest.mark.parametrize("key", [None, "short"])
def test_a_message_is_sent_without_links_when_the_key_is_none(
    key: str | None, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    if key:
        world.client("ssm").put_parameter(Name="/snapback/page", Value=key, Type="SecureString")
    with receiver() as there:
        webhook = settings_of.WebhookSettings(name="siem", url=there.url)
        logger = Logger(service=f"snapback-links-{key}")
        made = open_links(CLICKS, lambda: NOW, logger)
        (channel,) = open_channels(Settings(channels=(webhook,)), None, logger, links=made)
        channel.send(ASKING)
        assert there.bodies[0]["links"] == {}
    said = json.loads(capsys.readouterr().out)
    assert said["message"] == "a message is sent without links to the action page"


def test_channels_that_can_t_call_back_get_links_and_slack_s_app_has_buttons(world: World) -> None:
    world.client("ssm").put_parameter(Name="/snapback/page", Value=KEY, Type="SecureString")
    chosen = (
        settings_of.SlackAppSettings(name="app", token="ssm:/t", conversation="C0123456789"),
        settings_of.TeamsSettings(name="teams", url="ssm:/u"),
    )
    app, teams = open_channels(Settings(channels=chosen), None, Logger(service="snapback"), links=links())
    assert not isinstance(app, Linked)
    assert isinstance(teams, Linked)
    assert teams.name == "teams"


@pytest.mark.parametrize(
    ("steps", "possible"),
    [
        ((Status.ALERTED,), ("fix", "exempt", "show")),
        ((Status.ASKING,), ("approve", "exempt", "show")),
        ((Status.FIXING, Status.FIXED), ("undo", "show")),
        ((Status.FIXING, Status.FAILED), ("retry", "exempt", "show")),
        ((Status.FIXING, Status.GONE), ("show",)),
    ],
)
def test_only_what_can_be_done_is_offered(steps: tuple[Status, ...], possible: tuple[str, ...]) -> None:
    assert choices(message(*steps)) == possible
