"""The Glue Data Catalog, one in each account and region."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from chalicelib.core.partitions import partition
from chalicelib.core.resource import Resource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from chalicelib.core.event import Event
    from chalicelib.core.session import Session


@dataclass(frozen=True, slots=True)
class Catalog(Resource):
    """The account's catalog, by the account's id, as Glue calls it."""

    cloudformation_type: ClassVar[str] = "AWS::Glue::Catalog"

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:glue:{self.region}:{self.account}:catalog"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        yield cls(event.account, event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        yield cls(aws.account, aws.account, aws.region)
