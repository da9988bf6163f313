"""The action page, for channels that can't call back.

`GET /page` is a shell without any data. Its script takes the action token out of the link's fragment, and posts it to
`/page/show`, which shows what would be done; the button there posts to `/page/do`. A GET never does anything, so that
whatever fetches links to preview them does nothing either.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import asdict
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from chalicelib.analysis.diff import changes
from chalicelib.analysis.effect import effect
from chalicelib.analysis.secrets import redact
from chalicelib.analysis.text import counted, cut, plain
from chalicelib.aws.action_tokens import ActionTokens, Use, used
from chalicelib.clicks.approvers import PAGE, Person, refusal
from chalicelib.clicks.http import DAYS, LONGEST_REASON, Answer, form, reason, secret, seen_of, until
from chalicelib.core.errors import BadActionToken, RequestRejected
from chalicelib.core.types import ACTIONS, Status
from chalicelib.engine.decide import SHORTEST_REASON
from chalicelib.notify.message import DONE, difference_title, message_of, shown_undo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.aws.action_tokens import ActionToken
    from chalicelib.clicks.http import ClicksApp, Request
    from chalicelib.core.record import Record
    from chalicelib.notify.message import Message

LARGEST = 16 * 1024
"""Bytes of a request."""
_LINES = 60
"""Lines of differences, and steps, that are shown at most."""
_VERBS = {
    "approve": "Approve the fix",
    "fix": "Fix",
    "retry": "Try the fix again",
    "undo": "Undo the fix",
    "undo-anyway": "Undo the fix and keep what others changed",
    "exempt": "Exempt",
    "show": "Finding",
}
_WAITS = 20
"""How often the page asks by itself whether what was started is done, two seconds apart."""
_NEXT = "Open a later message about the record: it has new links. Or run the command line: snapback show, snapback approve, snapback undo."
_CHANGES = frozenset({"approve", "fix", "retry"})
"""What writes the fix."""

STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1f; --paper: #fff; --soft: #55555e; --line: #8a8a94; --act: #0b5394;
  --on: #fff; --gone: #8f1d1d; --come: #0b5a27; --shade: #f3f3f6; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececf1; --paper: #16161a; --soft: #b5b5c0; --line: #81818c;
  --act: #8ec5ff; --on: #10131a; --gone: #ff9e9e; --come: #86e0a3; --shade: #212127; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 100%/1.5 system-ui, sans-serif; }
main { max-width: 46rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; } h2 { font-size: 1.1rem; margin-top: 2rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; }
@media (max-width: 34rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: .5rem; } }
code, pre { font: .9rem/1.5 ui-monospace, monospace; }
pre { background: var(--shade); padding: .75rem; margin: 0; white-space: pre-wrap; }
del, ins { text-decoration: none; display: block; } del { color: var(--gone); } ins { color: var(--come); }
.note { color: var(--soft); } .wrong { border-left: .3rem solid var(--gone); padding-left: .75rem; }
fieldset { border: 1px solid var(--line); border-radius: .4rem; margin: 1rem 0; }
label { display: block; padding: .25rem 0; }
input[type=date], textarea { font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line);
  border-radius: .3rem; padding: .4rem; max-width: 100%; } textarea { width: 100%; min-height: 5rem; }
button { font: inherit; font-weight: 600; color: var(--on); background: var(--act); border: 2px solid transparent;
  border-radius: .4rem; padding: .6rem 1.2rem; margin-top: 1rem; cursor: pointer; }
button.undo { color: var(--gone); background: transparent; border-color: var(--gone); } a { color: var(--act); }
:focus-visible { outline: 3px solid var(--act); outline-offset: 3px; }
"""

SCRIPT = """"use strict";
// Takes the action token out of the address, so that neither history nor a screenshot holds it, and asks what it is for.
// On the page of what was started, asks again until it is done.
(() => {
  const again = document.getElementById("again");
  if (again) { setTimeout(() => again.submit(), 2000); return; }
  const open = () => {
    const token = location.hash.slice(1);
    history.replaceState(null, "", location.pathname);
    document.getElementById("none").hidden = Boolean(token);
    document.getElementById("wait").hidden = !token;
    if (!token) return;
    const form = document.getElementById("open");
    form.elements.token.value = token;
    form.submit();
  };
  addEventListener("hashchange", () => location.hash && open());
  open();
})();
"""

