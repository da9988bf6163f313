"""Access keys, and those that leaked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from botocore.exceptions import ClientError

from chalicelib.core.event import rows, text
from chalicelib.core.partitions import global_region, partition
from chalicelib.core.pattern import native
from chalicelib.core.resource import Resource
from chalicelib.resources.iam.identities import User
from chalicelib.resources.iam.names import CREDENTIALS, NAME, about_its_own_account

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from chalicelib.core.event import Event
    from chalicelib.core.pattern import Pattern
    from chalicelib.core.session import Session

_KEY = re.compile(r"[A-Za-z0-9_]{16,128}")
"""https://docs.aws.amazon.com/IAM/latest/APIReference/API_User.html and …/API_AccessKey.html."""
STOLEN_CREDENTIALS: Pattern = {
    **native("aws.guardduty", "GuardDuty Finding"),
    "detail": {"resource": {"resourceType": ["AccessKey"]}, "severity": [{"numeric": [">=", 7]}]},
}
"""GuardDuty's findings about credentials (*:IAMUser/*, InstanceCredentialExfiltration…) of severity high or critical.

https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings-severity.html
"""


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
        if key and user and NAME.fullmatch(user):
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
        if text(event.detail, *CREDENTIALS, "userType") == "IAMUser":
            found.append(text(event.detail, *CREDENTIALS, "accessKeyId"))
        for key in found:
            if key and key.startswith("AKIA") and _KEY.fullmatch(key) and about_its_own_account(event):
                yield cls(key, event.account, global_region(event.region))

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
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
