"""IAM Roles Anywhere: roles for whoever shows a certificate that a trust anchor vouches for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from chalicelib.core.partitions import partition
from chalicelib.core.resource import Resource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from chalicelib.core.event import Event
    from chalicelib.core.session import Session

_ID = re.compile(r"[a-f0-9]{8}-(?:[a-z0-9]{4}-){3}[a-z0-9]{12}")


@dataclass(frozen=True, slots=True)
class TrustAnchor(Resource):
    """A certificate authority whose word counts, by its id.

    https://docs.aws.amazon.com/rolesanywhere/latest/APIReference/API_TrustAnchorDetail.html
    """

    cloudformation_type: ClassVar[str] = "AWS::RolesAnywhere::TrustAnchor"
    gone: ClassVar[frozenset[str]] = frozenset({"ResourceNotFoundException"})
    tag_reads: ClassVar[tuple[str, ...]] = ("rolesanywhere:ListTagsForResource",)
    list_reads: ClassVar[tuple[str, ...]] = ("rolesanywhere:ListTrustAnchors",)
    what: ClassVar[str] = "trust_anchor"
    """As the API's names have it."""

    @property
    def arn(self) -> str:
        what = self.what.replace("_", "-")
        return f"arn:{partition(self.region)}:rolesanywhere:{self.region}:{self.account}:{what}/{self.id}"

    @property
    def name(self) -> dict[str, Any]:
        """As the API takes it: `{"trustAnchorId": "…"}`."""
        return {f"{self._camel()}Id": self.id}

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        """A new one is named in the answer; other calls take its id, its ARN or an alias."""
        what = cls._camel()
        named = event.answered(what, f"{what}Id") or event.text(f"{what}Id") or ""
        found = named.rpartition("/")[2]
        if _ID.fullmatch(found):
            yield cls(found, event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        what = cls._camel()
        for page in aws.client("rolesanywhere").get_paginator(f"list_{cls.what}s").paginate():
            for each in page[f"{what}s"]:
                yield cls(each[f"{what}Id"], aws.account, aws.region)

    def described(self, aws: Session) -> Mapping[str, Any]:
        """What GetTrustAnchor or GetProfile tells: name, enabled, source or roleArns…"""
        found: Mapping[str, Any] = getattr(aws.client("rolesanywhere"), f"get_{self.what}")(**self.name)[self._camel()]
        return found

    def tags(self, aws: Session) -> Mapping[str, str]:
        tags = aws.client("rolesanywhere").list_tags_for_resource(resourceArn=self.arn)["tags"]
        return {tag["key"]: tag["value"] for tag in tags}

    @classmethod
    def _camel(cls) -> str:
        first, *rest = cls.what.split("_")
        return first + "".join(word.title() for word in rest)


@dataclass(frozen=True, slots=True)
class Profile(TrustAnchor):
    """The roles that certificates get, by its id."""

    cloudformation_type: ClassVar[str] = "AWS::RolesAnywhere::Profile"
    list_reads: ClassVar[tuple[str, ...]] = ("rolesanywhere:ListProfiles",)
    what: ClassVar[str] = "profile"
