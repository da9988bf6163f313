"""The table of statuses is complete by construction: a new row is shown, sent and exported by everybody, or fails loudly."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import asdict, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.core.event import Event
from chalicelib.core.metrics import findings
from chalicelib.core.outcome import Outcome
from chalicelib.core.record import Record
from chalicelib.core.resource import Account
from chalicelib.core.types import Graded, Severity, Status, Traits, Unrecorded, having
from chalicelib.exports import bus, ocsf, security_hub
from chalicelib.exports.base import ExportedStep, left
from chalicelib.notify.blocks import escape
from chalicelib.notify.channels import apprise, slack, slack_app, sns, teams, webhook
from chalicelib.notify.message import is_sent, message_of
from snapback import render
from tests.support.events import HOME, REGION, cloudtrail_event

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
STATUS_NEW: Any = vars(Status)["__new_member__"]
SCHEMA: Any = json.loads((ROOT / "docs" / "finding-event.schema.json").read_text())


@pytest.fixture(params=[*Status, "parked"])
def status(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Status]:
    """Each status, and one that nobody has heard of: a row more in the table."""
    if isinstance(request.param, Status):
        yield request.param
        return
    member: Any = str.__new__(Status, request.param)
    member._name_, member._value_, member.traits = request.param.upper(), request.param, _traits()
    monkeypatch.setitem(Status._member_map_, member._name_, member)
    monkeypatch.setitem(Status._value2member_map_, request.param, member)
    monkeypatch.setattr(Status, "_member_names_", [*Status._member_names_, member._name_])
    assert Status("parked") is member
    yield member


def _traits() -> Traits:
    return Traits(word="parked", said="It is parked{note}.", tone="open", left="open", written=False, unsafe=True)


def record(status: Status) -> Record:
    event = Event.parse(cloudtrail_event("s3", "PutBucketAcl"))
    account = Account(HOME, HOME, REGION)
    draft = Record(
        id="0123456789abcdef",
        guardrail="s3.bucket_acl_made_public",
        title="S3 bucket opened by its ACL",
        severity=Severity.HIGH,
        kind=account.kind(),
        resource=account.id,
        account=HOME,
        region=REGION,
        arn=account.arn,
        reason="it lets in everyone",
        actor=event.actor,
        event_id=event.id,
        event_name=event.name,
        event_time=event.time,
        seen_at=event.time,
        mode="alert",
        status=status,
        before={"grants": ["everyone"]},
        after={"grants": []},
        fix="Close it",
    )
    return draft.stepped(Status.FIXING, event.time, "snapback").stepped(status, event.time, "snapback")


def test_every_channel_says_what_the_table_says(status: Status) -> None:
    found = record(status)
    message = message_of(found)
    word = status.traits.word.format(what="fix")
    assert word in message.headline
    assert message.did
    assert "{" not in message.did
    assert is_sent(found) is (not status.traits.under_way)
    shown = [
        json.dumps(slack.body(message), ensure_ascii=False),
        json.dumps(slack_app.body(message), ensure_ascii=False),
        teams.body(message).decode(),
        json.dumps(webhook.body(message), ensure_ascii=False),
        message.text,
    ]
    assert all(word in text or escape(word, 99) in text for text in shown)
    assert apprise._KINDS[status.traits.tone]
    assert sns.SUBJECT


def test_every_export_has_a_place_for_it(status: Status) -> None:
    found = record(status)
    step = ExportedStep(number="1", record=found, message=message_of(found), rule=None)
    assert left(found.history[-1]) == status.traits.left
    assert ocsf.finding(step)["status_id"] in ocsf._STATUSES
    assert (left(found.history[-1]) == "unknown") is (ocsf.finding(step)["status_id"] == ocsf.UNKNOWN)
    assert bus.detail(step)["status"] == status
    assert security_hub._WORKFLOW[left(found.history[-1])]


def test_the_command_line_shows_it(status: Status, capsys: pytest.CaptureFixture[str]) -> None:
    found = record(status)
    render.show(*render.records_list([found]), *render.record_page(found, full=True))
    assert status.replace("_", " ") in capsys.readouterr().out.replace("_", " ")
    assert render.record_json(found)["status"] == status
    assert findings(status).endswith(status)


def test_a_status_that_is_no_row_is_no_status() -> None:
    with pytest.raises(ValueError, match="parked"):
        Status("parked")
    with pytest.raises(TypeError, match="no traits"):

        class Words(StrEnum):
            __new__ = STATUS_NEW
            PARKED = "parked"


def test_docs_and_schema_name_them_all() -> None:
    sent = {str(status) for status in Status if not status.traits.under_way}
    assert set(SCHEMA["properties"]["status"]["enum"]) == {*map(str, Status)}
    for page in ("words.md", "exports.md"):
        text = (ROOT / "docs" / page).read_text()
        assert [status for status in sent if status not in text] == [], page


def test_the_dashboard_graphs_each_that_matters() -> None:
    from snapback.deploy.template.dashboard import _FOUND

    wanted = {status for status in Status if status.traits.unsafe or status is Status.FIXED}
    assert wanted == {*_FOUND}


def test_traits_agree_with_each_other() -> None:
    assert having("under_way") == {Status.FIXING, Status.UNDOING}
    for status in Status:
        traits = status.traits
        assert not (traits.under_way and traits.undoable)
        assert traits.left not in {"safe", "judged"} or not traits.unsafe
        assert traits.needs_person <= traits.unsafe
    assert not {*map(str, Status)} & {*map(str, Unrecorded)}
    assert replace(_traits(), tone="bad").tone == "bad"


def test_a_reason_with_a_severity_of_its_own_can_be_copied() -> None:
    """`asdict` copies outcomes; what failed there failed after the fix was made."""
    found = deepcopy(Outcome("s3.x", "arn", Status.FIXED, Graded("it is open", Severity.LOW)))
    assert isinstance(found.reason, Graded)
    assert (found.reason, found.reason.severity) == ("it is open", Severity.LOW)
    assert json.loads(json.dumps(asdict(found)))["reason"] == "it is open"
