"""Slack, by an app: a message a record, which moves on with it, with buttons, and each step in its thread.

https://docs.slack.dev/reference/methods/chat.postMessage/ and chat.update; docs/slack.md says how the app is made.
"""

from __future__ import annotations

from http.client import HTTPException
from typing import TYPE_CHECKING, Any

from chalicelib.analysis.text import cut, plain
from chalicelib.core.errors import ChannelBusy, Undeliverable
from chalicelib.core.types import ASIDE, SHOWN
from chalicelib.notify.blocks import SECTION, code, context, date, mrkdwn, prose, section
from chalicelib.notify.channels.base import TIMEOUT, judge, secret, with_secret
from chalicelib.notify.channels.slack import (
    SILENT,
    background,
    commands,
    difference,
    facts,
    guidance,
    notification,
    summary_body,
    summary_of_finding,
)
from chalicelib.notify.links import WORDS, choices
from chalicelib.notify.summary import Summary

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chalicelib.notify.blocks import Block
    from chalicelib.notify.channels.posts import Post, Posts
    from chalicelib.notify.message import Message

API = "https://slack.com/api/"
_RENEW = "the secret's token isn't valid; store the app's current Bot User OAuth Token (xoxb-…) in the secret"
_NOT_IN = "the app isn't in that conversation, or no conversation has this id; invite the app there: /invite @Snapback"
_ADVICE = {
    **dict.fromkeys(("invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive"), _RENEW),
    **dict.fromkeys(("channel_not_found", "not_in_channel"), _NOT_IN),
    "is_archived": "the conversation is archived; name another conversation in the settings",
    "restricted_action": "the workspace lets only some people post there; allow the app",
    "missing_scope": "the app lacks a scope; update it from docs/slack-manifest.yaml, and install it again",
}
_MAY_PASS = frozenset(
    ("ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout")
)
_NO_MESSAGE = frozenset(("message_not_found", "thread_not_found"))
_NO_EDIT = frozenset(("cant_update_message", "edit_window_closed", "update_failed"))
_SURE = {
    "approve": (
        "Approve the fix?",
        "Snapback checks the resource again, and fixes it only if it is still as shown here.",
    ),
    "fix": ("Fix it?", "Snapback checks the resource again, and fixes it only if it is still as shown here."),
    "retry": ("Try the fix again?", "Snapback checks the resource again, and does what is left of the fix."),
    "undo-anyway": (
        "Undo and keep their change?",
        "Snapback takes back its own change, as shown here, and keeps what others changed.",
    ),
    "undo": (
        "Undo the fix?",
        "Snapback restores the unsafe state from before the fix, and exempts the resource for some days.",
    ),
}


class SlackApp:
    """`token` names the secret with the bot's token, `conversation` is a channel's id.

    `advice` answers what to do instead, by a guardrail's id, for direct messages.
    """

    def __init__(
        self,
        name: str,
        token: str,
        conversation: str,
        posts: Posts,
        *,
        advice: Callable[[str], str] = lambda _: "",
        timeout: float = TIMEOUT,
        api: str = "",
    ) -> None:
        self.name, self._token, self._conversation, self._posts = name, token, conversation, posts
        self._advice, self._timeout, self._api = advice, timeout, api or API
        self._users: dict[str, str] = {}

    def send(self, message: Message) -> None:
        """A message once for each record, and once more in its thread for each step, however often it is sent."""
        with self._posts.hold(message.record, self.name) as post:
            try:
                self._update_post(message, post)
            except _NoMessage:  # Somebody has deleted it: it is sent anew, but for a step that is over.
                post.ts = ""
                if message.step >= post.step:
                    self._update_post(message, post)
                else:
                    self._call("chat.postMessage", {"channel": self._conversation, **_QUIET, **reply(message)})
                    post.sent_steps.add(message.step)

    def sum_up(self, summary: Summary) -> None:
        self._call("chat.postMessage", {"channel": self._conversation, **_QUIET, **summary_body(summary, button)})

    def send_direct(self, message: Message | Summary, email: str) -> None:
        """To the person with that e-mail address; to nobody, where the workspace knows no such person."""
        if email not in self._users:
            try:
                found = self._call("users.lookupByEmail", {"email": email}, as_form=True)
            except _NoUser:
                found = {"user": {"id": ""}}
            self._users[email] = str(found["user"]["id"])
        if user := self._users[email]:
            if isinstance(message, Summary):
                content = summary_body(message)
            else:
                content = direct_body(message, self._advice(message.guardrail))
            self._call("chat.postMessage", {"channel": user, **_QUIET, **content})

    def _update_post(self, message: Message, post: Post) -> None:
        conversation = {"channel": self._conversation}
        loud = message.news in ASIDE
        if not post.ts:
            post.ts = str(self._call("chat.postMessage", {**conversation, **_QUIET, **body(message)})["ts"])
            post.step, loud = max(message.step, post.step), False
            post.save()
        elif message.step > post.step and not loud:
            try:
                self._call("chat.update", {**conversation, "ts": post.ts, "parse": "none", **body(message)})
            except _NoEdit:
                loud = True
            post.step = message.step
        if message.step not in post.sent_steps:
            loud = loud and message.step >= post.step
            where = {**conversation, "thread_ts": post.ts, "reply_broadcast": loud}
            self._call("chat.postMessage", {**where, **_QUIET, **reply(message)})
            post.sent_steps.add(message.step)

    def _call(self, method: str, body: Mapping[str, Any], *, as_form: bool = False) -> Any:
        return with_secret(self.name, self._token, lambda token: self._once(token, method, body, as_form), _token)

    def _once(self, token: str, method: str, body: Mapping[str, Any], as_form: bool) -> Any:
        from slack_sdk import WebClient
        from slack_sdk.errors import SlackApiError, SlackClientError

        client = WebClient(
            token,
            base_url=self._api,
            timeout=self._timeout,  # type: ignore[arg-type]  # urllib takes fractions too
            retry_handlers=[],  # A retry of its own could tell a message twice.
            logger=SILENT,
        )
        try:
            return (
                client.api_call(method, params=dict(body)) if as_form else client.api_call(method, json=dict(body))
            ).data
        except SlackApiError as error:
            self._judge(method, error.response)
        except (SlackClientError, ValueError, OSError, HTTPException) as error:
            raise ChannelBusy(f"channel {self.name}: {type(error).__name__}") from None

    def _judge(self, method: str, answer: Any) -> None:
        said = str(answer.get("error", "")) if isinstance(answer.data, dict) else ""
        said = said if said.replace("_", "").isalnum() else ""  # Else it is a page, and none of Slack's words.
        judge(self.name, answer.status_code, answer.headers.get("Retry-After"), said)
        line = f"channel {self.name}: Slack answered {said or 'with a page'} to {method}"
        if not said or said in _MAY_PASS:
            after = str(answer.headers.get("Retry-After", ""))
            raise ChannelBusy(line, float(after) if after.isdecimal() else 0)
        if said == "users_not_found":
            raise _NoUser(line)
        if said in _NO_MESSAGE:
            raise _NoMessage(line)
        if said in _NO_EDIT:
            raise _NoEdit(line)
        needed = plain(str(answer.get("needed") or ""))[:80]
        advice = _ADVICE.get(said, "see docs/slack.md")
        raise Undeliverable(f"{line}{needed and f' ({needed})'}: {advice}", renew=advice == _RENEW)


