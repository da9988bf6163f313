"""IAM. It is global: its events come from one region of a partition, and its ARNs name none.

Names are unique in an account whatever their path, and events and lists mostly tell no path, so `arn` has none: records
and slots go by it. AWS's own ARN, path included, is what `described` answers. The settings mean either (`arns`).
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import unquote

from chalicelib.analysis.policy_escalation import administering
from chalicelib.core.event import text
from chalicelib.core.partitions import global_region, partition
from chalicelib.core.pattern import native
from chalicelib.core.resource import Resource
from chalicelib.resources.absent import absent
from chalicelib.resources.iam.documents import as_text, authorized, of_identity, policy_text
from chalicelib.resources.iam.names import NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from chalicelib.core.event import Event
    from chalicelib.core.session import Prefetched, Session

OPEN_ROLE = native(
    "aws.access-analyzer",
    "Access Analyzer Finding",
    status=["ACTIVE"],
    isDeleted=[False],
    resourceType=["AWS::IAM::Role"],
)
"""What IAM Access Analyzer tells of a role that outsiders can assume, in each region that has an analyzer.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-eventbridge.html
"""
_KEPT_BY_AWS = ("/aws-service-role/", "/aws-reserved/")


LESS_HELD_BACK = (
    "AddUserToGroup",
    "CreatePolicyVersion",
    "DeleteGroupPolicy",
    "DeleteRolePermissionsBoundary",
    "DeleteRolePolicy",
    "DeleteUserPermissionsBoundary",
    "DeleteUserPolicy",
    "DetachGroupPolicy",
    "DetachRolePolicy",
    "DetachUserPolicy",
    "PutRolePermissionsBoundary",
    "PutUserPermissionsBoundary",
    "SetDefaultPolicyVersion",
)
"""Calls that give an identity nothing, and may still make it more: what held it back, a boundary or what a policy denies,
is gone or is another, or a user comes to a group's policies."""


