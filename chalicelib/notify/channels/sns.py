"""A topic of SNS, for people who read mail; that of the alarms is the last resort."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.core.errors import ChannelBusy
from chalicelib.notify.channels.base import unlinked
from chalicelib.notify.links import lines_of_links

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        tool, snippet = message.right_way
        right_way = ["", f"The right way, with {tool}:", *(f"  {each}" for each in snippet)] if snippet else []
        self._publish(message.heading(SUBJECT), unlinked("\n".join([message.text, *right_way])), [message])

    def sum_up(self, summary: Summary) -> None:
        self._publish(summary.headline, unlinked(summary.text), summary.shown)

    def _publish(self, subject: str, text: str, messages: Sequence[Message]) -> None:
        subject = subject.replace("·", "-").encode("ascii", "replace").decode()
        links = [line for each in messages for line in lines_of_links(each, about=len(messages) > 1)]
        whole = "\n".join([text, *([""] if links else []), *links])
        try:
            self._client.publish(TopicArn=self._arn, Subject=subject[:SUBJECT], Message=whole)
        except (ClientError, BotoCoreError) as error:
            raise ChannelBusy(f"channel {self.name}: {error}") from error
