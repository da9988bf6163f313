"""What Apprise speaks to, by one of its URLs: https://appriseit.com/services/. The URL is a password.

Apprise tells an error to its log alone, with the URL: nothing is let through of that log but the status in it.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any

from chalicelib.analysis.text import cut
from chalicelib.core.errors import ChannelBusy, Undeliverable
from chalicelib.core.types import Status
from chalicelib.notify.channels.base import judge, secret, unlinked, with_secret
from chalicelib.notify.links import lines_of_links

if TYPE_CHECKING:
    from chalicelib.notify.message import Message
    from chalicelib.notify.summary import Summary

LONGEST = 8000
"""Characters of a message, where the service would take more."""
_HARMLESS = str.maketrans("<>`*~|[]@#\\", "‹›'∗∼ǀ［］＠＃＼")  # noqa: RUF001 - on purpose
"""What makes mentions, links and formats in one service or another, and what looks like it."""
_EMPHASIS = re.compile(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_ESCAPED = {"&": 5, '"': 6, "'": 6, "\n": 6}
_STATUS = re.compile(r"\berror=(\d{3})\b")
_KINDS = {"good": "success", "quiet": "success", "bad": "failure", "open": "warning"}


class Apprise:
    def __init__(self, name: str, url: str) -> None:
        self.name, self._url = name, url

    def send(self, message: Message) -> None:
        kind = _KINDS[Status(message.status).traits.tone]
        self._notify(message, lines_of_links(message), kind)

    def sum_up(self, summary: Summary) -> None:
        links = [line for each in summary.shown for line in lines_of_links(each, about=True)]
        self._notify(summary, links, "warning")

    def _notify(self, content: Message | Summary, links: list[str], kind: str) -> None:
        title, *lines = content.text.split("\n")
        commands = [f"To {name}: {command}" for name, command in content.commands.items()]
        text = harmless("\n".join(line for line in lines if line not in commands).strip("\n"))
        tail = [*commands, *links]
        with_secret(self.name, self._url, lambda url: self._once(url, harmless(title), text, tail, kind), secret)

    def _once(self, url: str, title: str, text: str, tail: list[str], kind: str) -> None:
        try:
            import apprise
        except ModuleNotFoundError as error:
            raise Undeliverable(
                f"channel {self.name}: Apprise isn't installed; pip install 'snapback-aws[apprise]', or deploy these settings"
            ) from error
        _quiet()
        asset = apprise.AppriseAsset(async_mode=False, secure_logging=True)
        service = apprise.Apprise.instantiate(url, asset=asset) if "://" in url else None
        if service is None:
            raise Undeliverable(
                f"channel {self.name}: its secret must hold a URL that Apprise supports, see https://appriseit.com/services/",
                renew=True,
            )
        service.overflow_mode = apprise.OverflowMode.TRUNCATE
        said: list[str] = []
        sender = apprise.Apprise(asset=asset)
        sender.add(service)
        plain, room = apprise.NotifyFormat.TEXT, min(service.body_maxlen, LONGEST) - len(title) - 10
        most, length = room, len if service.notify_format == plain else escaped_length
        while length(body := fitting(text, tail, most)) > room and most > 1:
            most = most * 3 // 4
        result = sender.notify(
            title=title,
            body=body,
            body_format=plain,
            notify_type=apprise.NotifyType(kind),
            log_callback=lambda entry, _: said.append(entry.message),
        )
        if result:
            return
        if found := _STATUS.search(" ".join(said)):
            judge(self.name, int(found[1]), None, f"by {service.service_name}")
        raise ChannelBusy(
            f"channel {self.name}: {service.service_name} refused the message, and Apprise doesn't say why"
        )


def harmless(text: str) -> str:
    """Text without what any service could take for a mention, a link or a format, line by line."""
    return _EMPHASIS.sub("ˍ", unlinked(text).translate(_HARMLESS))


def fitting(text: str, tail: list[str], most: int) -> str:
    """Cut to what the service takes, in the text first: the lines at the end say what to do."""
    while tail and sum(len(line) + 1 for line in tail) > most * 2 // 3:
        tail = tail[:-1]
    end = "".join(f"\n{line}" for line in tail)
    return f"{cut(text, max(most - len(end), 1))}{end}"


def escaped_length(text: str) -> int:
    """How long it becomes at most where Apprise makes HTML or markdown of it."""
    return sum(_ESCAPED.get(each, 1 if each.isalnum() or each == " " else 2) for each in text)


def _quiet() -> None:
    for name, level in (("apprise", logging.WARNING), ("urllib3", logging.INFO)):
        logger: Any = logging.getLogger(name)
        logger.setLevel(level)
    log = logging.getLogger("apprise")
    log.propagate = False
    if not log.handlers:
        log.addHandler(logging.NullHandler())
