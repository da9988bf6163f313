"""Microsoft Teams, by a workflow "when a Teams webhook request is received", which takes Adaptive Cards.

https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using. All text stands in
RichTextBlocks, which know no markdown: nothing in it becomes a link, a mention or a format.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.analysis.text import cut
from chalicelib.core.errors import ChannelBusy
from chalicelib.core.types import Status
from chalicelib.notify.channels.base import TIMEOUT, judge, unlinked
from chalicelib.notify.channels.http import HttpPost
from chalicelib.notify.links import WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from chalicelib.notify.message import Message
    from chalicelib.notify.summary import Summary

Part = dict[str, Any]

LARGEST = 28 * 1024
"""Bytes of a message, all of it:
https://learn.microsoft.com/microsoftteams/platform/bots/how-to/format-your-bot-messages."""
_SPARE = 1024
_LINE = 280
"""Characters of a line of a summary."""
_COLORS = {"critical": "attention", "high": "attention", "medium": "warning", "low": "accent"}
_LIMITED = re.compile(rb"HTTP error (\d{3})|\"statusCode\"\s*:\s*(\d{3})")
_CODE = re.compile(rb'"code"\s*:\s*"([A-Za-z]{3,60})"')


class Teams:
    def __init__(self, name: str, url: str, timeout: float = TIMEOUT) -> None:
        self.name = name
        self._post = HttpPost(name, url, timeout, _reason)

    def send(self, message: Message) -> None:
        self._send(body(message))

    def sum_up(self, summary: Summary) -> None:
        self._send(summary_body(summary))

    def _send(self, body: bytes) -> None:
        wrong = self._post(body, {})
        if wrong.isdecimal():  # A 200 around the error that Teams gave to whoever posts there.
            judge(self.name, int(wrong), None, "in an answer of 200")
        elif wrong:
            raise ChannelBusy(f"channel {self.name} answered 200 with the error {wrong}")


def _reason(answer: bytes) -> str:
    """A status or the code of an error, of those that Power Automate writes into what it answers."""
    if found := _LIMITED.search(answer):
        return (found[1] or found[2]).decode()
    found = _CODE.search(answer) if b'"error"' in answer else None
    return found[1].decode() if found else ""


def body(message: Message) -> bytes:
    """The message around a card, in UTF-8, below LARGEST: the longest texts are cut first."""
    return _fitting(lambda most: _card(message, most))


def _card(message: Message, most: int) -> Part:
    color = (
        "good" if Status(message.status).traits.tone in {"good", "quiet"} else _COLORS.get(message.severity, "default")
    )
    tool, snippet = message.right_way
    facts = dict(message.facts)
    who = facts.pop("Changed by")
    return card(
        headline(f"{message.symbol} {message.headline}", color),
        line(_run(f"{message.severity.upper()}: ", most, weight="bolder"), _run(message.reason or "-", most)),
        line(_run(message.did, most), spacing="medium"),
        *([line(_run(message.changes_title, most, weight="bolder"))] if message.changes else []),
        *_listing(message.changes, most),
        line(
            _run("Found: " if message.swept else "Changed by: ", most, weight="bolder"),
            _run(who, most),
            spacing="medium",
        ),
        when(message.event_at),
        *(line(_run(f"{name}: ", most, weight="bolder"), _run(value, most)) for name, value in facts.items()),
        *(
            [line(_run("Why it matters: ", most, weight="bolder"), _run(message.card.why, most))]
            if message.card.why
            else []
        ),
        *([_buttons([_open_url(name, url) for name, url in message.pages.items()])] if message.pages else []),
        *([line(_run("What to check next", most, weight="bolder"))] if message.next_checks else []),
        *(line(_run(f"• {each}", most)) for each in message.next_checks),
        *([line(_run(f"The right way, with {tool}", most, weight="bolder"))] if snippet else []),
        *_listing(snippet, most),
        *_commands(message.commands, most),
        actions=_open(message.links),
    )


def summary_body(summary: Summary) -> bytes:
    """As `body`, for many."""
    return _fitting(lambda most: _summary_card(summary, most))


def _summary_card(summary: Summary, most: int) -> Part:
    parts: list[Part] = []
    for number, each in enumerate(summary.lines):
        parts.append(line(_run(each, min(most, _LINE)), spacing="medium"))
        links = summary.shown[number].links if number < len(summary.shown) else {}
        if links:
            parts.append(_buttons(_open(links)))
    return card(
        headline(summary.headline, _COLORS.get(summary.severity, "default")),
        *parts,
        *_commands(summary.commands, most),
        actions=[],
    )


def when(at: str) -> Part:
    """In the reader's own time zone: a TextBlock, as only that is sure to show dates so; all of its text is ours.

    https://learn.microsoft.com/adaptive-cards/authoring-cards/text-features#datetime-formatting-and-localization
    """
    moment = f"{datetime.fromisoformat(at).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return {
        "type": "TextBlock",
        "text": f"{{{{DATE({moment},SHORT)}}}} {{{{TIME({moment})}}}}",
        "wrap": True,
        "spacing": "small",
    }


def _commands(commands: Mapping[str, str], most: int) -> list[Part]:
    return [line(_run(f"To {name}: ", most), _run(each, most, fontType="monospace")) for name, each in commands.items()]


def _listing(lines: Iterable[str], most: int) -> list[Part]:
    colors = {"- ": "attention", "+ ": "good"}
    return [
        line(_run(each or " ", most, fontType="monospace", color=colors.get(each[:2], "default")), spacing="none")
        for each in lines
    ]


def _buttons(actions: list[Part]) -> Part:
    return {"type": "ActionSet", "actions": actions, "spacing": "small"}


def _open(links: Mapping[str, str]) -> list[Part]:
    return [_open_url(WORDS[name], url) for name, url in links.items()]


def _open_url(title: str, url: str) -> Part:
    return {"type": "Action.OpenUrl", "title": title, "url": url}


def card(*body: Part, actions: list[Part]) -> Part:
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.5",
        "msteams": {"width": "Full"},
        "body": list(body),
        "actions": actions,
    }


def headline(text: str, color: str) -> Part:
    return line(_run(text, 200, size="large", weight="bolder", color=color))


def line(*runs: Part, spacing: str = "small") -> Part:
    return {"type": "RichTextBlock", "inlines": list(runs), "spacing": spacing}


def _run(text: str, most: int, **reader: str) -> Part:
    """`{{` would begin a date in the reader's own language, and be shown as one."""
    return {"type": "TextRun", "text": cut(unlinked(text).replace("{{", "{ {"), most), **reader}


def _fitting(made: Callable[[int], Part]) -> bytes:
    most = 4000
    while True:
        content = made(most)
        envelope = {
            "type": "message",
            "attachments": [
                {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": content}
            ],
        }
        whole = json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        if len(whole) <= LARGEST - _SPARE:
            return whole
        most = most * 3 // 4
