"""Makes the channels that the settings name; each imports its own library only."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, assert_never

from chalicelib.core import settings as settings_of
from chalicelib.core.settings import SlackSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import boto3
    from aws_lambda_powertools import Logger

    from chalicelib.core.settings import Channel as ChannelSettings
    from chalicelib.core.settings import Settings
    from chalicelib.notify.channels.base import Channel
    from chalicelib.notify.channels.posts import Posts
    from chalicelib.notify.message import Message


TOPIC_VARIABLE = "SNAPBACK_ALARM_TOPIC"


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
        logger.warning("no channels in the settings and no alarm topic: records are in the ledger only")
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
        case settings_of.SlackAppSettings():
            from chalicelib.notify.channels.posts import Remembered
            from chalicelib.notify.channels.slack_app import SlackApp

            return SlackApp(chosen.name, chosen.token, chosen.conversation, posts or Remembered(), advice=advice)
        case SlackSettings():
            from chalicelib.notify.channels.slack import Slack

            channel = Slack(chosen.name, chosen.url)
        case settings_of.TeamsSettings():
            from chalicelib.notify.channels.teams import Teams

            channel = Teams(chosen.name, chosen.url)
        case settings_of.AppriseSettings():
            from chalicelib.notify.channels.apprise import Apprise

            channel = Apprise(chosen.name, chosen.url)
        case settings_of.SnsSettings():
            from chalicelib.notify.channels.sns import Topic

            channel = Topic(chosen.topic, source, chosen.name)
        case settings_of.WebhookSettings():
            from chalicelib.notify.channels.webhook import Webhook

            channel = Webhook(chosen.name, chosen.url, chosen.secret)
        case never:  # mypy finds the type of channel that nobody opens.
            assert_never(never)
    if links is None:
        return channel
    from chalicelib.notify.links import Linked

    return Linked(channel, links)


def open_last_resort(source: boto3.Session) -> Channel | None:
    """The SNS topic of the alarms, which gets what no channel takes."""
    topic = os.environ.get(TOPIC_VARIABLE)
    if not topic:
        return None
    from chalicelib.notify.channels.sns import Topic

    return Topic(topic, source)
