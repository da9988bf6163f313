"""SQS. Calls name a queue by its address, whose last part is the name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from chalicelib.core.event import text
from chalicelib.core.partitions import partition_of
from chalicelib.resources.named import Named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from chalicelib.core.event import Event
    from chalicelib.core.session import Session

_URL = re.compile(r"https?://[^/]+/(?P<account>[0-9]{12})/(?P<name>[^/]+)")
"""The host differs by endpoint and age: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html"""


@dataclass(frozen=True, slots=True)
class Queue(Named):
    """A queue, by name."""

    cloudformation_type: ClassVar[str] = "AWS::SQS::Queue"
    gone: ClassVar[frozenset[str]] = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})
    tag_reads: ClassVar[tuple[str, ...]] = ("sqs:ListQueueTags",)
    list_reads: ClassVar[tuple[str, ...]] = ("sqs:ListQueues",)
    arn_service: ClassVar[str] = "sqs"
    pattern: ClassVar[re.Pattern[str]] = re.compile(r"(?=.{1,80}\Z)[A-Za-z0-9_-]+(?:\.fifo)?")
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html"""

    @property
    def url(self) -> str:
        return f"https://sqs.{self.region}.{partition_of(self.region).dns_suffix}/{self.account}/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        """A call on another account's queue is that account's event."""
        found = _URL.fullmatch(event.text("queueUrl") or event.answered("queueUrl") or "")
        named = found["name"] if found and found["account"] == event.account else None
        return cls.given(event, named, text(event.detail, "resource"))

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        for page in aws.client("sqs").get_paginator("list_queues").paginate():
            for url in page.get("QueueUrls", ()):
                yield cls(url.rpartition("/")[2], aws.account, aws.region)

    def tags(self, aws: Session) -> Mapping[str, str]:
        return aws.client("sqs").list_queue_tags(QueueUrl=self.url).get("Tags", {})  # type: ignore[no-any-return]
