"""IAM. It is global: its events come from one region of a partition, and its ARNs name none.

Names are unique in an account whatever their path, and events and lists mostly tell no path, so the ARNs here have
none: an exemption is written so. What is true, path included, is what `described` answers.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self
from urllib.parse import unquote

from botocore.exceptions import ClientError

from chalicelib.core.event import rows, text
from chalicelib.core.pattern import native
from chalicelib.core.ports import Told
from chalicelib.core.resource import REPORTS_TO, Resource, partition
from chalicelib.resources.absent import absent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from chalicelib.core.event import Event
    from chalicelib.core.pattern import Pattern
    from chalicelib.core.ports import Session

_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,128}")
_POLICY = re.compile(r"(?:[!-~]+/)?[A-Za-z0-9_+=,.@-]{1,128}")
_KEY = re.compile(r"[A-Za-z0-9_]{16,128}")
"""https://docs.aws.amazon.com/IAM/latest/APIReference/API_User.html and …/API_AccessKey.html."""
STOLEN_CREDENTIALS: Pattern = {
    **native("aws.guardduty", "GuardDuty Finding"),
    "detail": {"resource": {"resourceType": ["AccessKey"]}, "severity": [{"numeric": [">=", 7]}]},
}
"""GuardDuty's findings about credentials (*:IAMUser/*, InstanceCredentialExfiltration…) of severity high or critical.

https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings-severity.html
"""
OPEN_ROLE = native(
    *("aws.access-analyzer", "Access Analyzer Finding"),
    status=["ACTIVE"],
    isDeleted=[False],
    resourceType=["AWS::IAM::Role"],
)
"""What IAM Access Analyzer tells of a role that outsiders can assume, in each region that has an analyzer.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-eventbridge.html
"""
_CREDENTIALS = ("resource", "accessKeyDetails")
_KEPT_BY_AWS = ("/aws-service-role/", "/aws-reserved/")


@dataclass(frozen=True, slots=True)
class Identity(Resource):
    """A user, role or group, as in `user/alice`."""

    cloudformation_type: ClassVar[str] = "AWS::IAM::*"
    gone: ClassVar[frozenset[str]] = frozenset({"NoSuchEntity"})
    tag_reads: ClassVar[tuple[str, ...]] = ("iam:GetUser", "iam:GetRole", "iam:GetGroup")
    list_reads: ClassVar[tuple[str, ...]] = ("iam:ListUsers", "iam:ListRoles", "iam:ListGroups")
    bulk_reads: ClassVar[tuple[str, ...]] = ("iam:GetAccountAuthorizationDetails",)
    at_once: ClassVar[int] = 1000
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
        begin, _, path = (text(event.detail, "resource") or "").partition(":role/")
        own = begin == f"arn:{partition(event.region)}:iam::{event.account}"  # An organization's analyzer tells of all.
        if "role" in cls.kinds and own and _NAME.fullmatch(name := path.rpartition("/")[2]):
            yield cls(f"role/{name}", event.account, REPORTS_TO[partition(event.region)])

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        """None but in the region that IAM reports to, so that a sweep of many regions meets each once."""
        if aws.region != REPORTS_TO[partition(aws.region)]:
            return
        iam: Any = aws.client("iam")
        for kind in cls.kinds:
            for page in iam.get_paginator(f"list_{kind}s").paginate():
                for each in page[f"{kind.title()}s"]:
                    yield cls(f"{kind}/{each[f'{kind.title()}Name']}", aws.account, aws.region)

    @classmethod
    def in_bulk(cls, some: Sequence[Self], aws: Session) -> Iterator[Told]:
        """What GetAccountAuthorizationDetails tells, but that has no LastUsed of passwords, nor keys and devices."""
        wanted = {each.id for each in some}
        for kind in cls.kinds:
            for found in _authorized(aws, kind.title(), f"{kind.title()}DetailList"):
                name = {f"{kind.title()}Name": found[f"{kind.title()}Name"]}
                if f"{kind}/{found[f'{kind.title()}Name']}" in wanted:
                    yield from _of_identity(kind, name, found)

    def inline(self, aws: Session) -> dict[str, str]:
        """Its inline policies, by name, as they were written."""
        found: dict[str, str] = {}
        with _as_text(aws) as iam:
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
    tag_reads: ClassVar[tuple[str, ...]] = ("iam:GetUser",)
    list_reads: ClassVar[tuple[str, ...]] = ("iam:ListUsers",)
    kinds: ClassVar[tuple[str, ...]] = ("user",)


