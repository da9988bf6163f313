"""Where records are told. A channel has a name and `send`, which raises Retry or Undeliverable, and nothing else.

What a channel raises names the channel and never its address: the address of a webhook is its password.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import boto3
    from aws_lambda_powertools import Logger

    from chalicelib.core.message import Message
    from chalicelib.core.settings import Settings

TOPIC_VARIABLE = "SNAPBACK_ALARM_TOPIC"
TIMEOUT = 5.0
"""Seconds that a channel may take to connect, and again to answer."""
_KEPT = 300
"""Seconds that an address read from a secret is kept: one that was rotated is picked up after them."""


class Channel(Protocol):
    @property
    def name(self) -> str: ...

    def send(self, message: Message) -> None:
        """Returns once the message has arrived. Raises Retry or Undeliverable."""


class Retry(Exception):
    """Not now: the channel limits its rate, is down or slow. `after` is the seconds that it asks for, if it does."""

    def __init__(self, text: str, after: float = 0) -> None:
        super().__init__(text)
        self.after = after


class Undeliverable(Exception):
    """The channel will not take this message, however often it is sent; a person has to look at the channel."""


def open_channels(settings: Settings, last_resort: Channel | None, logger: Logger) -> tuple[Channel, ...]:
    """The channels of the settings, or the last resort when there are none, as when the settings can't be read."""
    channels: list[Channel] = []
    for each in settings.channels:
        if each.type == "slack":
            from chalicelib.adapters.channels.slack import Slack

            channels.append(Slack(each.name, each.url))
        else:
            from chalicelib.adapters.channels.webhook import Webhook

            channels.append(Webhook(each.name, each.url))
    if not channels and last_resort:
        channels.append(last_resort)
    if not channels:
        logger.warning("no channels in the settings and no alarm topic: records are told in the ledger only")
    return tuple(channels)


def open_last_resort(source: boto3.Session) -> Channel | None:
    """The SNS topic of the alarms, where what no channel takes is told."""
    topic = os.environ.get(TOPIC_VARIABLE)
    if not topic:
        return None
    from chalicelib.adapters.channels.sns import Topic

    return Topic(topic, source)


def address(channel: str, url: str) -> str:
    """The address itself, or the one in the secret that `url` names (`ssm:/path`, `secretsmanager:name`)."""
    store, _, name = url.partition(":")
    if store in {"ssm", "secretsmanager"}:
        from aws_lambda_powertools.utilities import parameters

        try:
            url = str(
                parameters.get_parameter(name, decrypt=True, max_age=_KEPT)
                if store == "ssm"
                else parameters.get_secret(name, max_age=_KEPT)
            ).strip()
        except parameters.exceptions.GetParameterError as error:
            raise Retry(f"channel {channel}: its address can't be read from {store}: {error}") from error
    if not url.startswith(("https://", "http://")):
        raise Undeliverable(f"channel {channel}: what {store} holds is no address that starts with https://")
    return url


def judge(channel: str, status: int, retry_after: str | None, said: str = "") -> None:
    """Raises what an HTTP status means, unless it means that the message arrived."""
    if 200 <= status < 300:  # noqa: PLR2004
        return
    text = f"channel {channel} answered {status}{said and f' ({said})'}"
    if status in {408, 425, 429} or status >= 500:  # noqa: PLR2004
        raise Retry(text, float(retry_after) if retry_after and retry_after.isdecimal() else 0)
    if 300 <= status < 400:  # noqa: PLR2004
        raise Undeliverable(f"{text}: redirects are not followed; put the final address in the settings")
    raise Undeliverable(text)