_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; script-src 'self'; style-src 'sha256-{_HASH}'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; require-trusted-types-for 'script'"
)
_HEADERS = {"Content-Security-Policy": _POLICY}

_SHELL = """<h1>Snapback</h1>
<form id="open" method="post" action="page/show"><input type="hidden" name="token" autocomplete="off"></form>
<p id="wait" role="status">One moment: Snapback is looking up this link.</p>
<p id="none" role="alert" hidden>This page needs the whole link that Snapback sent. Open the link again from the message.</p>
<noscript><p>This page needs JavaScript, to keep the link's secret out of URLs. Without JavaScript, run <code>snapback show</code>,
then <code>snapback approve</code>, on the command line.</p></noscript>
<script src="page.js"></script>"""


class _Stop(Exception):
    """One line for who clicked."""

    def __init__(self, status: int, line: str) -> None:
        super().__init__(line)
        self.status = status


def answer(app: ClicksApp, request: Request) -> Answer:
    """Raises RequestRejected."""
    asked = f"{request.method} {request.path}"
    if asked == "GET /page":
        return _page("Snapback", _SHELL)
    if asked == "GET /page.js":
        return Answer(200, SCRIPT, "text/javascript")
    if asked not in {"POST /page/show", "POST /page/do"}:
        raise RequestRejected(405, "this address doesn't accept this kind of request")
    _same_site(request)
    fields = form(request, LARGEST)
    try:
        token = _action_tokens(app).read(fields.get("token", ""), app.now())
        record = _record(app, token.record)
        if request.path == "/page/show" and _is_under_way(record, fields):
            return _started(
                fields,
                f"Snapback is doing this now. The record is {record.status.replace('_', ' ')}.",
                _tries(fields) + 1,
            )
        return (_do if request.path == "/page/do" else _show)(app, request, token, record, fields)
    except BadActionToken as bad:
        return _stopped(403, str(bad))
    except _Stop as stop:
        return _stopped(stop.status, str(stop))


def _record(app: ClicksApp, id: str) -> Record:
    """Raises _Stop."""
    record = app.ledger.get(id)
    if record is None:
        raise _Stop(404, f"record {id} no longer exists; Snapback keeps records for 400 days")
    return record


def _action_tokens(app: ClicksApp) -> ActionTokens:
    """Raises RequestRejected."""
    name = app.settings.clicks.page_key
    if not name:
        raise RequestRejected(403, "there is no action page: set page_key under `clicks` in the settings")
    try:
        return ActionTokens.of(secret(name))
    except ValueError as error:
        raise RequestRejected(503, f"the secret {name} isn't a valid key: {error}") from error


def _same_site(request: Request) -> None:
    """An action token is what lets in; this only keeps other sites' forms from using one. Raises RequestRejected.

    Without a referrer, browsers send the origin of a form as `null`: https://fetch.spec.whatwg.org/#origin-header.
    """
    headers = request.headers
    ours = headers.get("sec-fetch-site", "same-origin") == "same-origin"
    origin = headers.get("origin", "null")
    if not ours or (origin != "null" and urlsplit(origin).netloc != headers.get("host")):
        raise RequestRejected(403, "this request comes from another site")


def _person(request: Request, token: ActionToken) -> Person:
    return Person(f"{PAGE}{token.channel}", where=request.source)


def _why_not(app: ClicksApp, request: Request, token: ActionToken, record: Record) -> str | None:
    """Why what the action token is for can't be done with the record as it is, if that is so."""
    undoable = record.status.traits.undoable and record.reversible and record.before is not None
    open_now = {
        "approve": record.status is Status.ASKING,
        "fix": record.demand == "fix",
        "retry": record.demand == "retry",
        "undo": undoable,
        "undo-anyway": undoable and bool(record.offered),
        "exempt": record.status.traits.exemptable,
    }
    if not open_now.get(token.action):
        return f"the record is {record.status.replace('_', ' ')} now: there is nothing to {token.action}"
    why = refusal(_person(request, token), record, app.settings)
    return why and f"sorry, {why}"


