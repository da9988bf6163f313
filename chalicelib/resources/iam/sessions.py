"""Sessions of roles and users, which IAM can revoke but not list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, ClassVar, Self

from chalicelib.core.event import text
from chalicelib.core.partitions import global_region
from chalicelib.core.resource import Resource
from chalicelib.resources.iam.identities import Identity
from chalicelib.resources.iam.names import CREDENTIALS, NAME, about_its_own_account

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from chalicelib.core.event import Event
    from chalicelib.core.session import Session


def time_text(moment: datetime) -> str:
    """In UTC, to the second, as IAM's console writes it in a policy; such texts sort as their times do."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Sessions(Resource):
    """A role's or a user's sessions that had begun by a time, as in `role/deploy/2026-11-23T10:00:00Z`.

    The ARN is the role's or user's own: what is said about it in the settings holds for its sessions.
    """

    cloudformation_type: ClassVar[str] = "AWS::IAM::*"
    gone: ClassVar[frozenset[str]] = frozenset({"NoSuchEntity"})
    arn_reads: ClassVar[tuple[str, ...]] = ("iam:GetUser", "iam:GetRole")
    tag_reads: ClassVar[tuple[str, ...]] = ("iam:GetUser", "iam:GetRole")

    @property
    def arn(self) -> str:
        return self.identity.arn

    def arns(self, aws: Session) -> tuple[str, ...]:
        return self.identity.arns(aws)

    @property
    def identity(self) -> Identity:
        return Identity(self.id.rpartition("/")[0], self.account, self.region)

    @property
    def until(self) -> str:
        """As `time_text` writes it."""
        return self.id.rpartition("/")[2]

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        """Of a GuardDuty finding; a user's long-lived key (`AKIA…`) is no session. A sample finding's role isn't there.

        https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-iam.html
        """
        who, key, name = (text(event.detail, *CREDENTIALS, each) for each in ("userType", "accessKeyId", "userName"))
        kind = {"AssumedRole": "role", "Role": "role", "IAMUser": "user"}.get(who or "")
        session = kind == "role" or (key or "").startswith("ASIA")
        if kind and session and name and NAME.fullmatch(name) and about_its_own_account(event):
            yield cls(f"{kind}/{name}/{time_text(event.time)}", event.account, global_region(event.region))

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        """None: only the event tells."""
        return iter(())

    def tags(self, aws: Session) -> Mapping[str, str]:
        return self.identity.tags(aws)
