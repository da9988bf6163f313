"""KMS. Calls name a key by its id or ARN; those about policies and grants take no alias."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from chalicelib.core.event import text
from chalicelib.resources.named import Named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from chalicelib.core.event import Event
    from chalicelib.core.session import Session


@dataclass(frozen=True, slots=True)
class Key(Named):
    """A key, by id. AWS's own keys are among them: their policies allow the account alone."""

    cloudformation_type: ClassVar[str] = "AWS::KMS::Key"
    gone: ClassVar[frozenset[str]] = frozenset({"NotFoundException"})
    tag_reads: ClassVar[tuple[str, ...]] = ("kms:ListResourceTags",)
    list_reads: ClassVar[tuple[str, ...]] = ("kms:ListKeys",)
    arn_service: ClassVar[str] = "kms"
    arn_begin: ClassVar[str] = "key/"
    pattern: ClassVar[re.Pattern[str]] = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32}")
    """https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id"""

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        made = event.answered("keyMetadata", "keyId")
        return cls.given(event, event.text("keyId"), made, text(event.detail, "resource"))

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        for page in aws.client("kms").get_paginator("list_keys").paginate():
            for key in page["Keys"]:
                yield cls(key["KeyId"], aws.account, aws.region)

    def described(self, aws: Session) -> Mapping[str, Any]:
        """As DescribeKey tells it. Needs kms:DescribeKey."""
        return aws.client("kms").describe_key(KeyId=self.id)["KeyMetadata"]  # type: ignore[no-any-return]

    def tags(self, aws: Session) -> Mapping[str, str]:
        pages = aws.client("kms").get_paginator("list_resource_tags").paginate(KeyId=self.id)
        return {tag["TagKey"]: tag["TagValue"] for page in pages for tag in page["Tags"]}