@dataclass(frozen=True, slots=True)
class Identity(Resource):
    """A user, role or group, as in `user/alice`."""

    cloudformation_type: ClassVar[str] = "AWS::IAM::*"
    gone: ClassVar[frozenset[str]] = frozenset({"NoSuchEntity"})
    tag_reads: ClassVar[tuple[str, ...]] = ("iam:GetUser", "iam:GetRole", "iam:GetGroup")
    list_reads: ClassVar[tuple[str, ...]] = ("iam:ListUsers", "iam:ListRoles", "iam:ListGroups")
    batch_reads: ClassVar[tuple[str, ...]] = ("iam:GetAccountAuthorizationDetails",)
    batch_size: ClassVar[int] = 1000
    arn_reads: ClassVar[tuple[str, ...]] = ("iam:GetUser", "iam:GetRole", "iam:GetGroup")
    affecting: ClassVar[frozenset[str]] = frozenset({"CreatePolicyVersion", "SetDefaultPolicyVersion"})
    affected_reads: ClassVar[tuple[str, ...]] = ("iam:GetPolicy", "iam:GetPolicyVersion", "iam:ListEntitiesForPolicy")
    kinds: ClassVar[tuple[str, ...]] = ("user", "role", "group")

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:iam::{self.account}:{self.id}"

    def arns(self, aws: Session) -> tuple[str, ...]:
        return (self.described(aws)["Arn"], self.arn)

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
                if NAME.fullmatch(name):
                    yield cls(f"{kind}/{name}", event.account, event.region)
        begin, _, path = (text(event.detail, "resource") or "").partition(":role/")
        # An organization's analyzer reports the roles of all accounts.
        own = begin == f"arn:{partition(event.region)}:iam::{event.account}"
        if "role" in cls.kinds and own and NAME.fullmatch(name := path.rpartition("/")[2]):
            yield cls(f"role/{name}", event.account, global_region(event.region))

    @classmethod
    def affected(cls, event: Event, aws: Session) -> Iterable[Self]:
        """Those that the policy is attached to or bounds, unless it makes administrator by itself: then it is at fault."""
        arn = event.text("policyArn") or ""
        if not arn.startswith(f"arn:{partition(aws.region)}:iam::{aws.account}:policy/"):
            return
        with absent("NoSuchEntity"):
            if administering(policy_text(arn, aws), aws.account):
                return
            for page in aws.client("iam").get_paginator("list_entities_for_policy").paginate(PolicyArn=arn):
                for kind in cls.kinds:
                    listed: Any = page[f"Policy{kind.title()}s"]  # type: ignore[literal-required]
                    for each in listed:
                        yield cls(f"{kind}/{each[f'{kind.title()}Name']}", aws.account, aws.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        """None but in the region that IAM reports to, so that a sweep of many regions meets each once."""
        if aws.region != global_region(aws.region):
            return
        iam: Any = aws.client("iam")
        for kind in cls.kinds:
            for page in iam.get_paginator(f"list_{kind}s").paginate():
                for each in page[f"{kind.title()}s"]:
                    yield cls(f"{kind}/{each[f'{kind.title()}Name']}", aws.account, aws.region)

    @classmethod
    def batch_read(cls, some: Sequence[Self], aws: Session) -> Iterator[Prefetched]:
        """What GetAccountAuthorizationDetails tells, but that has no LastUsed of passwords, nor keys and devices."""
        wanted = {each.id for each in some}
        for kind in cls.kinds:
            for found in authorized(aws, kind.title(), f"{kind.title()}DetailList"):
                name = {f"{kind.title()}Name": found[f"{kind.title()}Name"]}
                if f"{kind}/{found[f'{kind.title()}Name']}" in wanted:
                    yield from of_identity(kind, name, found)

    def inline(self, aws: Session) -> dict[str, str]:
        """Its inline policies, by name, as they were written."""
        found: dict[str, str] = {}
        with as_text(aws) as iam:
            pages = iam.get_paginator(f"list_{self.what}_policies").paginate(**self.name)
            for name in [name for page in pages for name in page["PolicyNames"]]:
                with absent("NoSuchEntity"):  # Deleted since it was listed.
                    answer = getattr(iam, f"get_{self.what}_policy")(**self.name, PolicyName=name)
                    found[name] = unquote(answer["PolicyDocument"])
        return found

    def boundary(self, aws: Session) -> str | None:
        """The text of its permissions boundary, if it has one; groups can't."""
        if self.what == "group":
            return None
        arn = self.described(aws).get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        return policy_text(arn, aws) if arn else None

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
    arn_reads: ClassVar[tuple[str, ...]] = ("iam:GetUser",)
    tag_reads: ClassVar[tuple[str, ...]] = ("iam:GetUser",)
    list_reads: ClassVar[tuple[str, ...]] = ("iam:ListUsers",)
    kinds: ClassVar[tuple[str, ...]] = ("user",)


@dataclass(frozen=True, slots=True)
class ConsoleUser(User):
    """A user as calls about passwords and MFA devices name it: not at all, when it is the caller itself."""

    batch_reads: ClassVar[tuple[str, ...]] = ()
    batch_size: ClassVar[int] = 100

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        itself = text(event.detail, "userIdentity", "userName") if event.actor.kind == "IAMUser" else None
        name = event.text("userName") or itself
        if name and NAME.fullmatch(name):
            yield cls(f"user/{name}", event.account, event.region)

    @classmethod
    def batch_read(cls, some: Sequence[Self], aws: Session) -> Iterator[Prefetched]:
        """None: when a password was used, the account's details don't tell."""
        return iter(())

    def has_mfa(self, aws: Session) -> bool:
        """Whether a device is enrolled: virtual, hardware or a passkey. Needs iam:ListMFADevices."""
        pages = aws.client("iam").get_paginator("list_mfa_devices").paginate(**self.name)
        return any(page["MFADevices"] for page in pages)

    def password_since(self, aws: Session) -> str | None:
        """When the user was given a console password, ISO 8601; None without one. Needs iam:GetLoginProfile."""
        with absent("NoSuchEntity"):
            return aws.client("iam").get_login_profile(**self.name)["LoginProfile"]["CreateDate"].isoformat()
        return None


@dataclass(frozen=True, slots=True)
class Bounded(Identity):
    """What may have a permissions boundary: a user or a role."""

    arn_reads: ClassVar[tuple[str, ...]] = ("iam:GetUser", "iam:GetRole")
    tag_reads: ClassVar[tuple[str, ...]] = ("iam:GetUser", "iam:GetRole")
    list_reads: ClassVar[tuple[str, ...]] = ("iam:ListUsers", "iam:ListRoles")
    kinds: ClassVar[tuple[str, ...]] = ("user", "role")


@dataclass(frozen=True, slots=True)
class Role(Identity):
    """A role, as in `role/deploy`."""

    cloudformation_type: ClassVar[str] = "AWS::IAM::Role"
    arn_reads: ClassVar[tuple[str, ...]] = ("iam:GetRole",)
    tag_reads: ClassVar[tuple[str, ...]] = ("iam:GetRole",)
    list_reads: ClassVar[tuple[str, ...]] = ("iam:ListRoles",)
    kinds: ClassVar[tuple[str, ...]] = ("role",)


def kept_by_aws(role: Mapping[str, Any]) -> bool:
    """Whether it is a service-linked role or IAM Identity Center's, which nobody but AWS can change or make.

    By the path, which AWS keeps for itself; a name such as AWSReservedSSO_… proves nothing.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html
    """
    return str(role["Path"]).startswith(_KEPT_BY_AWS)
