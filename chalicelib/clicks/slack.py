"""Slack's requests: clicks on buttons, and the modals that they open.

https://docs.slack.dev/interactivity/handling-user-interaction/ and https://docs.slack.dev/authentication/verifying-requests-from-slack/.
A button's `action_id` is one of ACTIONS or details, and its `value` the id of a record; after a `#` may come the
fingerprint of what it asks about, so that a click means what its message showed.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from slack_sdk.signature import Clock, SignatureVerifier

from chalicelib.analysis.diff import changes
from chalicelib.analysis.secrets import redact
from chalicelib.analysis.text import counted, cut, plain
from chalicelib.aws.action_tokens import ActionToken, Use
from chalicelib.aws.secrets import values
from chalicelib.clicks.approvers import OUTSIDER, Person
from chalicelib.clicks.http import DAYS, LONGEST_REASON, Answer, form, reason, secret, until
from chalicelib.core.errors import RequestRejected
from chalicelib.core.event import dig, text
from chalicelib.core.record import ID
from chalicelib.core.settings import SlackAppSettings
from chalicelib.core.types import ACTIONS
from chalicelib.engine.decide import SHORTEST_REASON
from chalicelib.notify.blocks import SECTION, code, escape, header, listing, section
from chalicelib.notify.channels.slack import SILENT
from chalicelib.notify.message import difference_title, message_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from slack_sdk import WebClient

    from chalicelib.clicks.http import ClicksApp, Request
    from chalicelib.core.record import Record
    from chalicelib.notify.message import Message

LARGEST = 512 * 1024
"""Bytes of a request: it holds the whole message that was clicked on."""
REPLIES = "hooks.slack.com"
"""The host that a reply to a click goes to."""
TIMEOUT = 2
"""Seconds that Slack may take, of the three that it gives us."""
BELIEVED = timedelta(minutes=5)
"""How far a request's time may be from ours."""
_ANEW = timedelta(minutes=1)
"""How often a secret is read anew at most because a signature doesn't fit it."""
_RECORD = re.compile(rf"({ID})(?:#([0-9a-f]{{1,64}}))?")
_MODAL = "snapback-exempt"
_LINES = 40
"""Lines of differences, and steps, that a modal shows at most."""
_read_anew: dict[str, datetime] = {}
_homes: dict[str | None, frozenset[str]] = {}
"""By an app's token, what it is installed in: asked once a container."""


def answer(app: ClicksApp, request: Request) -> Answer:
    """Raises RequestRejected. The answer to Slack is nearly always empty: `act` replies with what became of a click."""
    fields = form(request, LARGEST)
    if fields.get("ssl_check") == "1":  # Slack's own question whether anybody is there; it need not be signed.
        return Answer(why="ssl_check")
    _verify(app, request)
    try:
        payload = json.loads(fields.get("payload", ""))
    except (ValueError, RecursionError) as error:
        raise RequestRejected(400, "the request has no payload") from error
    if text(payload, "type") == "url_verification":
        return _json({"challenge": text(payload, "challenge") or ""})
    signature = request.headers["x-slack-signature"]
    if text(payload, "type") == "block_actions":
        (action, *_) = dig(payload, "actions") or (None,)  # One click is one action.
        _clicked(app, payload, text(action, "action_id") or "", text(action, "value") or "", signature)
    elif text(payload, "type") == "view_submission" and text(payload, "view", "callback_id") == _MODAL:
        return _exempted(app, payload, signature)
    return Answer()


def reply(url: str, said: str) -> None:
    """Tell whoever clicked, and nobody else. Raises ValueError if the address isn't Slack's, and OSError."""
    from slack_sdk.webhook import WebhookClient

    parts = urlsplit(url)
    if (parts.scheme, parts.netloc) != ("https", REPLIES):
        raise ValueError("the address to reply to isn't Slack's")
    client = WebhookClient(url, timeout=TIMEOUT, retry_handlers=[], logger=SILENT)
    words = cut(plain(said), SECTION)
    client.send(
        text=escape(words, SECTION),
        blocks=[{"type": "section", "text": {"type": "plain_text", "text": words, "emoji": False}}],
        response_type="ephemeral",
        replace_original=False,
    )


def _verify(app: ClicksApp, request: Request) -> None:
    """Raises RequestRejected unless Slack signed the request, within five minutes. A secret that was rotated is read anew."""
    name = app.settings.clicks.slack_signing_secret
    if not name:
        raise RequestRejected(403, "clicks from Slack are off: set slack_signing_secret under `clicks` in the settings")
    clock = _Clock(app.now())
    refusal = RequestRejected(401, "Slack didn't sign this request, or not within the last five minutes")
    at, signature = (request.headers.get(f"x-slack-{each}", "") for each in ("request-timestamp", "signature"))
    if not re.fullmatch("[0-9]{1,12}", at) or not re.fullmatch("v0=[0-9a-f]{64}", signature):
        raise refusal
    if abs(clock.now() - int(at)) > BELIEVED.total_seconds():
        raise refusal
    if _signed(secret(name), clock, request):
        return
    last = _read_anew.get(name)
    if last is None or not last <= app.now() < last + _ANEW:
        _read_anew[name] = app.now()
        if _signed(secret(name, anew=True), clock, request):
            return
    raise refusal


