"""Where messages about records go. A channel has a name and `send`, which raises ChannelBusy or Undeliverable, and nothing else.

What a channel raises names the channel and never its address: the address of a webhook is its password.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol, TypeVar

from chalicelib.aws import secrets
from chalicelib.core.errors import ChannelBusy, SecretUnreadable, Undeliverable

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.notify.message import Message
    from chalicelib.notify.summary import Summary

TIMEOUT = 5.0
"""Seconds that a channel may take to connect, and again to answer."""
_SCHEME, _HOST = re.compile(r"://"), re.compile(r"\bwww\.", re.IGNORECASE)

T = TypeVar("T")


class Channel(Protocol):
    @property
    def name(self) -> str: ...

    def send(self, message: Message) -> None:
        """Returns once the message has arrived. Raises ChannelBusy or Undeliverable."""

    def sum_up(self, summary: Summary) -> None:
        """One message for many. Returns once it has arrived. Raises ChannelBusy or Undeliverable."""


def secret(channel: str, where: str, what: str = "its address") -> str:
    """A channel's secret, by its name. Raises ChannelBusy."""
    try:
        return secrets.secret(where)
    except SecretUnreadable as error:
        raise ChannelBusy(f"channel {channel}: {what} {error}") from error


def address(channel: str, url: str) -> str:
    """The address itself, or the one in the secret that `url` names. Raises ChannelBusy and Undeliverable."""
    found = secret(channel, url)
    if not found.startswith(("https://", "http://")):
        secrets.refuse(url)
        raise Undeliverable(
            f"channel {channel}: the secret in {url.partition(':')[0]} must be a URL that starts with https://"
        )
    return found


def with_secret(channel: str, where: str, use: Callable[[str], T], read: Callable[[str, str], str] = address) -> T:
    """What `use` answers for the secret; once again where it was refused, and has been rotated since it was read."""
    held = read(channel, where)
    try:
        return use(held)
    except Undeliverable as error:
        if not error.renew:
            raise
        secrets.refuse(where)
        if (fresh := read(channel, where)) == held:
            raise
    return use(fresh)


def judge(channel: str, status: int, retry_after: str | None, said: str = "") -> None:
    """Raises what an HTTP status means, unless it means that the message arrived."""
    if 200 <= status < 300:  # noqa: PLR2004
        return
    text = f"channel {channel} answered {status}{said and f' ({said})'}"
    if status in {408, 425, 429} or status >= 500:  # noqa: PLR2004
        raise ChannelBusy(text, float(retry_after) if retry_after and retry_after.isdecimal() else 0)
    if 300 <= status < 400:  # noqa: PLR2004
        raise Undeliverable(f"{text}: Snapback doesn't follow redirects; put the final URL in the settings")
    raise Undeliverable(text, renew=status in {401, 403, 404, 410})


def unlinked(text: str) -> str:
    """Text in which no mail reader or chat finds an address to make a link of: `https[:]//`, `www[.]`."""
    return _HOST.sub(lambda found: f"{found[0][:-1]}[.]", _SCHEME.sub("[:]//", text))
