"""Slack, by an incoming webhook: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/."""

from __future__ import annotations

import logging
from http.client import HTTPException, InvalidURL
from typing import TYPE_CHECKING, Any

from slack_sdk.webhook import WebhookClient

from chalicelib.adapters.channels import TIMEOUT, Retry, Undeliverable, address, judge
from chalicelib.core.diff import plain, redact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chalicelib.core.message import Message

HEADER, SECTION, FIELD = 150, 3000, 2000
"""Slack's limits, in characters: https://docs.slack.dev/reference/block-kit/blocks/."""
_ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "`": "'"}
_SILENT = logging.getLogger(f"{__name__}.sdk")
"""Instead of the SDK's own, which writes the address, a password."""
_SILENT.setLevel(logging.CRITICAL + 1)


class Slack:
    def __init__(self, name: str, url: str, timeout: float = TIMEOUT) -> None:
        self.name, self._url, self._timeout = name, url, timeout

    def send(self, message: Message) -> None:
        client = WebhookClient(
            address(self.name, self._url),
            timeout=self._timeout,  # type: ignore[arg-type]  # urllib takes fractions too
            retry_handlers=[],  # A retry of its own could tell a message twice.
            logger=_SILENT,
        )
        try:
            answer = client.send(**body(message), unfurl_links=False, unfurl_media=False)
        except (InvalidURL, ValueError):
            raise Undeliverable(f"channel {self.name}: its address or its answer can't be read") from None
        except (OSError, HTTPException) as error:
            raise Retry(f"channel {self.name}: {type(error).__name__}") from None
        judge(self.name, answer.status_code, answer.headers.get("Retry-After"), plain(redact(answer.body[:60])))
        if answer.body.lstrip().startswith("<"):  # The SDK follows redirects, and then asks for a page.
            raise Undeliverable(f"channel {self.name} answered with a page; put Slack's own address in the settings")


def body(message: Message) -> dict[str, Any]:
    """Block Kit, and a `text` for notifications that holds only what Snapback itself wrote.

    Nothing in a message can become a mention, a link or a format: `&`, `<` and `>` are escaped, `verbatim` keeps Slack
    from making links of what looks like one, and names stand in code, which no backtick in them can end.
    """
    escaped = escape(message.headline, HEADER)
    facts = (
        ("Resource", message.resource),
        ("Account and region", f"{message.account} {message.region}"),
        ("Who", message.who),
        ("Principal", message.actor["principal"]),
        ("Event", message.event),
        ("Guardrail", message.guardrail),
    )
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": escaped, "emoji": False}},
        _section(escape(message.reason, SECTION) or "-"),
        {
            "type": "section",
            "fields": [_mrkdwn(f"*{name}*\n{_code(value, FIELD - 40)}") for name, value in facts if value],
        },
        _section(escape(message.did, SECTION)),
    ]
    if message.changes:
        blocks.append(_section(_listing(message.changes)))
    commands = [_mrkdwn(f"To {name}: {_code(command, 200)}") for name, command in message.commands.items()]
    blocks.append({"type": "context", "elements": commands})
    return {"text": escaped, "blocks": blocks}


def escape(text: str, most: int) -> str:
    """Escaped for mrkdwn, without backticks, and no longer than `most` characters then; no entity is cut in two."""
    pieces: list[str] = []
    left = most
    for character in text:
        piece = _ESCAPED.get(character, character)
        if len(piece) > left - 1 and (len(piece) > left or len(pieces) < len(text) - 1):
            return "".join([*pieces, "…"])
        pieces.append(piece)
        left -= len(piece)
    return "".join(pieces)


def _code(text: str, most: int) -> str:
    return f"`{escape(text.strip(), most - 2)}`"


def _listing(lines: Iterable[str]) -> str:
    listing = escape("\n".join(lines), SECTION - 8)
    return f"```\n{listing}\n```"


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _mrkdwn(text)}


def _mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}
