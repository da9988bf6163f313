"""What became of a guardrail and a resource, whether or not that is on record."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.core.types import Status, Unrecorded

QUIET = frozenset({Unrecorded.COMPLIANT, Unrecorded.OFF, Status.GONE, Unrecorded.WAITING})
"""Outcomes that are no finding."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one guardrail and one resource.

    `status` is a record's status, or one that leaves no record: `compliant`, `off`, `exempt`, `gone`, `duplicate`,
    and `waiting`, when the event comes again after the guardrail's grace. `missing` is the IAM action that Snapback's own
    policies lack, where that is why it could not be judged. `reported` is the open record that told of it before a sweep did.
    """

    guardrail: str
    resource: str
    status: str
    reason: str = ""
    record: str = ""
    missing: str = ""
    reported: str = ""

    def to_json(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in self.__slots__}
