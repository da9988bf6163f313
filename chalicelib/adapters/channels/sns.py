"""The SNS topic of the alarms: the last resort, for people who read mail."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.adapters.channels import Retry

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_sns import SNSClient

    from chalicelib.core.message import Message

SUBJECT = 100
"""Characters, and all of them printable ASCII: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html."""


class Topic:
    name = "alarm-topic"

    def __init__(self, arn: str, source: boto3.Session) -> None:
        self._arn, self._source = arn, source

    @cached_property
    def _client(self) -> SNSClient:
        return self._source.client("sns", region_name=self._arn.split(":")[3])

    def send(self, message: Message) -> None:
        subject = message.headline.replace("·", "-").encode("ascii", "replace").decode()
        try:
            self._client.publish(TopicArn=self._arn, Subject=subject[:SUBJECT], Message=message.text)
        except (ClientError, BotoCoreError) as error:
            raise Retry(f"channel {self.name}: {error}") from error
