"""Where records are told. A channel has a name and `send`, which raises Retry or Undeliverable, and nothing else.

What a channel raises names the channel and never its address: the address of a webhook is its password.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Protocol, TypeVar

from chalicelib.core import settings as settings_of
from chalicelib.core.settings import SlackWebhook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import boto3
    from aws_lambda_powertools import Logger

    from chalicelib.adapters.channels.posts import Posts
    from chalicelib.core.message import Message
    from chalicelib.core.settings import Channel as ChannelSettings
    from chalicelib.core.settings import Settings
    from chalicelib.core.telling import Summary

TOPIC_VARIABLE = "SNAPBACK_ALARM_TOPIC"
TIMEOUT = 5.0
"""Seconds that a channel may take to connect, and again to answer."""
_KEPT = 300
"""Seconds that a secret is kept that was read; one that a channel refuses is read again at once."""
_REFUSED: set[str] = set()
"""Secrets that were refused since they were read."""
_SCHEME, _HOST = re.compile(r"://"), re.compile(r"\bwww\.", re.IGNORECASE)

T = TypeVar("T")


class Channel(Protocol):
    @property
    def name(self) -> str: ...

    def send(self, message: Message) -> None:
        """Returns once the message has arrived. Raises Retry or Undeliverable."""

    def sum_up(self, summary: Summary) -> None:
        """One message for many. Returns once it has arrived. Raises Retry or Undeliverable."""


class Retry(Exception):
    """Not now: the channel limits its rate, is down or slow. `after` is the seconds that it asks for, if it does."""

    def __init__(self, text: str, after: float = 0) -> None:
        super().__init__(text)
        self.after = after


class Undeliverable(Exception):
    """The channel will not take this message, however often it is sent; a person has to look at the channel.

    `renew` is whether its secret may have been rotated since it was read.
    """

    def __init__(self, text: str, *, renew: bool = False) -> None:
        super().__init__(text)
        self.renew = renew


def open_channels(
    settings: Settings,
    last_resort: Channel | None,
    logger: Logger,
    *,
    source: boto3.Session | None = None,
    posts: Posts | None = None,
    advice: Callable[[str], str] = lambda _: "",
    links: Callable[[Message, str], Mapping[str, str]] | None = None,
) -> tuple[Channel, ...]:
    """The channels of the settings, or the last resort when there are none, as when the settings can't be read.

    `source` is what SNS is called with; `posts` remembers Slack's messages (in this process only, when it is None);
    `advice` is what to do instead, by a guardrail's id; `links` makes the addresses of the action page.
    """
    channels = [
        open_channel(each, source=source, posts=posts, advice=advice, links=links) for each in settings.channels
    ]
    if not channels and last_resort:
        channels.append(last_resort)
    if not channels:
        logger.warning("no channels in the settings and no alarm topic: records are told in the ledger only")
    return tuple(channels)


def open_channel(
    chosen: ChannelSettings,
    *,
    source: boto3.Session | None = None,
    posts: Posts | None = None,
    advice: Callable[[str], str] = lambda _: "",
    links: Callable[[Message, str], Mapping[str, str]] | None = None,
) -> Channel:
    """One channel; only its own library is imported."""
    channel: Channel
    match chosen:
        case settings_of.SlackApp():
            from chalicelib.adapters.channels.posts import Remembered
            from chalicelib.adapters.channels.slack_app import SlackApp

            return SlackApp(chosen.name, chosen.token, chosen.conversation, posts or Remembered(), advice=advice)
        case SlackWebhook():
            from chalicelib.adapters.channels.slack import Slack

            channel = Slack(chosen.name, chosen.url)
        case settings_of.Teams():
            from chalicelib.adapters.channels.teams import Teams

            channel = Teams(chosen.name, chosen.url)
        case settings_of.Apprise():
            from chalicelib.adapters.channels.apprise import Apprise

            channel = Apprise(chosen.name, chosen.url)
        case settings_of.Sns():
            from chalicelib.adapters.channels.sns import Topic

            channel = Topic(chosen.topic, source, chosen.name)
        case _:
            from chalicelib.adapters.channels.webhook import Webhook

            channel = Webhook(chosen.name, chosen.url, chosen.secret)
    if links is None:
        return channel
    from chalicelib.adapters.links import Linked

    return Linked(channel, links)


def open_last_resort(source: boto3.Session) -> Channel | None:
    """The SNS topic of the alarms, where what no channel takes is told."""
    topic = os.environ.get(TOPIC_VARIABLE)
    if not topic:
        return None
    from chalicelib.adapters.channels.sns import Topic

    return Topic(topic, source)


def secret(channel: str, where: str, what: str = "its address", *, anew: bool = False) -> str:
    """What the secret holds that `where` names (`ssm:/path`, `secretsmanager:name`), or `where` itself when it names none.

    It is read `anew`, or may be some minutes old. Raises Retry.
    """
    store, _, name = where.partition(":")
    if store not in {"ssm", "secretsmanager"}:
        return where
    from aws_lambda_powertools.utilities import parameters

    refused = anew or where in _REFUSED
    try:
        found = str(
            parameters.get_parameter(name, decrypt=True, max_age=_KEPT, force_fetch=refused)
            if store == "ssm"
            else parameters.get_secret(name, max_age=_KEPT, force_fetch=refused)
        ).strip()
    except parameters.exceptions.GetParameterError as error:
        raise Retry(f"channel {channel}: {what} can't be read from {store}: {error}") from error
    _REFUSED.discard(where)
    return found


def address(channel: str, url: str) -> str:
    """The address itself, or the one in the secret that `url` names. Raises Retry and Undeliverable."""
    found = secret(channel, url)
    if not found.startswith(("https://", "http://")):
        _REFUSED.add(url)
        raise Undeliverable(
            f"channel {channel}: what {url.partition(':')[0]} holds is no address that starts with https://"
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
        _REFUSED.add(where)
        if (fresh := read(channel, where)) == held:
            raise
    return use(fresh)


def judge(channel: str, status: int, retry_after: str | None, said: str = "") -> None:
    """Raises what an HTTP status means, unless it means that the message arrived."""
    if 200 <= status < 300:  # noqa: PLR2004
        return
    text = f"channel {channel} answered {status}{said and f' ({said})'}"
    if status in {408, 425, 429} or status >= 500:  # noqa: PLR2004
        raise Retry(text, float(retry_after) if retry_after and retry_after.isdecimal() else 0)
    if 300 <= status < 400:  # noqa: PLR2004
        raise Undeliverable(f"{text}: redirects are not followed; put the final address in the settings")
    raise Undeliverable(text, renew=status in {401, 403, 404, 410})


def unlinked(text: str) -> str:
    """Text in which no mail reader or chat finds an address to make a link of: `https[:]//`, `www[.]`."""
    return _HOST.sub(lambda found: f"{found[0][:-1]}[.]", _SCHEME.sub("[:]//", text))
