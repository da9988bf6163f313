"""Links to the action page, for channels that can't call back: each has an action token of its own in its fragment."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from chalicelib.analysis.text import cut
from chalicelib.aws.action_tokens import URL_VARIABLE, ActionTokens, link
from chalicelib.core.types import ACTIONS, Status
from chalicelib.notify.channels.base import unlinked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from aws_lambda_powertools import Logger

    from chalicelib.core.settings import Settings
    from chalicelib.notify.channels.base import Channel
    from chalicelib.notify.message import Message
    from chalicelib.notify.summary import Summary

WORDS = {
    "approve": "Approve",
    "fix": "Fix",
    "retry": "Retry",
    "undo": "Undo",
    "undo-anyway": "Undo, keep their change",
    "exempt": "Exempt",
    "show": "Details",
}
"""What a click can ask for, as action tokens name it, and what is written on it."""


LINKED = 10
"""Messages of a summary that have links."""


def choices(message: Message) -> tuple[str, ...]:
    """What a person can do about a record as it is now, by the names of `WORDS`."""
    possible = {*message.commands, *(("exempt",) if Status(message.status).traits.exemptable else ())}
    return tuple(name for name in WORDS if name in possible)


def lines_of_links(message: Message, *, about: bool = False) -> list[str]:
    """A message's links as plain text, a line each; `about`, each names its resource, as among those of other messages."""
    of = f" {cut(message.name, 60)}" if about else ""
    pages = {} if about else message.pages
    found = {f"{WORDS[name]}{of}": url for name, url in message.links.items()} | dict(pages)
    return [f"{unlinked(name)}: {url}" for name, url in found.items()]


def open_links(
    settings: Settings, now: Callable[[], datetime], logger: Logger
) -> Callable[[Message, str], Mapping[str, str]] | None:
    """What makes the links of a message to a channel; None where there is no page, or no key to sign action tokens with."""
    where, key = os.environ.get(URL_VARIABLE, "").rstrip("/"), settings.clicks.page_key
    if not where or not key:
        return None

    def links(message: Message, channel: str) -> Mapping[str, str]:
        from chalicelib.core.errors import ChannelBusy
        from chalicelib.notify.channels.base import secret

        try:
            tokens = ActionTokens.of(secret(channel, key, "the key of the action page"))
        except (ChannelBusy, ValueError) as error:  # A message without links is better than none.
            logger.error("a message is sent without links to the action page", extra={"error": str(error)})  # noqa: TRY400
            return {}
        return {name: link(where, tokens.issue(message.record, name, channel, now())) for name in choices(message)}

    return links


class Linked:
    """A channel whose messages have links."""

    def __init__(self, channel: Channel, links: Callable[[Message, str], Mapping[str, str]]) -> None:
        self.name, self.channel, self._links = channel.name, channel, links

    def send(self, message: Message) -> None:
        self.channel.send(replace(message, links=self._links(message, self.name)))

    def sum_up(self, summary: Summary) -> None:
        """Those about which a person can do something have links, the first of them; a message has its largest size."""
        shown, left = [], LINKED
        for message in summary.shown:
            possible = left > 0 and set(choices(message)) & set(ACTIONS)
            shown.append(replace(message, links=self._links(message, self.name)) if possible else message)
            left -= bool(possible)
        self.channel.sum_up(replace(summary, shown=tuple(shown)))
