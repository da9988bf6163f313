"""Resources that events name by an ARN or by the name at its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from chalicelib.core.partitions import partition
from chalicelib.core.resource import Resource

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

    from chalicelib.core.event import Event


@dataclass(frozen=True, slots=True)
class Named(Resource):
    """A resource whose ARN ends with its id: `arn:…:<arn_service>:<region>:<account>:<arn_begin><id>`."""

    arn_service: ClassVar[str]
    arn_begin: ClassVar[str] = ""
    pattern: ClassVar[re.Pattern[str]]
    """What the service lets an id be."""

    @property
    def arn(self) -> str:
        return self.prefix(self.account, self.region) + self.id

    @classmethod
    def prefix(cls, account: str, region: str) -> str:
        """What comes before the id in the ARN."""
        return f"arn:{partition(region)}:{cls.arn_service}:{region}:{account}:{cls.arn_begin}"

    @classmethod
    def given(cls, event: Event, *texts: str | None) -> Iterator[Self]:
        """What these texts of an event name. The ARN of another account or region names nothing of the event's own."""
        for each in texts:
            found = cls.pattern.fullmatch((each or "").removeprefix(cls.prefix(event.account, event.region)))
            if found:
                yield cls(found[0], event.account, event.region)
