"""An undo beside others' changes: asked for by a click, shown first, and done as it was shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.types import SHOWN, Status
from chalicelib.engine.decide import MOST_SHOWN
from chalicelib.notify.channels.slack_app import reply
from chalicelib.notify.links import choices
from chalicelib.notify.message import is_sent, message_of
from tests.support import shared_documents as documents

if TYPE_CHECKING:
    from tests.clicks.conftest import Desk
    from tests.clicks.slack_api import Asked

PUBLIC = "s3.bucket_policy_made_public"


@pytest.fixture
def drifted(desk: Desk, asked: Asked, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A public statement that was taken out of a bucket's policy; then somebody else added one of theirs."""
    monkeypatch.setattr("chalicelib.aws.change_author.who_changed", lambda *_: None)
    events = documents.bucket(desk.world)
    (outcome,) = desk.world.deliver(events[PUBLIC], PUBLIC)
    desk.record = outcome.record
    third(desk, "Third")
    return desk


def third(desk: Desk, sid: str) -> None:
    found = documents.bucket_statements(desk.world)
    documents.put_bucket(desk.world, [*found, {**documents.THIRD_BUCKET, "Sid": sid}])


def sids(desk: Desk) -> set[str]:
    return {each["Sid"] for each in documents.bucket_statements(desk.world)}


def offered(desk: Desk) -> str:
    return f"{desk.record}#{message_of(desk.now()).seen}"


def test_slack_shows_it_with_who_will_object_and_does_it_as_shown(drifted: Desk) -> None:
    before = sids(drifted)
    drifted.slack(drifted.click("undo"))
    record = drifted.now()
    assert (record.status, record.history[-1].status) == (Status.FIXED, SHOWN)
    assert sids(drifted) == before
    assert "keep that change" in drifted.replies[0][1]
    assert is_sent(record)
    message = message_of(record)
    assert PUBLIC in message.did
    assert any("Public" in line for line in message.changes)
    assert not message.changed
    assert "undo and keep others' changes?" in message.headline
    assert "undo-anyway" in choices(message)
    (buttons,) = (block for block in reply(message)["blocks"] if block["type"] == "actions")
    assert [each["value"] for each in buttons["elements"]] == [offered(drifted)]
    drifted.slack(drifted.click("undo-anyway", offered(drifted)))
    assert drifted.now().status is Status.UNDONE
    assert sids(drifted) == {*before, "Public"}


def test_what_changes_once_more_is_shown_once_more(drifted: Desk) -> None:
    drifted.slack(drifted.click("undo"))
    first = offered(drifted)
    third(drifted, "Fourth")
    drifted.slack(drifted.click("undo-anyway", first))
    assert drifted.now().status is Status.FIXED
    assert offered(drifted) != first
    drifted.slack(drifted.click("undo-anyway", first))
    assert "changed since you saw it" in drifted.replies[-1][1]
    drifted.slack(drifted.click("undo-anyway", offered(drifted)))
    assert drifted.now().status is Status.UNDONE
    assert {"Third", "Fourth", "Public"} <= sids(drifted)


def test_a_click_that_names_no_state_does_nothing(drifted: Desk) -> None:
    drifted.slack(drifted.click("undo-anyway"))
    drifted.slack(drifted.click("undo"))
    drifted.slack(drifted.click("undo-anyway"))
    assert drifted.now().status is Status.FIXED


def test_the_page_shows_it_and_does_it_as_shown(drifted: Desk) -> None:
    def do(action: str) -> Any:
        token = drifted.token(action)
        shown = drifted.post("/page/show", token=token)
        seen = re.search(r'name="seen" value="([0-9a-f]+)"', shown.text)
        assert seen, shown.text
        drifted.post("/page/do", token=token, seen=seen[1])
        return shown

    do("undo")
    assert drifted.now().history[-1].status == SHOWN
    shown = do("undo-anyway")
    assert "keep that change" in shown.text
    assert re.search(r"<ins>\+ .*Public", shown.text)
    assert drifted.now().status is Status.UNDONE
    assert {"Third", "Public"} <= sids(drifted)


def test_the_same_offer_is_shown_once(drifted: Desk) -> None:
    for age in range(5):
        drifted.slack(drifted.click("undo"), age=age)
    assert [step.status for step in drifted.now().history].count(SHOWN) == 1
    assert len(drifted.replies) == 5
    drifted.slack(drifted.click("undo-anyway", offered(drifted)))
    assert drifted.now().status is Status.UNDONE


def test_offers_fill_no_record(drifted: Desk) -> None:
    for number in range(MOST_SHOWN + 2):
        third(drifted, f"Third{number}")
        drifted.slack(drifted.click("undo"), age=number)
    record = drifted.now()
    assert [step.status for step in record.history].count(SHOWN) == MOST_SHOWN
    assert f"`snapback undo {record.id}` shows the preview" in drifted.replies[-1][1]
    assert drifted.application.engine.undo(record.id, "ops", force=True).status is Status.UNDONE


def test_without_an_offer_the_page_has_nothing_to_do(desk: Desk) -> None:
    assert "nothing to undo" in desk.post("/page/show", token=desk.token("undo-anyway")).text
