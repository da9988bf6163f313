"""Fix and Retry: beside Exempt on each message of a finding that can be fixed and that nobody was asked about."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from chalicelib.core.types import Status
from chalicelib.notify.links import choices
from chalicelib.notify.message import message_of
from tests.guardrails.s3 import test_bucket_acl_made_public as acl
from tests.snapback.command import complaint, public, run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.clicks.conftest import Desk
    from tests.clicks.slack_api import Asked
    from tests.support.world import World


@pytest.fixture
def alerted(desk: Desk, asked: Asked) -> Desk:
    (outcome,) = desk.world.deliver(acl.canned("authenticated-read")(desk.world), acl.ID, "alert")
    desk.record = outcome.record
    return desk


def test_the_message_offers_it(alerted: Desk) -> None:
    message = message_of(alerted.now())
    assert choices(message) == ("fix", "exempt", "show")
    assert message.commands["fix"] == f"snapback fix {alerted.record}"


def test_slack_does_it_and_says_who(alerted: Desk) -> None:
    message = message_of(alerted.now())
    alerted.slack(alerted.click("fix", f"{alerted.record}#{message.seen}"))
    record = alerted.now()
    assert record.status is Status.FIXED
    assert "slack:" in next(step.by for step in record.history if step.status == Status.FIXING)


def test_the_page_shows_the_change_and_does_it(alerted: Desk) -> None:
    token = alerted.token("fix")
    shown = alerted.post("/page/show", token=token)
    assert "Fix?" in shown.text
    assert re.search(r"<del>- .*AuthenticatedUsers", shown.text)
    seen = re.search(r'name="seen" value="([0-9a-f]+)"', shown.text)
    assert seen
    alerted.post("/page/do", token=token, seen=seen[1])
    assert alerted.now().status is Status.FIXED
    assert "there is nothing to fix" in alerted.post("/page/show", token=alerted.token("fix")).text


def test_who_may_not_approve_may_not_fix(alerted: Desk) -> None:
    alerted.slack(alerted.click("fix", user="U0STRANGER"))
    assert alerted.now().status is Status.ALERTED
    assert alerted.now().history[-1].status == "refused"


@pytest.mark.parametrize("words", [("fix",), ("approve", "--fix")])
def test_the_command_line_does_it(
    words: tuple[str, ...], world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (outcome,) = world.deliver(acl.canned("public-read")(world), acl.ID, "alert")
    assert f"`snapback fix {outcome.record}`" in complaint("approve", outcome.record, code=1)
    assert "fixed" in run(*words, outcome.record).stdout
    assert not public(world)
