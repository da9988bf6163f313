"""Slack's dialogs: an exemption asked for, and the details of a finding."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.types import Status
from tests.clicks.conftest import BOB, CHANNEL, REPLY, TEAM
from tests.clicks.test_page import with_

if TYPE_CHECKING:
    from tests.clicks.conftest import Desk
    from tests.clicks.slack_api import Asked

pytestmark = pytest.mark.usefixtures("asked")


class TestExempt:
    def submit(self, desk: Desk, view: Any, days: str, date: str | None = None, reason: str = "a website") -> Any:
        values = {
            "days": {"days": {"type": "radio_buttons", "selected_option": {"value": days}}},
            "date": {"date": {"type": "datepicker", "selected_date": date}},
            "reason": {"reason": {"type": "plain_text_input", "value": reason}},
        }
        return {
            "type": "view_submission",
            "user": {"id": BOB, "username": "bob", "team_id": TEAM},
            "team": {"id": TEAM},
            "view": {
                "callback_id": view["callback_id"],
                "private_metadata": view["private_metadata"],
                "state": {"values": values},
            },
        }

    def test_a_dialog_asks_how_long_and_why_and_its_answer_is_done(self, desk: Desk, asked: Asked) -> None:
        assert desk.slack(desk.click("exempt")).text == ""
        (view,) = asked.views
        assert [each.get("block_id") for each in view["blocks"]] == [None, "days", "date", "reason"]
        assert not desk.handed
        got = desk.slack(self.submit(desk, view, "30", reason="a *public* <site>"))
        assert (got.status, got.text) == (200, "")
        last = desk.now().history[-1]
        assert (last.status, last.note) == ("expired", "exempt until 2026-12-23 10:00 UTC: a *public* <site>")
        assert last.by == f"bob (slack:{BOB}) from Slack {TEAM}/{CHANNEL}"
        assert desk.replies[0][0] == REPLY

    def test_a_date_may_be_chosen(self, desk: Desk, asked: Asked) -> None:
        desk.slack(desk.click("exempt"))
        desk.slack(self.submit(desk, asked.views[0], "date", "2027-02-01"))
        assert desk.now().history[-1].note.startswith("exempt until 2027-02-01 23:59")

    @pytest.mark.parametrize(
        ("days", "date", "reason", "wrong"),
        [
            ("date", None, "a website", {"date"}),
            ("date", "2020-01-01", "a website", {"date"}),
            ("7", "2027-01-01", "a website", {"date"}),
            ("", None, " ", {"days", "reason"}),
        ],
    )
    def test_what_is_wrong_stands_at_its_field(
        self, desk: Desk, asked: Asked, days: str, date: str | None, reason: str, wrong: set[str]
    ) -> None:
        desk.slack(desk.click("exempt"))
        answer = json.loads(desk.slack(self.submit(desk, asked.views[0], days, date, reason)).text)
        assert answer["response_action"] == "errors"
        assert set(answer["errors"]) == wrong
        assert not desk.handed

    @pytest.mark.parametrize("kept", ["", "{", "null", '{"record": "x"}', '{"record": ["0000000000000000"]}x'])
    def test_a_dialog_without_a_record_is_said(self, desk: Desk, asked: Asked, kept: str) -> None:
        desk.slack(desk.click("exempt"))
        assert desk.slack(self.submit(desk, asked.views[0] | {"private_metadata": kept}, "7")).status == 400

    def test_a_dialog_that_slack_does_not_open_is_told(self, desk: Desk, asked: Asked) -> None:
        asked.broken = "expired_trigger_id"
        assert desk.slack(desk.click("exempt")).status == 200
        assert "expired_trigger_id" in desk.replies[0][1]

    def test_without_slacks_app_it_says_what_it_takes(self, desk: Desk) -> None:
        desk.application.settings = with_(desk, channels=())
        assert desk.slack(desk.click("exempt")).status == 200
        assert "slack_app" in desk.replies[0][1]


class TestDetails:
    def test_they_show_the_change_the_calls_and_the_history(self, desk: Desk, asked: Asked) -> None:
        desk.slack(desk.click("approve"))
        desk.slack(desk.click("details"))
        (view,) = asked.views
        said = json.dumps(view)
        for each in ("AllUsers", "s3:PutBucketAcl", f"slack:{BOB}", "fixing", "2026-11-23 10:00:02", desk.record):
            assert each in said, each
        assert len(view["blocks"]) <= 100
        assert all(len(each["text"]["text"]) <= 3000 for each in view["blocks"])

    def test_no_secret_and_no_hostile_text_gets_in(self, desk: Desk, asked: Asked) -> None:
        hostile = "<!channel> <https://evil.example.com|x> ``` `x` & \u202e\x1b[31m"
        states: Any = {"before": {"Password": "hunter2hunter2", hostile: hostile * 99}, "after": {hostile: "x" * 9000}}
        for _ in range(3):
            record = desk.now()
            desk.application.ledger.move(
                record, Status.ASKING, by=hostile, note="token=hunter2hunter2", reason=hostile, **states
            )
        desk.slack(desk.click("details"))
        texts = [each["text"]["text"] for each in asked.views[0]["blocks"]]
        assert all(len(each) <= 3000 for each in texts)
        said = "".join(texts)
        assert "hunter2" not in said
        assert not set("<>\u202e\x1b") & set(said)
        assert all(each.count("```") in {0, 2} for each in texts)

    def test_a_record_that_is_no_more_is_said(self, desk: Desk) -> None:
        desk.slack(desk.click("details", "0" * 16))
        assert "no longer exists" in desk.replies[0][1]
