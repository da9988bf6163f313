"""Slack's requests, asked as API Gateway asks, and what `act` makes of them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.parse import urlencode

import pytest
from slack_sdk.webhook import WebhookClient

from chalicelib import wiring
from chalicelib.aws import change_author
from chalicelib.clicks import slack as clicks
from chalicelib.clicks.http import FORM
from chalicelib.core.errors import Fault, FixFailed, StepRefused
from chalicelib.core.event import Actor
from chalicelib.core.settings import Approver, Clicks
from chalicelib.core.types import Status
from chalicelib.notify.message import message_of
from tests.clicks.conftest import BOB, CHANNEL, REPLY, SIGNING, TEAM, TOKEN, really_reply
from tests.clicks.server import Context
from tests.clicks.test_page import with_

if TYPE_CHECKING:
    from tests.clicks.conftest import Desk
    from tests.clicks.slack_api import Asked

pytestmark = pytest.mark.usefixtures("asked")


def test_a_click_approves_and_says_who_and_tells_them(desk: Desk) -> None:
    got = desk.slack(desk.click("approve"))
    assert (got.status, got.text) == (200, "")
    record = desk.now()
    assert record.status is Status.FIXED
    assert record.history[-1].by == f"{BOB.lower()} (slack:{BOB}) from Slack {TEAM}/{CHANNEL}"
    ((url, said),) = desk.replies
    assert url == REPLY
    assert "Fixed by" in said
    assert "verified safe" in said


def test_slack_waits_for_no_call_to_aws(desk: Desk) -> None:
    """Of the three seconds that it gives, the secret, the app's workspace and the person's address take the rest."""
    desk.application.ask_act = desk.handed.append
    desk.world.calls.clear()
    desk.slack(desk.click("approve"))
    assert not desk.world.calls
    assert len(desk.handed) == 1


def test_a_click_undoes(desk: Desk) -> None:
    desk.slack(desk.click("approve"))
    desk.world.later(seconds=5)
    desk.slack(desk.click("undo"))
    assert desk.now().status is Status.UNDONE


@pytest.mark.parametrize(
    "headers",
    [
        {"x_slack_signature": "v0=" + "0" * 64},
        {"x_slack_signature": "v0=é" + "0" * 63},
        {"x_slack_signature": ""},
        {"x_slack_signature": "v1=" + "0" * 64},
        {"x_slack_request_timestamp": ""},
        {"x_slack_request_timestamp": "now"},
        {"x_slack_request_timestamp": "1e9"},
        {"x_slack_request_timestamp": "-1"},
        {"x_slack_request_timestamp": "9" * 400},
    ],
)
def test_a_request_that_is_not_signed_does_nothing(desk: Desk, headers: Any) -> None:
    got = desk.slack(desk.click("approve"), **headers)
    assert (got.status, desk.handed) == (401, [])
    assert got.text.count("\n") == 1


def test_without_any_header_it_does_nothing(desk: Desk) -> None:
    body = urlencode({"payload": json.dumps(desk.click("approve"))}).encode()
    assert desk.api.ask("POST", "/slack", body, content_type=FORM).status == 401
    assert desk.api.ask("POST", "/slack", body).status == 415
    assert desk.api.ask("POST", "/slack").status == 415
    assert not desk.handed


@pytest.mark.parametrize("age", [-301, 301, 100_000])
def test_a_request_of_another_time_is_refused(desk: Desk, age: int) -> None:
    assert desk.slack(desk.click("approve"), age=age).status == 401
    assert not desk.handed


@pytest.mark.parametrize("age", [-299, 0, 299])
def test_a_request_of_the_last_five_minutes_is_taken(desk: Desk, age: int) -> None:
    assert desk.slack(desk.click("approve"), age=age).status == 200
    assert len(desk.handed) == 1


def test_a_body_that_was_changed_is_refused(desk: Desk) -> None:
    body = urlencode({"payload": json.dumps(desk.click("approve"))}).encode()
    headers = desk.signed(body)
    for changed in (body.replace(b"approve", b"exempt"), body + b"&payload=1", b""):
        assert desk.api.ask("POST", "/slack", changed, **headers).status == 401
    assert not desk.handed


def test_a_request_that_comes_again_acts_once(desk: Desk) -> None:
    """Even where the question was asked anew in between, which the ledger alone would take for another click."""
    click = desk.click("approve")
    assert desk.slack(click).status == 200
    assert desk.now().status is Status.FIXED
    desk.application.ledger.move(desk.now(), Status.ASKING, by="snapback")
    for _ in range(3):
        assert desk.slack(click).status == 200
    assert (desk.now().status, len(desk.replies)) == (Status.ASKING, 1)
    desk.slack(desk.click("approve") | {"trigger_id": "another"})
    assert len(desk.replies) == 2


def test_two_people_who_click_at_once_act_once(desk: Desk) -> None:
    desk.application.settings = with_(desk, approvers=(Approver("slack:*"),))
    requests: list[Any] = []
    desk.application.ask_act = requests.append
    for user in (BOB, "U0CAROL01"):
        desk.slack(desk.click("approve", user=user))
    first, second = requests
    ledger, results = desk.application.ledger, list[Any]()
    move = ledger.move

    def slow(*step: Any, **changed: Any) -> Any:
        """What the first decided comes to the ledger after all that the second does."""
        if not results:
            results.append({})
            results[0] = wiring.act(second, Context())
        return move(*step, **changed)

    with patch.object(ledger, "move", slow):
        results.append(wiring.act(first, Context()))
    assert desk.steps() == ["asking", "fixing", "fixed"]
    assert sorted(each["status"] for each in results) == ["", "fixed"]
    assert len(desk.replies) == 2


def test_a_rotated_secret_is_read_anew_once_a_minute(desk: Desk) -> None:
    desk.slack(desk.click("nothing"))
    desk.world.client("ssm").put_parameter(
        Name="/snapback/slack-signing", Value="n" * 32, Type="SecureString", Overwrite=True
    )
    assert desk.slack(desk.click("approve"), secret="n" * 32).status == 200
    assert len(desk.handed) == 1
    before = len(clicks._read_anew)
    for _ in range(5):
        assert desk.slack(desk.click("approve"), secret="forged").status == 401
    assert len(clicks._read_anew) == before
    desk.world.client("ssm").put_parameter(
        Name="/snapback/slack-signing", Value="m" * 32, Type="SecureString", Overwrite=True
    )
    assert desk.slack(desk.click("undo"), secret="m" * 32).status == 401, "within the minute the old one is kept"
    desk.world.later(seconds=61)
    assert desk.slack(desk.click("undo"), secret="m" * 32).status == 200


@pytest.mark.parametrize("held", ["{new}\n{old}", "{old}\n{new}", "{new}\n\n{old}\n"])
def test_slack_may_sign_with_either_secret(desk: Desk, held: str) -> None:
    new = "n" * 32
    desk.world.client("ssm").put_parameter(
        Name="/snapback/slack-signing", Value=held.format(new=new, old=SIGNING), Type="SecureString", Overwrite=True
    )
    for secret in (SIGNING, new):
        assert desk.slack(desk.click("nothing"), secret=secret).status == 200
    assert desk.slack(desk.click("nothing"), secret="another").status == 401


def test_a_secret_of_blanks_lets_nobody_in(desk: Desk) -> None:
    desk.world.client("ssm").put_parameter(
        Name="/snapback/slack-signing", Value=" \n ", Type="SecureString", Overwrite=True
    )
    for secret in (SIGNING, "x"):
        assert desk.slack(desk.click("approve"), secret=secret).status == 401
    assert not desk.handed


def test_slacks_own_questions_are_answered(desk: Desk) -> None:
    got = desk.api.ask("POST", "/slack", b"ssl_check=1&token=x", content_type=FORM)
    assert (got.status, got.text) == (200, "")
    got = desk.slack({"type": "url_verification", "challenge": "3eZbrw1aB"})
    assert json.loads(got.text) == {"challenge": "3eZbrw1aB"}
    assert desk.slack({"type": "url_verification"}, secret="forged").status == 401


@pytest.mark.parametrize("payload", [None, [], "x", 1, {}, {"type": "block_actions"}, {"type": "view_closed"}])
def test_a_payload_of_another_kind_does_nothing(desk: Desk, payload: Any) -> None:
    assert desk.slack(payload).status == 200
    assert not desk.handed


@pytest.mark.parametrize("payload", ["", "{", "[" * 100_000, "nul"])
def test_a_payload_that_is_no_json_is_said(desk: Desk, payload: str) -> None:
    body = urlencode({"payload": payload}).encode()
    assert desk.api.ask("POST", "/slack", body, **desk.signed(body)).status == 400


def test_a_huge_request_is_not_read(desk: Desk) -> None:
    body = b"payload=" + b"x" * clicks.LARGEST
    assert desk.api.ask("POST", "/slack", body, **desk.signed(body)).status == 413


@pytest.mark.parametrize(
    ("action", "value"),
    [
        ("open", ""),
        ("approve", "../x"),
        ("approve", "X" * 16),
        ("maintain", ""),
        ("approve", "0" * 17),
        ("approve", "\0" * 16),
    ],
)
def test_another_button_does_nothing(desk: Desk, action: str, value: str) -> None:
    assert desk.slack(desk.click(action, value)).status == 200
    assert not desk.handed


def test_a_click_means_what_its_message_showed(desk: Desk) -> None:
    fingerprint = desk.now().fingerprint
    desk.application.ledger.move(desk.now(), Status.ASKING, by="snapback", reason="another")
    desk.slack(desk.click("approve", f"{desk.record}#{fingerprint[:8]}"))
    assert desk.steps() == ["asking", "asking"]
    assert "changed since you saw it" in desk.replies[0][1]
    desk.slack(desk.click("approve", f"{desk.record}#{desk.now().fingerprint[:8]}"))
    assert desk.now().status is Status.FIXED


def test_when_the_state_has_moved_it_says_so_and_asks_anew(desk: Desk) -> None:
    desk.world.client("s3").put_bucket_acl(Bucket="app-logs", ACL="authenticated-read")
    desk.slack(desk.click("approve"))
    assert desk.steps() == ["asking", "asking"]
    assert "changed since Snapback asked; read the new state" in desk.replies[0][1]


class TestWhoMay:
    def test_an_unknown_clicker_is_refused_politely_and_that_is_on_record(self, desk: Desk) -> None:
        desk.slack(desk.click("approve", user="U0EVE0001"))
        assert desk.steps() == ["asking", "refused"]
        last = desk.now().history[-1]
        assert "U0EVE0001" in last.by
        assert last.by.endswith(f"from Slack {TEAM}/{CHANNEL}")
        assert last.note.startswith("approve: you (slack:U0EVE0001) may not decide")
        assert desk.replies == [(REPLY, desk.replies[0][1])]
        assert desk.replies[0][1].startswith("Sorry, you (slack:U0EVE0001) may not decide")

    def test_they_are_known_by_their_address_which_slack_tells(self, desk: Desk, asked: Asked) -> None:
        desk.slack(desk.click("approve", user="U0CAROL01"))
        assert desk.now().status is Status.FIXED
        assert asked.users == ["U0CAROL01"]
        assert asked.tokens == {TOKEN}

    def test_slack_is_asked_only_where_an_address_decides_anything(self, desk: Desk, asked: Asked) -> None:
        desk.application.settings = with_(desk, approvers=(Approver(f"slack:{BOB}"),), four_eyes=False)
        desk.slack(desk.click("approve"))
        assert desk.now().status is Status.FIXED
        assert not asked.users

    def test_nobody_decides_about_their_own_change_by_whatever_name(self, desk: Desk, asked: Asked) -> None:
        arn, role = "arn:aws:sts::1:assumed-role/AWSReservedSSO_Dev_1/bob@example.com", "AWSReservedSSO_Dev_1"
        issuer = f"arn:aws:iam::1:role/aws-reserved/sso.amazonaws.com/{role}"
        sso = Actor("AssumedRole", arn, "1", "Bob@example.com", issuer=issuer)
        desk.application.ledger.move(desk.now(), Status.ASKING, by="snapback", actor=sso)
        desk.slack(desk.click("approve"))
        assert "your own" in desk.replies[0][1]
        desk.slack(desk.click("approve", user="U0CAROL01"))
        assert desk.now().status is Status.FIXED

    def test_who_can_not_be_told_apart_from_the_actor_does_not_decide(self, desk: Desk, asked: Asked) -> None:
        sso = Actor("AssumedRole", "arn:aws:sts::1:assumed-role/Dev/dave@example.com", "1", session="dave@example.com")
        desk.application.ledger.move(desk.now(), Status.ASKING, by="snapback", actor=sso)
        asked.broken = "missing_scope"
        desk.slack(desk.click("approve"))
        assert "users:read.email" in desk.replies[0][1]
        assert desk.steps() == ["asking", "asking", "refused"]

    def test_a_session_that_bears_their_name_asks_for_a_second(self, desk: Desk, asked: Asked) -> None:
        actor = Actor("AssumedRole", "arn:aws:sts::1:assumed-role/Dev/bob", "1", session="bob")
        desk.application.ledger.move(desk.now(), Status.ASKING, by="snapback", actor=actor)
        for trigger in ("1", "2"):
            desk.slack(desk.click("approve") | {"trigger_id": trigger})
        assert "a second approver must approve too" in desk.replies[0][1]
        assert desk.steps() == ["asking", "asking", "second_wanted"]
        assert message_of(desk.now()).headline.endswith(" · second approver needed")
        desk.slack(desk.click("approve", user="U0CAROL01"))
        assert desk.now().status is Status.FIXED

    @pytest.mark.parametrize("home", [("T012TEAM1", "E012CORP1"), ("T0OTHER01", "E012CORP1")])
    def test_in_an_enterprise_organization_people_are_the_organizations(
        self, desk: Desk, asked: Asked, home: tuple[str, str]
    ) -> None:
        """Slack reports `E…` as `user.team_id`, whichever of its workspaces the app is installed in."""
        asked.home = dict(zip(("team_id", "enterprise_id"), home, strict=True))
        desk.slack(desk.click("approve", team_id="E666EVIL1"))
        assert desk.steps() == ["asking", "refused"]
        desk.slack(desk.click("approve", team_id="E012CORP1"))
        assert desk.now().status is Status.FIXED

    def test_a_click_that_comes_from_the_other_workspace_of_a_shared_channel_is_theirs(
        self, desk: Desk, asked: Asked
    ) -> None:
        desk.application.settings = with_(desk, approvers=(Approver("*"),))
        theirs = desk.click("approve", team_id="T0EVIL001") | {"team": {"id": "T0EVIL001", "domain": "evil"}}
        desk.slack(theirs)
        assert desk.steps() == ["asking", "refused"]
        assert "another Slack workspace" in desk.replies[0][1]

    def test_where_the_app_is_installed_is_asked_once(self, desk: Desk, asked: Asked) -> None:
        for user in ("U0EVE0001", "U0EVE0002", BOB):
            desk.slack(desk.click("approve", user=user))
        assert asked.homes == 1

    def test_without_knowing_its_own_workspace_nobody_is_believed(self, desk: Desk, asked: Asked) -> None:
        asked.broken, asked.well = "ratelimited", ""
        desk.slack(desk.click("approve"))
        assert desk.steps() == ["asking"]
        assert "(ratelimited); click again" in desk.replies[0][1]

    @pytest.mark.parametrize(
        "approver", ["*", "slack:*", f"slack:{BOB}", "*@example.com", "slack:T0EVIL001/*", "slack-other:*"]
    )
    def test_people_of_another_workspace_are_somebody_else(self, desk: Desk, asked: Asked, approver: str) -> None:
        desk.application.settings = with_(desk, approvers=(Approver(approver),))
        desk.slack(desk.click("approve", team_id="T0EVIL001"))
        desk.slack(desk.click("approve") | {"team": None})
        assert desk.now().status is Status.ASKING
        assert not asked.users

    def test_a_refusal_waits_for_a_function_that_is_at_work(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        engine = desk.application.engine
        refuse, tries = engine.refuse, iter([StepRefused("moved"), StepRefused("moved"), None])

        def at_work(*given: Any) -> Any:
            if error := next(tries):
                raise error
            return refuse(*given)

        monkeypatch.setattr(engine, "refuse", at_work)
        desk.slack(desk.click("approve", user="U0EVE0001"))
        assert desk.steps() == ["asking", "refused"]
        assert desk.world.pauses[-2:] == [1, 1]


class TestReply:
    @pytest.mark.parametrize(
        "url",
        [
            "http://hooks.slack.com/x",
            "https://hooks.slack.com.evil.example.com/x",
            "https://evil.example.com",
            "",
            "https://hooks.slack.com@evil.example.com/",
            "https://x@hooks.slack.com/",
            "https://hooks.slack.com:8443/",
            "//hooks.slack.com/x",
            "file:///etc/passwd",
            "https://HOOKS.slack.com\\.evil.example.com",
        ],
    )
    def test_it_goes_to_slack_and_nowhere_else(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(WebhookClient, "send", lambda *_, **__: pytest.fail("sent"))
        with pytest.raises(ValueError, match="isn't Slack's"):
            really_reply(url, "hello")

    def test_it_is_for_who_clicked_only_and_no_text_becomes_a_mention(self, monkeypatch: pytest.MonkeyPatch) -> None:
        sent: list[Any] = []
        monkeypatch.setattr(WebhookClient, "send", lambda _, **given: sent.append(given))
        really_reply(REPLY, "<!channel> & \u202e" + "x" * 9000)
        (given,) = sent
        assert given["response_type"] == "ephemeral"
        assert given["replace_original"] is False
        assert given["text"].startswith("&lt;!channel&gt; &amp; \ufffd")
        (block,) = given["blocks"]
        assert block["text"]["type"] == "plain_text"
        assert len(block["text"]["text"]) <= 3000

    def test_what_is_done_is_done_though_nobody_can_be_told(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        def unreachable(*_: Any) -> None:
            raise OSError

        monkeypatch.setattr(clicks, "reply", unreachable)
        desk.slack(desk.click("approve"))
        assert desk.now().status is Status.FIXED
        assert desk.results[0]["status"] == "fixed"


class TestWhatGoesWrong:
    def test_a_fix_that_fails_is_told(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        def fails(*_: Any, **__: Any) -> None:
            raise FixFailed("AccessDenied")

        monkeypatch.setattr(desk.application.engine, "approve", fails)
        desk.slack(desk.click("approve"))
        assert desk.replies[0][1] == "approve: AccessDenied"

    def test_what_nobody_expects_is_told_without_its_text_and_comes_again(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def breaks(*_: Any) -> None:
            raise KeyError("hunter2")

        monkeypatch.setattr(desk.application.engine, "approve", breaks)
        request = {
            "action": "approve",
            "record": desk.record,
            "person": {"id": f"slack:{BOB}"},
            "reply": {"slack": REPLY},
        }
        with pytest.raises(Fault):
            wiring.act(request, Context())
        assert "tries again" in desk.replies[0][1]
        assert "hunter2" not in desk.replies[0][1]

    def test_a_drift_is_told_with_what_changed(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(change_author, "who_changed", lambda *_: None)
        desk.slack(desk.click("approve"))
        desk.world.client("s3").put_bucket_acl(Bucket="app-logs", ACL="authenticated-read")
        desk.slack(desk.click("undo"))
        assert "was changed after Snapback's last write" in desk.replies[1][1]
        assert desk.now().status is Status.FIXED

    def test_a_record_that_is_no_more_is_told(self, desk: Desk) -> None:
        desk.slack(desk.click("approve", "0" * 16))
        assert "record 0000000000000000 no longer exists" in desk.replies[0][1]

    def test_without_a_secret_there_are_no_clicks(self, desk: Desk) -> None:
        desk.application.settings = with_(desk, clicks=Clicks())
        assert desk.slack(desk.click("approve")).status == 403
        desk.application.settings = with_(desk, clicks=Clicks(slack_signing_secret="ssm:/snapback/none"))
        assert desk.slack(desk.click("approve")).status == 503
        assert not desk.handed

    def test_a_half_written_person_is_nobody(self, desk: Desk) -> None:
        request = {"action": "approve", "record": desk.record, "person": {"id": "slack:U1", "email": ["x"], "name": 3}}
        assert wiring.act(request, Context())["status"] == "refused"
        assert replace(desk).steps() == ["asking", "refused"]
