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
    escape,
    header,
    listing,
    mrkdwn,
    section,
)
from chalicelib.notify.channels.base import TIMEOUT, judge, with_secret
from chalicelib.notify.links import WORDS

if TYPE_CHECKING:
    from chalicelib.notify.message import Message
    from chalicelib.notify.summary import Summary

SILENT = logging.getLogger(f"{__name__}.sdk")
"""Instead of the SDK's own, which writes the address, a password."""
SILENT.setLevel(logging.CRITICAL + 1)


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
    blocks = [
        header(message.headline),
        section(escape(message.reason, SECTION) or "-"),
        facts(message),
        section(escape(message.did, SECTION)),
    ]
    if message.changes:
        blocks.append(section(listing(message.changes)))
    commands = [mrkdwn(f"To {name}: {code(command, 200)}") for name, command in message.commands.items()]
    links = [f"<{url}|{WORDS[name]}>" for name, url in message.links.items()]
    blocks.append(context(*([mrkdwn(" · ".join(links))] if links else []), *commands))
    return {"text": escape(message.headline, HEADER), "blocks": blocks}


def summary_body(summary: Summary) -> Block:
    """Each line stands in code; as many sections as they need."""
    lines = [escape(line, 600) for line in summary.lines]
    sections: list[list[str]] = [[]]
    for line in lines:
        if sum(map(len, sections[-1])) + len(sections[-1]) + len(line) > SECTION - 8:
            sections.append([])
        sections[-1].append(line)
    listings = [section("```\n" + "\n".join(each) + "\n```") for each in sections if each]
    commands = [mrkdwn(f"To {name}: {code(command, 200)}") for name, command in summary.commands.items()]
    blocks = [header(summary.headline), *listings, *([context(*commands)] if commands else [])]
    return {"text": escape(summary.headline, HEADER), "blocks": blocks}


def facts(message: Message) -> Block:
    found = (
        ("Resource", message.resource),
        ("Account and region", f"{message.account} {message.region}"),
        ("Who", message.who),
        ("Principal", message.actor["principal"]),
        ("Event", message.event),
        ("Guardrail", message.guardrail),
    )
    fields = [mrkdwn(f"*{name}*\n{code(value, FIELD - 40)}") for name, value in found if value.strip()]
    return {"type": "section", "fields": fields}
