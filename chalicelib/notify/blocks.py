"""Slack's Block Kit: blocks, and text that is escaped and cut to fit them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


Block = dict[str, Any]

HEADER, SECTION, FIELD = 150, 3000, 2000
"""Slack's limits, in characters: https://docs.slack.dev/reference/block-kit/blocks/."""
_ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "`": "'"}


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


def code(text: str, most: int) -> str:
    return f"`{escape(text.strip(), most - 2)}`"


def listing(lines: Iterable[str]) -> str:
    return f"```\n{escape(chr(10).join(lines), SECTION - 8)}\n```"


def header(text: str) -> Block:
    return {"type": "header", "text": {"type": "plain_text", "text": escape(text, HEADER), "emoji": False}}


def section(text: str) -> Block:
    return {"type": "section", "text": mrkdwn(text)}


def context(*elements: Block) -> Block:
    return {"type": "context", "elements": list(elements)}


def mrkdwn(text: str) -> Block:
    return {"type": "mrkdwn", "text": text, "verbatim": True}
