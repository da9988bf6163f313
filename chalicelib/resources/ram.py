"""Resource Access Manager."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from chalicelib.core.resource import Resource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from chalicelib.core.event import Event
    from chalicelib.core.session import Session

_ARN = re.compile(r"arn:[a-z-]+:ram:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):resource-share/[0-9a-f-]{36}")


@dataclass(frozen=True, slots=True)
class ResourceShare(Resource):
    """A share that this account owns, by its ARN. What other accounts share with this one is theirs."""

    cloudformation_type: ClassVar[str] = "AWS::RAM::ResourceShare"
    gone: ClassVar[frozenset[str]] = frozenset({"UnknownResourceException"})
    tag_reads: ClassVar[tuple[str, ...]] = ("ram:GetResourceShares",)
    list_reads: ClassVar[tuple[str, ...]] = ("ram:GetResourceShares",)

    @property
    def arn(self) -> str:
        return self.id

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        arn = event.text("resourceShareArn") or event.answered("resourceShare", "resourceShareArn") or ""
        found = _ARN.fullmatch(arn)
        if found and found["account"] == event.account:
            yield cls(arn, event.account, found["region"])

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        ram: Any = aws.client("ram")
        for page in ram.get_paginator("get_resource_shares").paginate(resourceOwner="SELF"):
            for share in page["resourceShares"]:
                if share["status"] not in {"DELETING", "DELETED"}:
                    yield cls(share["resourceShareArn"], aws.account, aws.region)

    def tags(self, aws: Session) -> Mapping[str, str]:
        ram: Any = aws.client("ram")
        pages = ram.get_paginator("get_resource_shares").paginate(resourceOwner="SELF", resourceShareArns=[self.arn])
        shares = (share for page in pages for share in page["resourceShares"])
        return {tag["key"]: tag["value"] for share in shares for tag in share.get("tags", [])}
