"""DynamoDB. Calls name a table by name or ARN, in `tableName`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from chalicelib.core.event import text
from chalicelib.core.partitions import partition
from chalicelib.core.resource import Resource
from chalicelib.resources.absent import absent
from chalicelib.resources.named import Named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from chalicelib.core.event import Event
    from chalicelib.core.session import Session

_NAME = re.compile(
    r"(?:arn:[^:]+:dynamodb:(?P<region>[^:]+):(?P<account>[0-9]{12}):table/)?(?P<name>[A-Za-z0-9_.-]{3,255})"
)
"""https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTable.html"""


@dataclass(frozen=True, slots=True)
class Table(Resource):
    """A table, by name."""

    cloudformation_type: ClassVar[str] = "AWS::DynamoDB::Table"
    gone: ClassVar[frozenset[str]] = frozenset({"ResourceNotFoundException", "TableNotFoundException"})
    tag_reads: ClassVar[tuple[str, ...]] = ("dynamodb:ListTagsOfResource",)
    list_reads: ClassVar[tuple[str, ...]] = ("dynamodb:ListTables",)

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:dynamodb:{self.region}:{self.account}:table/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        """An ARN may name another account's table, or one elsewhere: the event is then no word of its owner's."""
        for given in event.names("tableName"):
            found = _NAME.fullmatch(given)
            if found and found["account"] in (None, event.account) and found["region"] in (None, event.region):
                yield cls(found["name"], event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        for page in aws.client("dynamodb").get_paginator("list_tables").paginate():
            for name in page["TableNames"]:
                yield cls(name, aws.account, aws.region)

    def tags(self, aws: Session) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for page in aws.client("dynamodb").get_paginator("list_tags_of_resource").paginate(ResourceArn=self.arn):
            found |= {tag["Key"]: tag["Value"] for tag in page["Tags"]}
        return found


@dataclass(frozen=True, slots=True)
class OwnTable(Table):
    """A table that may be of Snapback's own stack. A deleted one is a finding and not `gone`."""

    gone: ClassVar[frozenset[str]] = frozenset()
    name_pattern: ClassVar[str] = "${AWS::StackName}-*"

    def tags(self, aws: Session) -> Mapping[str, str]:
        """None of a deleted table."""
        found: dict[str, str] = {}
        with absent(*Table.gone):
            found |= Table.tags(self, aws)
        return found


@dataclass(frozen=True, slots=True)
class TableOrStream(Named):
    """What may have a resource policy: a table, as in `orders`, or its stream, as in `orders/stream/2026-11-23T10:00:00.000`."""

    cloudformation_type: ClassVar[str] = "AWS::DynamoDB::Table"
    gone: ClassVar[frozenset[str]] = Table.gone
    tag_reads: ClassVar[tuple[str, ...]] = Table.tag_reads
    list_reads: ClassVar[tuple[str, ...]] = (*Table.list_reads, "dynamodb:ListStreams")
    arn_service: ClassVar[str] = "dynamodb"
    arn_begin: ClassVar[str] = "table/"
    pattern: ClassVar[re.Pattern[str]] = re.compile(r"[A-Za-z0-9_.-]{3,255}(?:/stream/[0-9T:.-]+)?")

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        return cls.given(event, event.text("resourceArn"), event.text("tableName"), text(event.detail, "resource"))

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        for table in Table.all_in(aws):
            yield cls(table.id, aws.account, aws.region)
        more: dict[str, str] = {}
        while True:  # ListStreams has no paginator.
            found = aws.client("dynamodbstreams").list_streams(**more)
            for stream in found["Streams"]:
                yield cls(stream["StreamArn"].partition(":table/")[2], aws.account, aws.region)
            if not found.get("LastEvaluatedStreamArn"):
                return
            more = {"ExclusiveStartStreamArn": found["LastEvaluatedStreamArn"]}

    def tags(self, aws: Session) -> Mapping[str, str]:
        """The table's: a stream has none."""
        return Table(self.id.partition("/")[0], self.account, self.region).tags(aws)