def _signed(held: str, clock: Clock, request: Request) -> bool:
    """By any of the secrets that are held."""
    try:
        verifiers = [SignatureVerifier(key, clock) for key in values(held)]
        return any(each.is_valid_request(request.body, dict(request.headers)) for each in verifiers)
    except ValueError:  # An empty secret, or a body that is no text.
        return False


class _Clock(Clock):
    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> float:
        return self._now.timestamp()


def _clicked(app: ClicksApp, payload: Any, action: str, value: str, signature: str) -> None:
    found = _RECORD.fullmatch(value)
    if found is None or action not in {*ACTIONS, "details"}:
        return  # A link's button, or one of another version's.
    record, seen = found[1], found[2] or ""
    reply_to = {"slack": text(payload, "response_url") or ""}
    try:
        if action in {"exempt", "details"}:
            _open(app, payload, _exemption(record, seen, payload) if action == "exempt" else _details(app, record))
        else:
            _hand_over(app, signature, action, record, seen, _person(app, payload), reply=reply_to)
    except RequestRejected as wrong:
        app.logger.warning("a click could not be processed", extra={"record": record, "why": str(wrong)})
        with suppress(ValueError, OSError):
            reply(reply_to["slack"], str(wrong))


def _hand_over(
    app: ClicksApp, signature: str, action: str, record: str, seen: str, person: Person, **more: Any
) -> None:
    """Once a request: its signature is an action token."""
    expires = int((app.now() + 3 * BELIEVED).timestamp())
    use = Use.of(ActionToken(record, action, "slack", expires, signature))
    asked = {"action": action, "record": record, "seen": seen, "person": asdict(person), "use": asdict(use)}
    app.ask_act({**asked, **more})


def _person(app: ClicksApp, payload: Any) -> Person:
    """Who clicked. Of another workspace, in a shared channel, nothing is believed but the id. Raises RequestRejected.

    In an Enterprise organization `user.team_id` is the organization's (`E…`), and a shared channel's click may come from
    the other workspace, so both are compared with what the app itself is installed in:
    https://docs.slack.dev/reference/interaction-payloads/block_actions-payload/.
    """
    user, team = (text(payload, each, "id") or "" for each in ("user", "team"))
    channel = text(payload, "channel", "id") or text(_kept(payload), "channel") or ""
    where = f"Slack {team}/{channel}"
    theirs = text(payload, "user", "team_id") or team
    if not team or theirs not in _installed_in(app, channel):
        return Person(f"{OUTSIDER}{theirs}/{user}", where=where)
    name = text(payload, "user", "username") or text(payload, "user", "name") or ""
    return Person(f"slack:{user}", cut(plain(name), 80), _email(app, user, channel), where)


def _installed_in(app: ClicksApp, channel: str) -> frozenset[str]:
    """The workspace of our app, and its Enterprise organization, if it is of one. Raises RequestRejected.

    https://docs.slack.dev/reference/methods/auth.test/
    """
    client = _client(app, channel)
    if client.token not in _homes:
        try:
            found = client.auth_test().data
        except Exception as error:
            why = f"Slack didn't say which workspace its app belongs to ({_code(error)}); click again"
            raise RequestRejected(502, why) from error
        _homes[client.token] = frozenset(filter(None, (text(found, "team_id"), text(found, "enterprise_id"))))
    return _homes[client.token]


def _email(app: ClicksApp, user: str, channel: str) -> str:
    """Only where it decides anything; nothing when Slack doesn't tell."""
    settings = app.settings
    if not settings.four_eyes and not any("@" in each.who for each in settings.approvers):
        return ""
    try:
        found = _client(app, channel).users_info(user=user).data
    except Exception as error:  # noqa: BLE001 - without an address, `refusal` decides, and says what is lacking
        app.logger.warning("Slack gives no e-mail address", extra={"why": _code(error)})
        return ""
    return text(found, "user", "profile", "email") or ""


def _client(app: ClicksApp, channel: str) -> WebClient:
    """By the app of this Slack channel, or else the first. Raises RequestRejected."""
    from slack_sdk import WebClient

    apps = [each for each in app.settings.channels if isinstance(each, SlackAppSettings)]
    apps.sort(key=lambda app: app.conversation != channel)
    if not apps:
        raise RequestRejected(409, "this button needs the Slack app: add a channel of type slack_app to the settings")
    return WebClient(secret(apps[0].token), timeout=TIMEOUT, retry_handlers=[], logger=SILENT)


