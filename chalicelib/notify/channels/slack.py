"""Slack, by an incoming webhook: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/."""

from __future__ import annotations

import logging
from http.client import HTTPException, InvalidURL
from typing import TYPE_CHECKING

from chalicelib.analysis.secrets import redact
from chalicelib.analysis.text import plain
from chalicelib.core.errors import ChannelBusy, Undeliverable
from chalicelib.notify.blocks import (
    FIELD,
    HEADER,
    SECTION,
    Block,
    code,
    context,
    date,
    header,
    listing,
    mrkdwn,
    pages,
    prose,
    section,
)
from chalicelib.notify.channels.base import TIMEOUT, judge, unlinked, with_secret
from chalicelib.notify.links import WORDS, choices

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chalicelib.notify.message import Message
    from chalicelib.notify.summary import Summary

SILENT = logging.getLogger(f"{__name__}.sdk")
"""Instead of the SDK's own, which writes the address, a password."""
SILENT.setLevel(logging.CRITICAL + 1)


_LINE = 280
"""Characters of a line of a summary, of which there may be thirty."""


class Slack:
    def __init__(self, name: str, url: str, timeout: float = TIMEOUT) -> None:
        self.name, self._url, self._timeout = name, url, timeout

    def send(self, message: Message) -> None:
        with_secret(self.name, self._url, lambda url: self._post(url, body(message)))

    def sum_up(self, summary: Summary) -> None:
        with_secret(self.name, self._url, lambda url: self._post(url, summary_body(summary)))

    def _post(self, url: str, body: Block) -> None:
        from slack_sdk.webhook import WebhookClient

        client = WebhookClient(
            url,
            timeout=self._timeout,  # type: ignore[arg-type]  # urllib takes fractions too
            retry_handlers=[],  # A retry of its own could tell a message twice.
            logger=SILENT,
        )
        try:
            answer = client.send(**body, unfurl_links=False, unfurl_media=False)
        except (InvalidURL, ValueError):
            raise Undeliverable(f"channel {self.name}: its URL or its answer can't be read", renew=True) from None
        except (OSError, HTTPException) as error:
            raise ChannelBusy(f"channel {self.name}: {type(error).__name__}") from None
        judge(self.name, answer.status_code, answer.headers.get("Retry-After"), plain(redact(answer.body[:60])))
        if answer.body.lstrip().startswith("<"):  # The SDK follows redirects, and then asks for a page.
            raise Undeliverable(f"channel {self.name} answered with a web page; put Slack's own URL in the settings")


def body(message: Message) -> Block:
    """Block Kit, and a `text` for notifications that holds only what Snapback itself wrote.

    Nothing in a message can become a mention, a link or a format: `&`, `<` and `>` are escaped, `verbatim` keeps Slack
    from making links of what looks like one, and names stand in code, which no backtick in them can end.
    """
    links = [f"<{url}|{WORDS[name]}>" for name, url in message.links.items()]
    blocks = [
        *summary_of_finding(message),
        *([section(" · ".join(links))] if links else []),
        *difference(message),
        facts(message),
        *background(message),
        *guidance(message),
        *commands(message.commands),
    ]
    return {"text": notification(message), "blocks": blocks}


def summary_body(summary: Summary, button: Callable[[str, Message], Block] | None = None) -> Block:
    """A line for each message, with what a person can do about it: a button of the app's, or links."""
    blocks = [header(summary.headline)]
    for line, message in zip(summary.lines, summary.shown, strict=False):
        made = section(prose(line, _LINE))
        names = choices(message)
        if button and names:
            made["accessory"] = button(names[0], message)
        elif links := [f"<{url}|{WORDS[name]}>" for name, url in message.links.items()]:
            made = section(f"{prose(line, _LINE)}\n{' · '.join(links)}")
        blocks.append(made)
    rest = summary.lines[len(summary.shown) :]
    blocks += [section(prose(line, _LINE)) for line in rest]
    return {"text": prose(unlinked(summary.headline), HEADER), "blocks": [*blocks, *commands(summary.commands)]}


def notification(message: Message) -> str:
    return prose(unlinked(f"{message.symbol} {message.heading(HEADER - 20)}"), HEADER)


def summary_of_finding(message: Message) -> list[Block]:
    """What happened to which resource, and what would become of it: the part that is read in five seconds."""
    return [
        header(f"{message.symbol} {message.heading(HEADER - 20)}"),
        section(f"*{message.severity.upper()}* · {prose(message.reason, SECTION - 40) or '-'}"),
        section(prose(message.did, SECTION)),
        section(
            f"{'*Found:*' if message.swept else '*Changed by:*'} {code(message.who, 1000)} · {date(message.event_at)}"
        ),
    ]


def difference(message: Message) -> list[Block]:
    title = f"*{message.changes_title}*\n"
    return [section(f"{title}{listing(message.changes, len(title))}")] if message.changes else []


def facts(message: Message) -> Block:
    found = {label: value for label, value in message.facts.items() if label != "Changed by"}
    fields = [mrkdwn(f"*{label}*\n{code(value, FIELD - 40)}") for label, value in found.items()]
    return {"type": "section", "fields": fields}


def background(message: Message) -> list[Block]:
    """Why it matters, and where to read on."""
    why = [f"*Why it matters:* {prose(message.card.why, SECTION - 40)}"] if message.card.why else []
    parts = [*why, *([pages(message.pages)] if message.pages else [])]
    return [context(*map(mrkdwn, parts))] if parts else []


def guidance(message: Message) -> list[Block]:
    """What to look at first, and how it is done right."""
    tool, snippet = message.right_way
    blocks = []
    if message.next_checks:
        lines = "\n".join(f"• {prose(each, 500)}" for each in message.next_checks)
        blocks.append(section(f"*What to check next*\n{lines}"))
    if snippet:
        blocks += [section(f"*The right way, with {tool}*"), section(listing(snippet))]
    return blocks


def commands(found: Mapping[str, str]) -> list[Block]:
    """As a context block, if there are any; Slack takes ten elements."""
    return [context(*(mrkdwn(f"To {name}: {code(command, 200)}") for name, command in found.items()))] if found else []
