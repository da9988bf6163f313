"""Kinesis data streams."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from chalicelib.resources.named import Named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from chalicelib.core.event import Event
    from chalicelib.core.session import Session


@dataclass(frozen=True, slots=True)
class Stream(Named):
    """A stream, by name."""

    cloudformation_type: ClassVar[str] = "AWS::Kinesis::Stream"
    gone: ClassVar[frozenset[str]] = frozenset({"ResourceNotFoundException"})
    tag_reads: ClassVar[tuple[str, ...]] = ("kinesis:ListTagsForStream",)
    list_reads: ClassVar[tuple[str, ...]] = ("kinesis:ListStreams",)
    arn_service: ClassVar[str] = "kinesis"
    arn_begin: ClassVar[str] = "stream/"
    pattern: ClassVar[re.Pattern[str]] = re.compile(r"[a-zA-Z0-9_.-]{1,128}")
    """https://docs.aws.amazon.com/kinesis/latest/APIReference/API_CreateStream.html"""

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        """A consumer's ARN, `…:stream/orders/consumer/app:1`, is no stream's."""
        return cls.given(event, event.text("resourceARN"))

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        for page in aws.client("kinesis").get_paginator("list_streams").paginate():
            for name in page["StreamNames"]:
                yield cls(name, aws.account, aws.region)

    def tags(self, aws: Session) -> Mapping[str, str]:
        """At most 50, which one answer holds."""
        found = aws.client("kinesis").list_tags_for_stream(StreamName=self.id, Limit=50)
        return {tag["Key"]: tag["Value"] for tag in found["Tags"]}
