"""The action page, asked as API Gateway asks."""

from __future__ import annotations

import io
import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest
from aws_lambda_powertools import Logger
from botocore.exceptions import EndpointConnectionError

from chalicelib import wiring
from chalicelib.aws.action_tokens import VALID
from chalicelib.clicks import page
from chalicelib.clicks.http import FORM
from chalicelib.core.errors import Fault
from chalicelib.core.settings import Approver, Clicks, Settings
from chalicelib.core.types import Status
from chalicelib.wiring import _in_ascii
from tests.clicks.server import Context

if TYPE_CHECKING:
    from tests.clicks.conftest import Desk
    from tests.clicks.server import Got


def seen(got: Got) -> str:
    found = re.search(r'name="seen" value="([0-9a-f]+)"', got.text)
    assert found, got.text
    return found[1]


def do(desk: Desk, token: str, **fields: str) -> Got:
    return desk.post("/page/do", token=token, **({"seen": seen(desk.post("/page/show", token=token))} | fields))


def only_line(got: Got) -> str:
    found = re.findall(r'<p role="alert" class="wrong">([^<]*)</p>', got.text)
    assert len(found) == 1, got.text
    return str(found[0])


def test_it_shows_what_will_be_done_before_and_after_who_changed_it_and_which_record(desk: Desk) -> None:
    got = desk.post("/page/show", token=desk.token())
    assert got.status == 200
    for said in (
        "Approve the fix?",
        "app-logs",
        "alice",
        "The fix removes READ for AllUsers.",
        desk.record,
        "teams",
        "see who you are",
    ):
        assert said in got.text, said
    assert re.search("<del>- .*AllUsers", got.text)
    assert desk.now().status is Status.ASKING


def test_a_confirmed_approval_is_done_once_and_says_who_from_where(desk: Desk) -> None:
    token = desk.token()
    got = do(desk, token)
    assert (got.status, len(desk.handed)) == (200, 1)
    record = desk.now()
    assert record.status is Status.FIXED
    assert record.history[-1].by == "page:teams from 127.0.0.1"
    again = desk.post("/page/show", token=token)
    assert "already used" in again.text
    assert "<dd>fixed</dd>" in again.text
    for said in ("The fix removed READ for AllUsers.", "<h2>Before → after</h2>"):
        assert said in again.text
        assert said in desk.post("/page/show", token=desk.token("show")).text
    assert "<form" not in again.text
    assert "works once" in only_line(desk.post("/page/do", token=token, seen=record.fingerprint))
    assert len(desk.handed) == 1


def test_of_two_who_press_the_button_at_once_one_acts(desk: Desk) -> None:
    token = desk.token()
    fields = {"token": token, "seen": seen(desk.post("/page/show", token=token))}
    with ThreadPoolExecutor(2) as two:
        list(two.map(lambda _: desk.post("/page/do", **fields), range(2)))
    assert desk.steps() == ["asking", "fixing", "fixed"]


def test_a_link_works_still_when_nobody_could_be_asked_to_act(desk: Desk) -> None:
    token, ask = desk.token(), desk.application.ask_act

    def down(_: Any) -> None:
        raise ConnectionError("Lambda is down")

    desk.application.ask_act = down
    assert do(desk, token).status == 500
    assert desk.steps() == ["asking"]
    desk.application.ask_act = ask
    assert do(desk, token).status == 200
    assert desk.now().status is Status.FIXED


def test_a_link_is_used_up_by_what_comes_of_it_and_by_nothing_else(desk: Desk) -> None:
    token = desk.token()
    desk.application.ledger.pause("bob", "deploying")
    assert do(desk, token).status == 200
    assert "paused by bob" in str(desk.results[-1]["said"])
    desk.application.ledger.resume("bob")
    desk.world.later(minutes=2)
    assert do(desk, token).status == 200
    assert desk.now().status is Status.FIXED
    assert "already used" in desk.post("/page/show", token=token).text