@dataclass(frozen=True, slots=True)
class ConsoleUser(User):
    """A user as calls about passwords and MFA devices name it: not at all, when it is the caller itself."""

    bulk_reads: ClassVar[tuple[str, ...]] = ()
    at_once: ClassVar[int] = 100

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        itself = text(event.detail, "userIdentity", "userName") if event.actor.kind == "IAMUser" else None
        name = event.text("userName") or itself
        if name and _NAME.fullmatch(name):
            yield cls(f"user/{name}", event.account, event.region)

    @classmethod
    def in_bulk(cls, some: Sequence[Self], aws: Session) -> Iterator[Told]:  # noqa: ARG003
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

    tag_reads: ClassVar[tuple[str, ...]] = ("iam:GetUser", "iam:GetRole")
    list_reads: ClassVar[tuple[str, ...]] = ("iam:ListUsers", "iam:ListRoles")
    kinds: ClassVar[tuple[str, ...]] = ("user", "role")


@dataclass(frozen=True, slots=True)
class Role(Identity):
    """A role, as in `role/deploy`."""

    cloudformation_type: ClassVar[str] = "AWS::IAM::Role"
    tag_reads: ClassVar[tuple[str, ...]] = ("iam:GetRole",)
    list_reads: ClassVar[tuple[str, ...]] = ("iam:ListRoles",)
    kinds: ClassVar[tuple[str, ...]] = ("role",)


@dataclass(frozen=True, slots=True)
class AccessKey(Resource):
    """A user's access key, as in `alice/AKIA…`; a root user's is the key id alone. AWS gives keys no ARN: this is ours."""

    cloudformation_type: ClassVar[str] = "AWS::IAM::AccessKey"
    gone: ClassVar[frozenset[str]] = frozenset({"NoSuchEntity"})
    tag_reads: ClassVar[tuple[str, ...]] = ("iam:GetUser",)
    list_reads: ClassVar[tuple[str, ...]] = ("iam:ListUsers", "iam:ListAccessKeys")

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

    def listed(self, aws: Session) -> Mapping[str, Any]:
        """What ListAccessKeys tells of it: Status, CreateDate. A root user's shows itself to root alone.

        A deleted key is just not listed; a deleted user is NoSuchEntity, and both are gone.
        """
        assert self.user is not None
        for page in aws.client("iam").get_paginator("list_access_keys").paginate(**self.user.name):
            for key in page["AccessKeyMetadata"]:
                if key["AccessKeyId"] == self.key:
                    found: Mapping[str, Any] = key
                    return found
        raise ClientError({"Error": {"Code": "NoSuchEntity", "Message": f"no key {self.id}"}}, "ListAccessKeys")

    def tags(self, aws: Session) -> Mapping[str, str]:
        """Its user's: keys have none of their own."""
        return self.user.tags(aws) if self.user else {}


@dataclass(frozen=True, slots=True)
class LeakedKey(Resource):
    """A user's access key that AWS found with somebody else, as in `AKIA…`: Health's and GuardDuty's word for it.

    Health tells no user; AWS knows whose the key is.
    https://docs.aws.amazon.com/health/latest/ug/cloudwatch-events-health.html
    """

    cloudformation_type: ClassVar[str] = "AWS::IAM::AccessKey"
    gone: ClassVar[frozenset[str]] = frozenset({"NoSuchEntity"})
    tag_reads: ClassVar[tuple[str, ...]] = ("iam:GetAccessKeyLastUsed", "iam:GetUser")

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:iam::{self.account}:access-key/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        """Of the account itself: a delegated administrator's copy tells of others, whose own event comes as well."""
        found = [text(entity, "entityValue") for entity in rows(event.detail, "affectedEntities")]
        if text(event.detail, *_CREDENTIALS, "userType") == "IAMUser":
            found.append(text(event.detail, *_CREDENTIALS, "accessKeyId"))
        for key in found:
            if key and key.startswith("AKIA") and _KEY.fullmatch(key) and _about_its_own_account(event):
                yield cls(key, event.account, REPORTS_TO[partition(event.region)])

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:  # noqa: ARG003 - no list tells which keys are with others
        """None: only the event tells."""
        return iter(())

    def of(self, aws: Session) -> AccessKey | None:
        """The key with its user; None when AWS knows no user of it here: it is the root user's, or no more.

        AWS then denies the call, about an `access key` and not a user.
        https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccessKeyLastUsed.html
        """
        try:
            user = aws.client("iam").get_access_key_last_used(AccessKeyId=self.id).get("UserName")
        except ClientError as error:
            said = error.response["Error"]
            if said["Code"] != "AccessDenied" or "on resource: access key" not in said["Message"]:
                raise
            user = None
        return AccessKey(f"{user}/{self.id}", self.account, self.region) if user else None

    def tags(self, aws: Session) -> Mapping[str, str]:
        """Its user's."""
        key = self.of(aws)
        return key.tags(aws) if key else {}


