"""What most EC2 resources share: they are described by ids, and many at once by a filter."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from chalicelib.core.resource import Resource
from chalicelib.core.session import Prefetched

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from chalicelib.core.event import Event
    from chalicelib.core.session import Session


def is_id(prefix: str, id: str) -> bool:
    """Whether EC2 takes it for an id of this kind.

    Another prefix is InvalidParameterValue to EC2, which can mean anything, so it is never `gone`; digits that aren't
    hexadecimal are an error of their own, `…Malformed`, and are.
    """
    return re.fullmatch(rf"{prefix}-[0-9A-Za-z]{{1,32}}", id) is not None


@dataclass(frozen=True, slots=True)
class Described(Resource):
    """What a call tells of by ids, and of many by a filter, which has no error for those that are gone.

    https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html asks for filters and pages.
    """

    described_by: ClassVar[tuple[str, str, str, str]]
    """How the call is named, and then the ids in it, the filter and the id in the answer: `volumes`, `VolumeIds`, …"""

    @property
    def described_id(self) -> str:
        """The id that is asked for."""
        return self.id

    @classmethod
    def batch_read(cls, some: Sequence[Self], aws: Session) -> Iterator[Prefetched]:
        called, asked, filter_name, key = cls.described_by
        operation = "Describe" + "".join(word.title() for word in called.split("_"))
        wanted = sorted({each.described_id for each in some})
        for start in range(0, len(wanted), FILTERED):
            values = wanted[start : start + FILTERED]
            for page in described_pages(aws, f"describe_{called}", Filters=[{"Name": filter_name, "Values": values}]):
                for each in cls._in(page):
                    yield Prefetched("ec2", operation, {asked: [each[key]]}, cls._alone(page, each))

    @classmethod
    def _in(cls, page: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        return page[cls._list()]  # type: ignore[no-any-return]

    @classmethod
    def _alone(cls, page: Mapping[str, Any], each: Mapping[str, Any]) -> Mapping[str, Any]:
        return {cls._list(): [each]}

    @classmethod
    def _list(cls) -> str:
        return "".join(word.title() for word in cls.described_by[0].split("_"))


FILTERED = 200
"""Values that a filter takes: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Filter.html."""


def described_pages(aws: Session, call: str, **asked: Any) -> Iterator[Mapping[str, Any]]:
    client: Any = aws.client("ec2")
    if client.can_paginate(call):
        yield from client.get_paginator(call).paginate(**asked)
    else:
        yield getattr(client, call)(**asked)


def ids_in_request(event: Event, name: str) -> Iterator[str]:
    """A string in the request, bare or wrapped: `instanceId`, or `InstanceId` within `…Request`."""
    for found in (event.text(name), event.text(f"{event.name}Request", name[0].upper() + name[1:])):
        if found:
            yield found


def ids_in_response(event: Event, *path: str) -> Iterator[str]:
    """A string in the answer, bare or within `…Response`."""
    for found in (event.answered(*path), event.answered(f"{event.name}Response", *path)):
        if found:
            yield found