@pytest.mark.parametrize("lasting", [EndpointConnectionError(endpoint_url="dynamodb"), KeyError("x")])
def test_a_link_works_still_when_act_gave_up_and_nothing_was_done(
    desk: Desk, lasting: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = desk.token()
    with monkeypatch.context() as down:
        down.setattr(desk.application, "ask_act", desk.handed.append)
        assert do(desk, token).status == 200
        down.setattr(desk.application.ledger, "move", Mock(side_effect=lasting))
        for _ in range(3):
            with pytest.raises((EndpointConnectionError, Fault, KeyError)):
                wiring.act(json.loads(json.dumps(desk.handed[0])), Context())
    assert desk.steps() == ["asking"]
    assert "already used" not in desk.post("/page/show", token=token).text
    assert do(desk, token).status == 200
    assert desk.steps() == ["asking", "fixing", "fixed"]
    assert "already used" in desk.post("/page/show", token=token).text


def test_a_link_is_used_up_when_act_died_after_its_effect(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    token = desk.token()
    with monkeypatch.context() as down:
        down.setattr(desk.application, "ask_act", desk.handed.append)
        assert do(desk, token).status == 200
        down.setattr(desk.application.metrics, "add_metric", Mock(side_effect=ConnectionError))
        with pytest.raises((ConnectionError, Fault)):
            wiring.act(json.loads(json.dumps(desk.handed[0])), Context())
    assert desk.steps() == ["asking", "fixing", "fixed"]
    assert "already used" in desk.post("/page/show", token=token).text


def test_a_click_that_lambda_delivers_again_is_no_second_click(desk: Desk) -> None:
    do(desk, desk.token())
    assert wiring.act(desk.handed[0], Context())["said"].endswith("only a record that is asking can be approved")
    other = {**desk.handed[0], "use": {**desk.handed[0]["use"], "click": "another"}}
    assert "already used" in wiring.act(other, Context())["said"]


def test_two_links_of_one_question_act_once(desk: Desk) -> None:
    first, second = desk.token(), desk.token()
    fingerprint = seen(desk.post("/page/show", token=second))
    do(desk, first)
    got = desk.post("/page/do", token=second, seen=fingerprint)
    assert (got.status, only_line(got)) == (409, "The record is fixed now: there is nothing to approve.")
    assert desk.steps() == ["asking", "fixing", "fixed"]


def test_what_has_changed_since_it_was_shown_is_shown_again_and_not_done(desk: Desk) -> None:
    token = desk.token()
    old = seen(desk.post("/page/show", token=token))
    record = desk.now()
    ledger = desk.application.ledger
    ledger.move(
        record, Status.ASKING, by="snapback", note="the resource changed since Snapback asked", reason="another"
    )
    got = desk.post("/page/do", token=token, seen=old)
    assert (got.status, only_line(got)) == (
        400,
        "The resource changed since the page showed it: read the new state below, then decide.",
    )
    assert not desk.handed
    assert seen(got) != old
    assert do(desk, token).status == 200, "the link was not used up by that"


def test_an_undo_shows_the_way_back_and_goes_it(desk: Desk) -> None:
    do(desk, desk.token())
    token = desk.token("undo")
    assert re.search(r"<ins>\+ .*AllUsers", desk.post("/page/show", token=token).text)
    assert do(desk, token).status == 200
    assert desk.now().status is Status.UNDONE


@pytest.mark.parametrize(
    ("fields", "until"),
    [
        ({"days": "1"}, "2026-11-24 10:00"),
        ({"days": "7"}, "2026-11-30 10:00"),
        ({"days": "30"}, "2026-12-23 10:00"),
        ({"days": "date", "date": "2027-01-31"}, "2027-01-31 23:59"),
    ],
)
def test_an_exemption_ends_as_chosen_with_a_reason(desk: Desk, fields: dict[str, str], until: str) -> None:
    assert do(desk, desk.token("exempt"), reason="a <public> website", **fields).status == 200
    last = desk.now().history[-1]
    assert (last.status, last.note) == ("expired", f"exempt until {until} UTC: a <public> website")


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({}, "Choose how long."),
        ({"days": "8"}, "Choose how long."),
        ({"days": "date"}, "Choose a date, such as 2027-01-31."),
        ({"days": "date", "date": "2026-11-22"}, "Choose a date in the future, within 366 days."),
        ({"days": "date", "date": "9999-12-31"}, "Choose a date in the future, within 366 days."),
        ({"days": "1", "date": "2027-01-31"}, "Choose to exempt it until a date, or leave the date empty."),
        ({"days": "1", "reason": "  "}, "Give a reason of 3 to 300 characters that somebody else will understand."),
        (
            {"days": "1", "reason": "x" * 301},
            "Give a reason of 3 to 300 characters that somebody else will understand.",
        ),
    ],
)
def test_an_exemption_that_lacks_something_says_what_and_keeps_what_was_typed(
    desk: Desk, fields: dict[str, str], line: str
) -> None:
    token = desk.token("exempt")
    got = do(desk, token, **({"reason": "a website"} | fields))
    assert (got.status, only_line(got)) == (400, line)
    assert fields.get("reason", "a website") in got.text
    assert not desk.handed
    assert do(desk, token, reason="a website", days="1").status == 200


def test_a_link_that_only_shows_can_do_nothing(desk: Desk) -> None:
    got = desk.post("/page/show", token=desk.token("show"))
    assert got.status == 200
    assert "<form" not in got.text
    assert only_line(desk.post("/page/do", token=desk.token("show"))) == "This link only shows the finding."
    assert not desk.handed


