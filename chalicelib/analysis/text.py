"""Text from AWS made fit for one line of a terminal, a log or a chat."""

from __future__ import annotations

import re

_PAGE = re.compile(r"<(!doctype|html|head|body)\b", re.IGNORECASE)


def plain(text: str) -> str:
    """Text on one line that looks like what it is: control, bidirectional and invisible characters become `\ufffd`."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else " " if each.isspace() else "\ufffd" for each in text)


def counted(number: int, thing: str) -> str:
    """`1 day`, `2 days`."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def without_page(text: str) -> str:
    """What a server said; of an HTML page, which a proxy may have sent instead, only that it is one."""
    return "an HTML page" if _PAGE.search(text) else text
