"""SNS. Calls name a topic by its ARN."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from chalicelib.core.event import text
from chalicelib.resources.named import Named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from chalicelib.core.event import Event
    from chalicelib.core.session import Session


@dataclass(frozen=True, slots=True)
class Topic(Named):
    """A topic, by name."""

    cloudformation_type: ClassVar[str] = "AWS::SNS::Topic"
    gone: ClassVar[frozenset[str]] = frozenset({"NotFound"})
    tag_reads: ClassVar[tuple[str, ...]] = ("sns:ListTagsForResource",)
    list_reads: ClassVar[tuple[str, ...]] = ("sns:ListTopics",)
    arn_service: ClassVar[str] = "sns"
    pattern: ClassVar[re.Pattern[str]] = re.compile(r"(?=.{1,256}\Z)[A-Za-z0-9_-]+(?:\.fifo)?")
    """https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html"""

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        return cls.given(event, event.text("topicArn"), event.answered("topicArn"), text(event.detail, "resource"))

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        for page in aws.client("sns").get_paginator("list_topics").paginate():
            for topic in page["Topics"]:
                yield cls(topic["TopicArn"].rpartition(":")[2], aws.account, aws.region)

    def tags(self, aws: Session) -> Mapping[str, str]:
        found = aws.client("sns").list_tags_for_resource(ResourceArn=self.arn)
        return {tag["Key"]: tag["Value"] for tag in found["Tags"]}