@pytest.mark.parametrize("approvers", [(), (Approver("*"),), (Approver("page:mail"),), (Approver("*@example.com"),)])
def test_a_channel_that_no_approver_names_decides_nothing_and_that_is_on_record(desk: Desk, approvers: Any) -> None:
    desk.application.settings = with_(desk, approvers=approvers)
    token = desk.token()
    got = desk.post("/page/show", token=token)
    assert "may not decide" in got.text
    assert "<form" not in got.text
    got = desk.post("/page/do", token=token)
    assert got.status == 403
    assert "Your attempt is on record" in only_line(got)
    assert desk.steps() == ["asking", "refused"]
    assert desk.now().history[-1].by == "page:teams from 127.0.0.1"
    assert desk.post("/page/do", token=token).status == 403
    assert desk.steps() == ["asking", "refused", "refused"]


def with_(desk: Desk, **changed: Any) -> Settings:
    import msgspec

    return msgspec.structs.replace(desk.application.settings, **changed)


@pytest.mark.parametrize("path", ["/page/show", "/page/do"])
def test_a_bad_link_gets_one_line_and_does_nothing(desk: Desk, path: str) -> None:
    good = desk.token()
    for text in ("", "x", good[:-9], "." + good, good + good, desk.token(key="x" * 32), "é.ü", "\0", "x" * 9000):
        got = desk.post(path, token=text)
        assert (got.status, only_line(got)) == (
            403,
            "This link isn&#x27;t valid. It may have been cut off: copy the whole link from the message.",
        )
    assert desk.post(path).status == 403
    assert desk.post(path, token=replaced_record(desk)).status == 404
    desk.world.clock += VALID
    assert "expired at 2026-11-24 10:00 UTC" in only_line(desk.post(path, token=good))
    assert not desk.handed


def replaced_record(desk: Desk) -> str:
    return replace(desk, record="0" * 16).token()


@pytest.mark.parametrize("path", ["/page/show", "/page/do"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content_type": "text/plain"}, 415),
        ({"content_type": "application/json"}, 415),
        ({"content_type": ""}, 415),
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"sec_fetch_site": "same-site"}, 403),
        ({"origin": "https://evil.example.com", "host": "api.example.com"}, 403),
        ({"origin": "https://api.example.com", "host": "api.example.com"}, 200),
        ({"origin": "null", "sec_fetch_site": "same-origin"}, 200),
    ],
)
def test_forms_come_from_the_page_itself(desk: Desk, path: str, headers: dict[str, str], status: int) -> None:
    body = f"token={desk.token()}&seen={desk.now().fingerprint}".encode()
    got = desk.api.ask("POST", path, body, **({"content_type": FORM} | headers))
    assert got.status == status
    assert len(desk.handed) == (status == 200 and path == "/page/do")


def test_a_huge_request_is_not_read(desk: Desk) -> None:
    got = desk.post("/page/do", token=desk.token(), reason="x" * page.LARGEST)
    assert (got.status, got.text) == (413, "a request may have at most 16384 bytes\n")


def test_fields_that_come_twice_or_by_the_hundred_are_none(desk: Desk) -> None:
    token = desk.token()
    for body in (f"token={token}&token={token}", "&".join(["a=1"] * 100), "%ff=%fe&token=\xff"):
        assert desk.api.ask("POST", "/page/do", body.encode("latin-1"), content_type=FORM).status in {400, 403}


