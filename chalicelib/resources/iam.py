"""IAM. It is global: its events come from one region of a partition, and its ARNs name none.

Names are unique in an account whatever their path, and events and lists mostly tell no path, so the ARNs here have
none: an exemption is written so. What is true, path included, is what `described` answers.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from chalicelib.core.event import text
from chalicelib.core.resource import Resource, partition

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from chalicelib.core.event import Event
    from chalicelib.core.ports import Session

_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,128}")
_KEY = re.compile(r"[A-Za-z0-9_]{16,128}")
"""https://docs.aws.amazon.com/IAM/latest/APIReference/API_User.html and …/API_AccessKey.html."""
_REPORTS_TO = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
_KEPT_BY_AWS = ("/aws-service-role/", "/aws-reserved/")


@dataclass(frozen=True, slots=True)
class Identity(Resource):
    """A user, role or group, as in `user/alice`."""

    cloudformation_type: ClassVar[str] = "AWS::IAM::*"
    gone: ClassVar[frozenset[str]] = frozenset({"NoSuchEntity"})
    tag_reads: ClassVar[tuple[str, ...]] = ("iam:GetUser", "iam:GetRole", "iam:GetGroup")
    kinds: ClassVar[tuple[str, ...]] = ("user", "role", "group")

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:iam::{self.account}:{self.id}"

    @property
    def what(self) -> str:
        """`user`, `role` or `group`."""
        return self.id.partition("/")[0]

    @property
    def name(self) -> dict[str, Any]:
        """As the API takes it: `{"UserName": "alice"}`."""
        return {f"{self.what.title()}Name": self.id.partition("/")[2]}

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        for kind in cls.kinds:
            for name in event.names(f"{kind}Name"):
                if _NAME.fullmatch(name):
                    yield cls(f"{kind}/{name}", event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        """None but in the region that IAM reports to, so that a sweep of many regions meets each once."""
        if aws.region != _REPORTS_TO[partition(aws.region)]:
            return
        iam: Any = aws.client("iam")
        for kind in cls.kinds:
            for page in iam.get_paginator(f"list_{kind}s").paginate():
                for each in page[f"{kind.title()}s"]:
                    yield cls(f"{kind}/{each[f'{kind.title()}Name']}", aws.account, aws.region)

    def described(self, aws: Session) -> Mapping[str, Any]:
        """What GetUser, GetRole or GetGroup tells: Arn, Path, Tags (groups have none), AssumeRolePolicyDocument…"""
        few = {"MaxItems": 1} if self.what == "group" else {}  # GetGroup lists the members too.
        found: Mapping[str, Any] = getattr(aws.client("iam"), f"get_{self.what}")(**self.name, **few)[self.what.title()]
        return found

    def tags(self, aws: Session) -> Mapping[str, str]:
        return {tag["Key"]: tag["Value"] for tag in self.described(aws).get("Tags", [])}


@dataclass(frozen=True, slots=True)
class User(Identity):
    """A user, as in `user/alice`."""

    cloudformation_type: ClassVar[str] = "AWS::IAM::User"
    tag_reads: ClassVar[tuple[str, ...]] = ("iam:GetUser",)
    kinds: ClassVar[tuple[str, ...]] = ("user",)


@dataclass(frozen=True, slots=True)
class Role(Identity):
    """A role, as in `role/deploy`."""

    cloudformation_type: ClassVar[str] = "AWS::IAM::Role"
    tag_reads: ClassVar[tuple[str, ...]] = ("iam:GetRole",)
    kinds: ClassVar[tuple[str, ...]] = ("role",)


@dataclass(frozen=True, slots=True)
class AccessKey(Resource):
    """A user's access key, as in `alice/AKIA…`; a root user's is the key id alone. AWS gives keys no ARN: this is ours."""

    cloudformation_type: ClassVar[str] = "AWS::IAM::AccessKey"
    gone: ClassVar[frozenset[str]] = frozenset({"NoSuchEntity"})
    tag_reads: ClassVar[tuple[str, ...]] = ("iam:GetUser",)

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:iam::{self.account}:access-key/{self.id}"

    @property
    def key(self) -> str:
        return self.id.rpartition("/")[2]

    @property
    def user(self) -> User | None:
        """Whose it is; None is the root user."""
        name = self.id.rpartition("/")[0]
        return User(f"user/{name}", self.account, self.region) if name else None

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        """Users who make a key for themselves, and root, need not be named in the request."""
        key = event.answered("accessKey", "accessKeyId") or event.text("accessKeyId")
        key = key if key and _KEY.fullmatch(key) else None
        user = event.text("userName")
        if key and user is None and event.actor.kind == "Root":
            if event.name == "CreateAccessKey":
                yield cls(key, event.account, event.region)
            return
        itself = text(event.detail, "userIdentity", "userName") if event.actor.kind == "IAMUser" else None
        user = user or event.answered("accessKey", "userName") or itself
        if key and user and _NAME.fullmatch(user):
            yield cls(f"{user}/{key}", event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        """Those of the users; nobody but root can list root's."""
        for user in User.all_in(aws):
            for page in aws.client("iam").get_paginator("list_access_keys").paginate(**user.name):
                for key in page["AccessKeyMetadata"]:
                    yield cls(f"{key['UserName']}/{key['AccessKeyId']}", aws.account, aws.region)

    def tags(self, aws: Session) -> Mapping[str, str]:
        """Its user's: keys have none of their own."""
        return self.user.tags(aws) if self.user else {}


def kept_by_aws(role: Mapping[str, Any]) -> bool:
    """Whether it is a service-linked role or IAM Identity Center's, which nobody but AWS can change or make.

    By the path, which AWS keeps for itself; a name such as AWSReservedSSO_… proves nothing.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html
    """
    return str(role["Path"]).startswith(_KEPT_BY_AWS)