def _show(
    app: ClicksApp, request: Request, token: ActionToken, record: Record, fields: Mapping[str, str], wrong: str = ""
) -> Answer:
    why_not, button = None, ""
    if token.action in ACTIONS:
        was_used = used(app.dynamodb, app.table, token, len(record.life))
        why_not = "this link was already used; a link works once" if was_used else None
        why_not = why_not or _why_not(app, request, token, record)
        if why_not:
            button = f'<p role="status" class="wrong">{_text(_sentence(why_not))}</p>\n<p>{_text(_NEXT)}</p>'
        else:
            button = _form(request, token, record, fields)
    does = token.action in ACTIONS and not why_not
    message = message_of(record, app.settings)
    facts = {
        **message.facts,
        "When": message.when,
        "Why it matters": message.card.why,
        "Record": record.id,
        "Is now": record.status.replace("_", " "),
    }
    pages = (f'<a href="{_text(url)}" rel="noreferrer">{_text(name)}</a>' for name, url in message.pages.items())
    undo = token.action == "undo" and record.status.traits.undoable
    before, after = (record.after, record.before) if undo else (record.before, record.after)
    lines = [] if before is None or after is None else changes(before, after, most=_LINES)
    if token.action == "undo-anyway":
        lines = shown_undo(record)[1]
    steps = (
        f"{step.at[:19].replace('T', ' ')} UTC: {step.status}, by {step.by}{step.note and f' ({step.note})'}"
        for step in record.history[-_LINES:]
    )
    alert = f'<p role="alert" class="wrong">{_text(_sentence(wrong))}</p>' if wrong else ""
    verb = _VERBS.get(token.action, "Snapback")
    writes = token.action.startswith("undo") or (does and token.action in _CHANGES)
    body = f"""<h1>{_text(f"{verb}?" if does else verb)}</h1>
{alert}<p><strong>{_text(f"{message.symbol} {message.headline}")}</strong></p>
<p>{_text(_plan(token.action if does else "", record, message))}</p>
{button}
<h2>{_text(DONE if writes else difference_title(record))}</h2>
<pre>{"".join(map(_line, lines)) or "No change."}</pre>
<h2>What was found</h2>
<p>{_text(f"{message.severity.upper()}: {message.reason}")}</p>
<dl>{"".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in facts.items() if value)}</dl>
<p>{" · ".join(pages)}</p>
<h2>History</h2>
<ol>{"".join(f"<li>{_text(cut(redact(step), 400))}</li>" for step in steps)}</ol>"""
    return _page(verb, body, 400 if wrong else 200)


def _plan(action: str, record: Record, message: Message) -> str:
    found = effect(record.before, record.after, past=message.changed and action not in _CHANGES)
    fix = record.fix.rstrip(".") or "There is no fix"
    does = f"The fix {found}." if found else f"{fix}."
    if action == "undo":
        return "Snapback restores the unsafe state from before the fix, and exempts the resource for some days."
    if action == "undo-anyway":
        return f"{shown_undo(record)[0]} If the resource changes again first, nothing happens, and Snapback shows you the new state."
    if action == "exempt":
        return "Nothing in AWS changes. Snapback ignores this finding for the time you choose, and closes its question."
    if action in _CHANGES:
        return f"{does} Snapback checks the resource again first. If the resource has changed, nothing happens, and Snapback asks again."
    return does


def _form(request: Request, token: ActionToken, record: Record, fields: Mapping[str, str]) -> str:
    verb = _VERBS[token.action]
    return f"""<form method="post" action="do">
<input type="hidden" name="token" value="{_text(fields["token"])}" autocomplete="off">
<input type="hidden" name="seen" value="{seen_of(record, token.action)}">
{_exemption(fields) if token.action == "exempt" else ""}<p class="note">Snapback sent this link to the channel
<strong>{_text(token.channel)}</strong>. It can't see who you are, or whether this is your own change. If it is, let
somebody else decide. The record will name <strong>{_text(str(_person(request, token)))}</strong>.</p>
<button type="submit"{' class="undo"' if token.action.startswith("undo") else ""}>{_text(verb)}</button>
</form>"""