@pytest.mark.parametrize("path", ["/page", "/page.js", "/page/show", "/page/do", "/slack", "/", "/act"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_no_other_method_does_anything(desk: Desk, method: str, path: str) -> None:
    token = desk.token()
    got = desk.api.ask(method, f"{path}?token={token}&seen={desk.now().fingerprint}", content_type=FORM)
    shells = method == "GET" and path in {"/page", "/page.js"}
    assert (got.status == 200) == (shells or got.headers == {"access-control-allow-methods": "OPTIONS"})
    assert desk.record not in got.text
    assert not desk.handed
    assert desk.steps() == ["asking"]


def test_every_answer_has_the_headers_that_hold_a_page_in(desk: Desk) -> None:
    answers = [desk.api.ask("GET", "/page"), desk.api.ask("GET", "/page.js"), desk.post("/page/show"), desk.slack({})]
    answers += [desk.post("/page/show", token=desk.token())]
    for got in answers:
        policy = dict(part.strip().partition(" ")[::2] for part in got.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
        assert policy.get("script-src", "'self'") == "'self'"
        assert "unsafe" not in str(policy)
        assert "http" not in str(policy)
        assert got.headers["referrer-policy"] == "no-referrer"
        assert got.headers["x-content-type-options"] == "nosniff"
        assert got.headers["cache-control"] == "no-store"
        assert got.headers["strict-transport-security"].startswith("max-age=")
        assert "access-control-allow-origin" not in got.headers


def test_without_a_key_there_is_no_page_and_a_short_key_is_said(desk: Desk) -> None:
    token = desk.token()
    desk.application.settings = with_(desk, clicks=Clicks())
    assert "page_key" in desk.post("/page/do", token=token).text
    for name in ("secretsmanager:snapback/none", "ssm:/snapback/slack-token"):
        desk.application.settings = with_(desk, clicks=Clicks(page_key=name))
        got = desk.post("/page/do", token=token)
        assert got.status == 503
        assert name in got.text
    assert not desk.handed


HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&lt;\u202e\x1b[31m</pre></title><!--"


def test_hostile_text_is_shown_and_nothing_else(desk: Desk) -> None:
    record = desk.now()
    actor = replace(record.actor, principal=HOSTILE, session=HOSTILE, user_agent=HOSTILE)
    move: Any = desk.application.ledger.move
    move(
        record,
        Status.ASKING,
        by=HOSTILE,
        note=HOSTILE,
        reason=HOSTILE,
        title=HOSTILE,
        arn=record.arn,
        actor=actor,
        before={HOSTILE: HOSTILE},
        after={},
        fix=HOSTILE,
        event_name=HOSTILE,
    )
    desk.application.settings = with_(desk, approvers=(Approver("page:*"),))
    for action in ("approve", "exempt", "show"):
        token = desk.token(action, channel=HOSTILE)
        got = desk.post("/page/show", token=token)
        answers = [got] if action == "show" else [got, do(desk, token, days="1", reason=HOSTILE, date=HOSTILE)]
        for each in answers:
            ours = r'<script src="../page.js"></script>|<a href="https://[\w-]+\.console\.aws\.amazon\.com/[^"<>]*" rel="noreferrer">[^<]*</a>'
            text = re.sub(ours, "", each.text)
            assert not re.search(r"<(script|img|!--)|\x1b|\u202e", text)
            assert set(re.findall(r"</?([a-z]+\d?)", text)) <= {
                "html",
                "head",
                "meta",
                "title",
                "style",
                "body",
                "main",
                "h1",
                "h2",
                "p",
                "strong",
                "dl",
                "dt",
                "dd",
                "pre",
                "del",
                "ins",
                "span",
                "ol",
                "li",
                "form",
                "input",
                "button",
                "fieldset",
                "legend",
                "label",
                "textarea",
            }
            assert "&lt;script&gt;" in each.text or each.status == 200


def test_what_was_started_is_asked_about_again_until_it_is_done_but_not_for_ever(desk: Desk) -> None:
    token = desk.token()
    for steps, tries, waits in (
        ("1", "0", True),
        ("1", "19", True),
        ("1", "20", False),
        ("0", "0", False),
        ("1", "x", False),
    ):
        got = desk.post("/page/show", token=token, steps=steps, tries=tries)
        assert ('id="again"' in got.text) is waits, (steps, tries)
    assert 'name="tries" value="20"' in desk.post("/page/show", token=token, steps="1", tries="19").text
    do(desk, token)
    got = desk.post("/page/show", token=token, steps="1", tries="0")
    assert 'id="again"' not in got.text
    assert "<dd>fixed</dd>" in got.text


def test_a_link_that_is_bad_expired_or_used_says_what_to_do(desk: Desk) -> None:
    token = desk.token()
    do(desk, token)
    for bad in ("x", token):
        assert "Open a later message about the record" in desk.post("/page/show", token=bad).text
    assert "Open a later message about the record" in desk.post("/page/do", token=token).text


def test_nothing_of_a_token_or_of_what_people_wrote_is_logged(desk: Desk) -> None:
    out = io.StringIO()
    desk.application.logger = Logger(service="clicks", level="DEBUG", stream=out, json_serializer=_in_ascii)
    token = desk.token("exempt")
    do(desk, token, days="1", reason="hunter2")
    desk.post("/page/do", token=token, reason="hunter2")
    logged = out.getvalue()
    assert token[:20] not in logged
    assert "hunter2" not in logged
    assert '"path":"/page/do"' in logged
    assert '"source":"127.0.0.1"' in logged


def test_act_is_called_by_its_name_and_not_waited_for(desk: Desk) -> None:
    from chalicelib.clicks.api import Act

    class Client:
        def invoke(self, **asked: Any) -> None:
            assert asked == {"FunctionName": "act", "InvocationType": "Event", "Payload": b'{"action": "undo"}'}

    Act(Client(), "act")({"action": "undo"})