@dataclass(frozen=True, slots=True)
class Sessions(Resource):
    """A role's or a user's sessions that had begun by a time, as in `role/deploy/2026-11-23T10:00:00Z`.

    The ARN is the role's or user's own: what is said about it in the settings holds for its sessions.
    """

    cloudformation_type: ClassVar[str] = "AWS::IAM::*"
    gone: ClassVar[frozenset[str]] = frozenset({"NoSuchEntity"})
    tag_reads: ClassVar[tuple[str, ...]] = ("iam:GetUser", "iam:GetRole")

    @property
    def arn(self) -> str:
        return self.identity.arn

    @property
    def identity(self) -> Identity:
        return Identity(self.id.rpartition("/")[0], self.account, self.region)

    @property
    def until(self) -> str:
        """In UTC, to the second, as IAM takes it."""
        return self.id.rpartition("/")[2]

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        """Of a GuardDuty finding; a user's long-lived key (`AKIA…`) is no session. A sample finding's role isn't there.

        https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-types-iam.html
        """
        who, key, name = (text(event.detail, *_CREDENTIALS, each) for each in ("userType", "accessKeyId", "userName"))
        kind = {"AssumedRole": "role", "Role": "role", "IAMUser": "user"}.get(who or "")
        session = kind == "role" or (key or "").startswith("ASIA")
        if kind and session and name and _NAME.fullmatch(name) and _about_its_own_account(event):
            until = event.time.isoformat(timespec="seconds").replace("+00:00", "Z")
            yield cls(f"{kind}/{name}/{until}", event.account, REPORTS_TO[partition(event.region)])

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:  # noqa: ARG003 - no list tells which sessions are stolen
        """None: only the event tells."""
        return iter(())

    def tags(self, aws: Session) -> Mapping[str, str]:
        return self.identity.tags(aws)


@dataclass(frozen=True, slots=True)
class ServerCertificate(Resource):
    """A TLS certificate kept in IAM, by its name."""

    cloudformation_type: ClassVar[str] = "AWS::IAM::ServerCertificate"
    gone: ClassVar[frozenset[str]] = frozenset({"NoSuchEntity"})
    tag_reads: ClassVar[tuple[str, ...]] = ("iam:ListServerCertificateTags",)
    list_reads: ClassVar[tuple[str, ...]] = ("iam:ListServerCertificates",)

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:iam::{self.account}:server-certificate/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        """None: a certificate expires without an event."""
        del event
        return ()

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        if aws.region == REPORTS_TO[partition(aws.region)]:
            for each in cls.listed(aws):
                yield cls(each["ServerCertificateName"], aws.account, aws.region)

    @staticmethod
    def listed(aws: Session) -> Iterator[Mapping[str, Any]]:
        """What ListServerCertificates tells of each: ServerCertificateName, Expiration. One list does for all."""
        for page in aws.client("iam").get_paginator("list_server_certificates").paginate():
            yield from page["ServerCertificateMetadataList"]

    def tags(self, aws: Session) -> Mapping[str, str]:
        pages = aws.client("iam").get_paginator("list_server_certificate_tags").paginate(ServerCertificateName=self.id)
        return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}


