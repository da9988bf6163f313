"""A topic of SNS, for people who read mail; that of the alarms is the last resort."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.core.errors import ChannelBusy
from chalicelib.notify.channels.base import unlinked
from chalicelib.notify.links import WORDS

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_sns import SNSClient

    from chalicelib.notify.message import Message
    from chalicelib.notify.summary import Summary

SUBJECT = 100
"""Characters, and all of them printable ASCII: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html."""


class Topic:
    def __init__(self, arn: str, source: boto3.Session | None, name: str = "alarm-topic") -> None:
        self.name, self._arn, self._source = name, arn, source

    @cached_property
    def _client(self) -> SNSClient:
        import boto3

        return (self._source or boto3.Session()).client("sns", region_name=self._arn.split(":")[3])

    def send(self, message: Message) -> None:
        links = [f"{WORDS[name]}: {url}" for name, url in message.links.items()]
        self._publish(message.headline, "\n".join([unlinked(message.text), *([""] if links else []), *links]))

    def sum_up(self, summary: Summary) -> None:
        self._publish(summary.headline, unlinked(summary.text))

    def _publish(self, subject: str, text: str) -> None:
        subject = subject.replace("·", "-").encode("ascii", "replace").decode()
        try:
            self._client.publish(TopicArn=self._arn, Subject=subject[:SUBJECT], Message=text)
        except (ClientError, BotoCoreError) as error:
            raise ChannelBusy(f"channel {self.name}: {error}") from error