def _open(app: ClicksApp, payload: Any, view: dict[str, Any]) -> None:
    """Open a modal. Raises RequestRejected."""
    client = _client(app, text(payload, "channel", "id") or "")
    try:
        client.views_open(trigger_id=text(payload, "trigger_id") or "", view=view)
    except Exception as error:
        raise RequestRejected(502, f"Slack didn't open the dialog ({_code(error)}); click again") from error


def _code(error: Exception) -> str:
    """Slack's word for it, or the kind of error: never its text, which may hold a token."""
    answered = dig(getattr(getattr(error, "response", None), "data", None), "error")
    return str(answered or type(error).__name__)[:60]


def _kept(payload: Any) -> Any:
    """What we gave the modal to keep."""
    try:
        return json.loads(text(payload, "view", "private_metadata") or "")
    except (ValueError, RecursionError):
        return None


def _exemption(record: str, seen: str, payload: Any) -> dict[str, Any]:
    kept = {
        "record": record,
        "seen": seen,
        "channel": text(payload, "channel", "id") or "",
        "reply": text(payload, "response_url") or "",
    }
    words = {str(days): counted(days, "day") for days in DAYS} | {"date": "until a date"}
    options = [{"text": _plain(word), "value": value} for value, word in words.items()]
    return {
        "type": "modal",
        "callback_id": _MODAL,
        "private_metadata": json.dumps(kept),
        "title": _plain("Exempt"),
        "submit": _plain("Exempt"),
        "close": _plain("Cancel"),
        "blocks": [
            section(f"Snapback ignores the finding of record `{record}`, and closes its question."),
            _input("days", "How long", {"type": "radio_buttons", "options": options, "initial_option": options[1]}),
            _input("date", "Until the end of (UTC)", {"type": "datepicker"}, optional=True),
            _input(
                "reason",
                "Why",
                {
                    "type": "plain_text_input",
                    "min_length": SHORTEST_REASON,
                    "max_length": LONGEST_REASON,
                    "placeholder": _plain("A reason that somebody else will understand in a month"),
                },
            ),
        ],
    }


def _exempted(app: ClicksApp, payload: Any, signature: str) -> Answer:
    kept, values = _kept(payload), dig(payload, "view", "state", "values")
    found = _RECORD.fullmatch(f"{text(kept, 'record') or ''}")
    if found is None:
        raise RequestRejected(400, "the dialog names no record")
    wrong: dict[str, str] = {}
    choice = text(values, "days", "days", "selected_option", "value") or ""
    day = text(values, "date", "date", "selected_date") or ""
    try:
        end = until(choice, day, app.now())
    except ValueError as error:
        wrong["date" if day or choice == "date" else "days"] = str(error)
    try:
        why = reason(text(values, "reason", "reason", "value") or "")
    except ValueError as error:
        wrong["reason"] = str(error)
    if wrong:
        return _json({"response_action": "errors", "errors": wrong})
    _hand_over(
        app,
        signature,
        "exempt",
        found[1],
        text(kept, "seen") or "",
        _person(app, payload),
        until=end.isoformat(),
        reason=why,
        reply={"slack": text(kept, "reply") or ""},
    )
    return Answer()


def _details(app: ClicksApp, id: str) -> dict[str, Any]:
    """Raises RequestRejected."""
    record = app.ledger.get(id)
    if record is None:
        raise RequestRejected(404, f"record {id} no longer exists; Snapback keeps records for 400 days")
    message = message_of(record, app.settings)
    return {
        "type": "modal",
        "title": _plain("Details"),
        "close": _plain("Close"),
        "blocks": [
            header(message.headline),
            *map(section, _paragraphs(record, message)),
        ],
    }


def _paragraphs(record: Record, message: Message) -> Iterable[str]:
    yield f"Record {code(record.id, 40)} · guardrail {code(record.guardrail, 140)}\n{code(message.resource, 2000)}"
    yield escape(message.reason, SECTION) or "-"
    if record.before is not None and record.after is not None:
        lines = changes(record.before, record.after, most=_LINES)
        yield f"*{difference_title(record)}*"
        yield listing(lines or ["no change"])
    yield "*Calls made*"
    yield listing(record.calls or ["none"])
    steps = [
        f"{step.at[:19].replace('T', ' ')} {step.status} by {step.by}{step.note and f': {step.note}'}"
        for step in record.history[-_LINES:]
    ]
    yield "*History (UTC)*"
    yield listing(cut(plain(redact(each)), 300) for each in steps)


def _json(value: Any) -> Answer:
    return Answer(200, json.dumps(value), "application/json")


def _plain(words: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": words, "emoji": False}


def _input(id: str, label: str, element: dict[str, Any], *, optional: bool = False) -> dict[str, Any]:
    element = {**element, "action_id": id}
    return {"type": "input", "block_id": id, "label": _plain(label), "element": element, "optional": optional}