@dataclass(frozen=True, slots=True)
class ManagedPolicy(Resource):
    """A customer managed policy, by its path and name, as in `team/deploy`: the API asks for the whole ARN."""

    cloudformation_type: ClassVar[str] = "AWS::IAM::ManagedPolicy"
    gone: ClassVar[frozenset[str]] = frozenset({"NoSuchEntity"})
    tag_reads: ClassVar[tuple[str, ...]] = ("iam:GetPolicy",)
    list_reads: ClassVar[tuple[str, ...]] = ("iam:ListPolicies",)
    bulk_reads: ClassVar[tuple[str, ...]] = ("iam:GetAccountAuthorizationDetails",)
    at_once: ClassVar[int] = 1000

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:iam::{self.account}:policy/{self.id}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        arn = event.text("policyArn") or event.answered("policy", "arn") or ""
        begin, _, name = arn.partition(":policy/")
        if begin == f"arn:{partition(event.region)}:iam::{event.account}" and _POLICY.fullmatch(name):
            yield cls(name, event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        if aws.region != REPORTS_TO[partition(aws.region)]:
            return
        for page in aws.client("iam").get_paginator("list_policies").paginate(Scope="Local"):
            for policy in page["Policies"]:
                yield cls(policy["Arn"].partition(":policy/")[2], aws.account, aws.region)

    @classmethod
    def in_bulk(cls, some: Sequence[Self], aws: Session) -> Iterator[Told]:
        wanted = {each.arn for each in some}
        for found in _authorized(aws, "LocalManagedPolicy", "Policies"):
            if found["Arn"] in wanted:
                yield from _of_policy(found)

    def described(self, aws: Session) -> Mapping[str, Any]:
        """What GetPolicy tells: DefaultVersionId, AttachmentCount, PermissionsBoundaryUsageCount, Tags…"""
        found: Mapping[str, Any] = aws.client("iam").get_policy(PolicyArn=self.arn)["Policy"]
        return found

    def text(self, aws: Session) -> str:
        """Of its default version."""
        return policy_text(self.arn, aws)

    def versions(self, aws: Session) -> list[PolicyVersion]:
        """The oldest first."""
        with _as_text(aws) as iam:
            pages = iam.get_paginator("list_policy_versions").paginate(PolicyArn=self.arn)
            found = [
                PolicyVersion(
                    each["VersionId"], _version_text(iam, self.arn, each["VersionId"]), each["IsDefaultVersion"]
                )
                for each in [each for page in pages for each in page["Versions"]]
            ]
        return sorted(found, key=lambda version: int(version.id.removeprefix("v")))

    def tags(self, aws: Session) -> Mapping[str, str]:
        return {tag["Key"]: tag["Value"] for tag in self.described(aws).get("Tags", [])}


def _authorized(aws: Session, filter: str, listed: str) -> list[Mapping[str, Any]]:
    """All users, roles, groups or policies of an account in a few pages, with their policies as they were written."""
    with _as_text(aws) as iam:
        pages = iam.get_paginator("get_account_authorization_details")
        return [each for page in pages.paginate(Filter=[filter], MaxItems=1000) for each in page[listed]]


def _of_identity(kind: str, name: dict[str, str], found: Mapping[str, Any]) -> Iterator[Told]:
    title, few = kind.title(), {"MaxItems": 1} if kind == "group" else {}
    inline = {each["PolicyName"]: each["PolicyDocument"] for each in found.get(f"{title}PolicyList", [])}
    attached = found.get("AttachedManagedPolicies", [])
    alone = {title: found, **({"Users": []} if kind == "group" else {})}
    yield Told("iam", f"Get{title}", {**name, **few}, alone)
    yield Told("iam", f"List{title}Policies", name, {"PolicyNames": [*inline], "IsTruncated": False})
    yield Told("iam", f"ListAttached{title}Policies", name, {"AttachedPolicies": attached, "IsTruncated": False})
    for policy, document in inline.items():
        asked = {**name, "PolicyName": policy}
        yield Told("iam", f"Get{title}Policy", asked, {**asked, "PolicyDocument": document})


def _of_policy(found: Mapping[str, Any]) -> Iterator[Told]:
    """But for its tags, which are asked for when it is unsafe."""
    asked = {"PolicyArn": found["Arn"]}
    yield Told("iam", "GetPolicy", asked, {"Policy": found})
    for each in found["PolicyVersionList"]:
        version = {**asked, "VersionId": each["VersionId"]}
        yield Told("iam", "GetPolicyVersion", version, {"PolicyVersion": each})


class PolicyVersion(NamedTuple):
    """One of at most five, as in `v3`. An id is never used again."""

    id: str
    text: str
    default: bool


def policy_text(arn: str, aws: Session) -> str:
    """Of a managed policy's default version, as it was written."""
    with _as_text(aws) as iam:
        return _version_text(iam, arn, iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"])


def _version_text(iam: Any, arn: str, version: str) -> str:
    return unquote(iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"])


@contextmanager
def _as_text(aws: Session) -> Iterator[Any]:
    """IAM's client while it answers policies as the text that they were written in, quoted; boto3 would parse them."""
    from botocore.handlers import json_decode_policies

    iam: Any = aws.client("iam")
    iam.meta.events.unregister("after-call.iam", json_decode_policies)
    try:
        yield iam
    finally:
        iam.meta.events.register("after-call.iam", json_decode_policies)


def kept_by_aws(role: Mapping[str, Any]) -> bool:
    """Whether it is a service-linked role or IAM Identity Center's, which nobody but AWS can change or make.

    By the path, which AWS keeps for itself; a name such as AWSReservedSSO_… proves nothing.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html
    """
    return str(role["Path"]).startswith(_KEPT_BY_AWS)


def _about_its_own_account(event: Event) -> bool:
    about = (text(event.detail, "accountId"), text(event.detail, "affectedAccount"))
    return all(account in {None, event.account} for account in about)