def _exemption(fields: Mapping[str, str]) -> str:
    chosen = fields.get("days", "7")
    words = {str(days): counted(days, "day") for days in DAYS} | {"date": "until the end of this day (UTC):"}
    choices = "".join(
        f'<label><input type="radio" name="days" value="{value}"{" checked" if value == chosen else ""}> {word}</label>'
        for value, word in words.items()
    )
    return f"""<fieldset><legend>How long</legend>{choices}
<label for="date">Day</label><input type="date" id="date" name="date" value="{_text(fields.get("date", ""))}">
</fieldset>
<label for="reason">Reason, in words that somebody else will understand</label>
<textarea id="reason" name="reason" required minlength="{SHORTEST_REASON}" maxlength="{LONGEST_REASON}">{_text(fields.get("reason", ""))}</textarea>
"""


def _do(app: ClicksApp, request: Request, token: ActionToken, record: Record, fields: Mapping[str, str]) -> Answer:
    """Raises BadActionToken and _Stop. A refusal is handed to `act` too, which puts it on record."""
    if token.action not in ACTIONS:
        raise _Stop(403, "this link only shows the finding")
    if used(app.dynamodb, app.table, token, len(record.life)):
        raise BadActionToken("this link was already used; a link works once")
    person = _person(request, token)
    refused = refusal(person, record, app.settings)
    more: dict[str, str] = {}
    if not refused:
        if why_not := _why_not(app, request, token, record):
            raise _Stop(409, why_not)
        if fields.get("seen") != seen_of(record, token.action):
            return _show(
                app,
                request,
                token,
                record,
                fields,
                "the resource changed since the page showed it: read the new state below, then decide",
            )
        if token.action == "exempt":
            try:
                end = until(fields.get("days", ""), fields.get("date", ""), app.now())
                more = {"until": end.isoformat(), "reason": reason(fields.get("reason", ""))}
            except ValueError as error:
                return _show(app, request, token, record, fields, str(error))
    seen = seen_of(record, token.action)
    asked = {"action": token.action, "record": record.id, "seen": seen, "person": asdict(person)}
    app.ask_act({**asked, **more, "use": asdict(Use.of(token))})
    if refused:
        raise _Stop(403, f"sorry, {refused}. Your attempt is on record")
    said = f"Snapback is doing this now, as {person}. The result appears in the channel, and on this page."
    return _started({**fields, "steps": str(len(record.life))}, said, 0)


def _is_under_way(record: Record, fields: Mapping[str, str]) -> bool:
    """Whether what the page started isn't done yet, and the page asks again by itself."""
    if "steps" not in fields or not 0 <= _tries(fields) < _WAITS:
        return False
    return record.status.traits.under_way or fields["steps"] == str(len(record.life))


def _tries(fields: Mapping[str, str]) -> int:
    given = fields.get("tries", "")
    return int(given) if given.isdecimal() and len(given) < 4 else _WAITS  # noqa: PLR2004


def _started(fields: Mapping[str, str], said: str, tries: int) -> Answer:
    return _page(
        "Started",
        f"""<h1>Started</h1>
<p role="status">{_text(said)}</p>
<form id="again" method="post" action="show">
<input type="hidden" name="token" value="{_text(fields["token"])}" autocomplete="off">
<input type="hidden" name="steps" value="{_text(fields["steps"])}">
<input type="hidden" name="tries" value="{tries}">
<button type="submit">Show the result</button>
</form>
<script src="../page.js"></script>""",
    )


def _stopped(status: int, line: str) -> Answer:
    body = f'<h1>Snapback</h1>\n<p role="alert" class="wrong">{_text(_sentence(line))}</p>\n<p>{_text(_NEXT)}</p>'
    return _page("Snapback", body, status, line)


def _page(title: str, body: str, status: int = 200, why: str = "") -> Answer:
    whole = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_text(title)} · Snapback</title>
<style>{STYLE}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""
    return Answer(status, whole, "text/html", _HEADERS, why)


def _line(line: str) -> str:
    kind = {"- ": "del", "+ ": "ins"}.get(line[:2], "span")
    return f"<{kind}>{_text(line)}</{kind}>"


def _sentence(line: str) -> str:
    return f"{line[:1].upper()}{line[1:]}."


def _text(text: str) -> str:
    """Any text, as HTML that shows it and nothing else."""
    return escape(plain(text), quote=True)