class _NoUser(Undeliverable):
    """No such person in the workspace."""


class _NoMessage(Undeliverable):
    """The message is gone."""


class _NoEdit(Undeliverable):
    """The workspace doesn't let the message be edited."""


_QUIET: Block = {"unfurl_links": False, "unfurl_media": False}


def body(message: Message) -> Block:
    """The record's message as it is now, with buttons for what can be done; the difference is in the thread."""
    return {
        "text": notification(message),
        "blocks": [
            *summary_of_finding(message),
            {"type": "actions", "elements": [button(name, message) for name in choices(message)]},
            facts(message),
            *background(message),
            context(mrkdwn(f"Record {code(message.record, 40)}")),
        ],
    }


def reply(message: Message) -> Block:
    """One step, for the thread: what the record's message doesn't say."""
    done = section(f"{message.symbol} *{message.word}* · {date(message.at)}\n{prose(message.did, SECTION - 200)}")
    blocks = [done, *difference(message)]
    if message.news == SHOWN:  # The record's own message stays as it is: its buttons are about something else.
        blocks.append({"type": "actions", "elements": [button("undo-anyway", message)]})
    if message.news not in ASIDE:
        blocks += guidance(message)
    return {"text": notification(message), "blocks": [*blocks, *commands(message.commands)]}


def direct_body(message: Message, advice: str) -> Block:
    """For who made the change, or owns the resource: what happened, and what to do instead."""
    blocks = [
        *summary_of_finding(message),
        section("You get this message because you made this change, or own the resource."),
        facts(message),
    ]
    if advice:
        blocks.append(section(f"*What to do instead*\n{prose(advice, SECTION - 30)}"))
    blocks += [*background(message), *guidance(message)]
    blocks.append(context(mrkdwn(f"Record {code(message.record, 40)}; an approver can undo or exempt it")))
    return {"text": notification(message), "blocks": blocks}


def button(name: str, message: Message) -> Block:
    """As chalicelib/clicks/slack.py reads it: a click says which record, and what was seen of it."""
    text: Block = {"type": "plain_text", "text": WORDS[name]}
    value, action = f"{message.record}#{message.seen}".rstrip("#"), "details" if name == "show" else name
    made: Block = {"type": "button", "action_id": action, "value": value, "text": text}
    if name in _SURE:
        title, asked = _SURE[name]
        about = f"{cut(message.name, 60)} in {cut(message.shown_account, 60)}"
        style = "danger" if name.startswith("undo") else "primary"
        made["style"] = style
        made["confirm"] = {
            "title": {"type": "plain_text", "text": title},
            "text": {"type": "plain_text", "text": cut(f"{about}. {asked}", 300)},
            "confirm": {"type": "plain_text", "text": WORDS[name]},
            "deny": {"type": "plain_text", "text": "Not now"},
            "style": style,
        }
    return made


def _token(channel: str, where: str) -> str:
    return secret(channel, where, "its token")
