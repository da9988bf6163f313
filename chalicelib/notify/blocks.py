"""Slack's Block Kit: blocks, and text that is escaped and cut to fit them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


Block = dict[str, Any]

HEADER, SECTION, FIELD = 150, 3000, 2000
"""Slack's limits, in characters: https://docs.slack.dev/reference/block-kit/blocks/."""
_PLAIN = str.maketrans("*~", "∗∼")  # noqa: RUF001 - on purpose: they look alike, and format nothing
_EMPHASIS = re.compile(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
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


def prose(text: str, most: int) -> str:
    """Text from AWS outside of code: escaped, and without what makes it bold, struck or slanted."""
    return escape(_EMPHASIS.sub("ˍ", text.translate(_PLAIN)), most)


def code(text: str, most: int) -> str:
    return f"`{escape(text.strip(), most - 2)}`"


def listing(lines: Iterable[str], spare: int = 0) -> str:
    """Lines in a block of code; `spare` characters are left for text before it."""
    return f"```\n{escape(chr(10).join(lines), SECTION - 8 - spare)}\n```"


def date(at: str) -> str:
    """A time in the reader's own time zone, and how long ago: https://docs.slack.dev/messaging/formatting-message-text/#date-formatting."""
    moment = datetime.fromisoformat(at)
    return f"<!date^{int(moment.timestamp())}^{{date_short_pretty}} {{time}} ({{ago}})|{moment:%Y-%m-%d %H:%M} UTC>"


def pages(found: Mapping[str, str]) -> str:
    """Links to what a person may read. `|` and `>` would end the address."""
    ours = str.maketrans({"|": "%7C", ">": "%3E", "<": "%3C", " ": "%20", "&": "&amp;"})
    return " · ".join(f"<{address.translate(ours)}|{name}>" for name, address in found.items())


def header(text: str) -> Block:
    return {"type": "header", "text": {"type": "plain_text", "text": escape(text, HEADER), "emoji": False}}


def section(text: str) -> Block:
    return {"type": "section", "text": mrkdwn(text)}


def context(*elements: Block) -> Block:
    return {"type": "context", "elements": list(elements)}


def mrkdwn(text: str) -> Block:
    return {"type": "mrkdwn", "text": text, "verbatim": True}
