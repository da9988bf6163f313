from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from aws_lambda_powertools.utilities import parameters
from slack_sdk.signature import SignatureVerifier

from chalicelib import wiring
from chalicelib.aws.action_tokens import ActionTokens
from chalicelib.clicks import slack
from chalicelib.clicks.http import FORM
from chalicelib.core.settings import Approver, Clicks, SlackAppSettings
from tests.clicks.server import Api, Context, Got
from tests.clicks.slack_api import Asked
from tests.guardrails.s3.test_bucket_acl_made_public import CASE, ID
from tests.support.events import HOME

if TYPE_CHECKING:
    from chalicelib.core.record import Record
    from chalicelib.wiring import Application
    from tests.support.world import World

KEY, SIGNING, TOKEN = "k" * 32, "8f742231b10e8888abcd99yyyzzz85a5", "xoxb-1-not-a-real-one"
TEAM, CHANNEL, BOB = "T012TEAM1", "C012SECUR", "U012BOB01"
really_reply = slack.reply
REPLY = "https://hooks.slack.com/actions/T012TEAM1/1/secret"


@dataclass
class Desk:
    """A finding that asks, and all that people can click it with."""

    world: World
    application: Application
    api: Api
    record: str
    handed: list[Any] = field(default_factory=list)
    """What `act` was asked for."""
    results: list[Any] = field(default_factory=list)
    replies: list[tuple[str, str]] = field(default_factory=list)
    """What people were told in Slack: the address and the text."""
    asked_slack: list[tuple[str, Any]] = field(default_factory=list)

    def now(self) -> Record:
        return self.world.record(self.record)

    def steps(self) -> list[str]:
        return [step.status for step in self.now().history]

    def token(self, action: str = "approve", channel: str = "teams", key: str = KEY) -> str:
        return ActionTokens(key.encode()).issue(self.record, action, channel, self.world.clock)

    def post(self, path: str, **fields: str) -> Got:
        return self.api.ask("POST", path, urlencode(fields).encode(), content_type=FORM)

    def slack(self, payload: Any, *, secret: str = SIGNING, age: int = 0, **headers: str) -> Got:
        body = urlencode({"payload": json.dumps(payload)}).encode()
        return self.api.ask("POST", "/slack", body, **{**self.signed(body, secret=secret, age=age), **headers})

    def signed(self, body: bytes, *, secret: str = SIGNING, age: int = 0) -> dict[str, str]:
        at = str(int(self.world.clock.timestamp()) - age)
        signature = SignatureVerifier(secret).generate_signature(timestamp=at, body=body)
        assert signature
        return {"content_type": FORM, "x_slack_request_timestamp": at, "x_slack_signature": signature}

    def click(self, action: str, value: str = "", user: str = BOB, **user_more: str) -> dict[str, Any]:
        """https://docs.slack.dev/reference/interaction-payloads/block_actions-payload/."""
        return {
            "type": "block_actions",
            "user": {"id": user, "username": user.lower(), "name": user.lower(), "team_id": TEAM, **user_more},
            "team": {"id": TEAM, "domain": "example"},
            "channel": {"id": CHANNEL, "name": "security"},
            "trigger_id": "12466734323.1395872398",
            "response_url": REPLY,
            "container": {"type": "message", "message_ts": "1795428002.000100", "channel_id": CHANNEL},
            "actions": [
                {
                    "type": "button",
                    "action_id": action,
                    "block_id": "x",
                    "value": value or self.record,
                    "action_ts": "1",
                }
            ],
        }


@pytest.fixture
def desk(world: World, monkeypatch: pytest.MonkeyPatch) -> Desk:
    (outcome,) = world.deliver(CASE.unsafe[0](world), ID, "ask")
    application = world.application(
        "ask",
        ID,
        approvers=(Approver("page:teams"), Approver(f"slack:{BOB}"), Approver("carol@example.com")),
        channels=(SlackAppSettings(name="chat", token="ssm:/snapback/slack-token", conversation=CHANNEL),),
        clicks=Clicks(slack_signing_secret="ssm:/snapback/slack-signing", page_key="secretsmanager:snapback/page-key"),
    )
    ssm, secrets = world.client("ssm"), world.client("secretsmanager")
    ssm.put_parameter(Name="/snapback/slack-token", Value=TOKEN, Type="SecureString")
    ssm.put_parameter(Name="/snapback/slack-signing", Value=SIGNING, Type="SecureString")
    secrets.create_secret(Name="snapback/page-key", SecretString=KEY)
    parameters.clear_caches()  # type: ignore[no-untyped-call]
    slack._read_anew.clear()
    slack._homes.clear()
    monkeypatch.setattr(wiring, "_APPLICATION", {HOME: application})
    import app

    desk = Desk(world, application, Api(app.app), outcome.record)

    def ask_act(request: Any) -> None:
        request = json.loads(json.dumps(request))
        desk.handed.append(request)
        desk.results.append(wiring.act(request, Context()))

    application.ask_act = ask_act
    monkeypatch.setattr(slack, "reply", lambda url, said: desk.replies.append((url, said)))
    return desk


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    return Asked(monkeypatch)
