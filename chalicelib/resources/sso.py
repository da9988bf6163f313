"""IAM Identity Center. Its API is called sso-admin, its events and IAM actions sso; one region of an organization has it."""

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

_SET = re.compile(r"arn:[a-z-]+:sso:::permissionSet/(?P<set>(?:sso)?ins-[A-Za-z0-9.-]{16}/ps-[A-Za-z0-9.-]{16})")
"""https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_PermissionSet.html."""
_ACCOUNT = re.compile(r"[0-9]{12}")
_WHO = re.compile(r"[A-Za-z0-9-]{1,100}")
"""A user's or group's id in the identity store."""


@dataclass(frozen=True, slots=True)
class PermissionSet(Resource):
    """What those who are assigned to it may do, as in `ssoins-1234567890abcdef/ps-1234567890abcdef`."""

    cloudformation_type: ClassVar[str] = "AWS::SSO::PermissionSet"
    gone: ClassVar[frozenset[str]] = frozenset({"ResourceNotFoundException"})
    tag_reads: ClassVar[tuple[str, ...]] = ("sso:ListTagsForResource",)
    list_reads: ClassVar[tuple[str, ...]] = ("sso:ListInstances", "sso:ListPermissionSets")

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:sso:::permissionSet/{self.id}"

    @property
    def name(self) -> dict[str, Any]:
        """As the API takes it."""
        instance = f"arn:{partition(self.region)}:sso:::instance/{self.id.partition('/')[0]}"
        return {"InstanceArn": instance, "PermissionSetArn": self.arn}

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        if found := _SET.fullmatch(event.text("permissionSetArn") or ""):
            yield cls(found["set"], event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        sso: Any = aws.client("sso-admin")
        for page in sso.get_paginator("list_instances").paginate():
            for instance in page["Instances"]:
                sets = sso.get_paginator("list_permission_sets").paginate(InstanceArn=instance["InstanceArn"])
                for arn in (arn for each in sets for arn in each["PermissionSets"]):
                    yield cls(arn.partition(":permissionSet/")[2], aws.account, aws.region)

    def tags(self, aws: Session) -> Mapping[str, str]:
        sso: Any = aws.client("sso-admin")
        instance = self.name["InstanceArn"]
        pages = sso.get_paginator("list_tags_for_resource").paginate(InstanceArn=instance, ResourceArn=self.arn)
        return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}


@dataclass(frozen=True, slots=True)
class Assignment(Resource):
    """A user or group who has a permission set in an account: `ssoins-…/ps-…/123456789012/GROUP/<its id>`.

    AWS gives assignments no ARN: this is ours.
    """

    cloudformation_type: ClassVar[str] = "AWS::SSO::Assignment"
    gone: ClassVar[frozenset[str]] = frozenset({"ResourceNotFoundException"})
    tag_reads: ClassVar[tuple[str, ...]] = PermissionSet.tag_reads
    list_reads: ClassVar[tuple[str, ...]] = (
        *PermissionSet.list_reads,
        "sso:ListAccountsForProvisionedPermissionSet",
        "sso:ListAccountAssignments",
    )

    @property
    def arn(self) -> str:
        return f"arn:{partition(self.region)}:sso:::assignment/{self.id}"

    @property
    def set(self) -> PermissionSet:
        return PermissionSet("/".join(self.id.split("/")[:2]), self.account, self.region)

    @property
    def target(self) -> str:
        """The account in which it holds."""
        return self.id.split("/")[2]

    @property
    def who(self) -> dict[str, str]:
        """As the API takes it: `{"PrincipalType": "GROUP", "PrincipalId": …}`."""
        kind, who = self.id.split("/")[3:]
        return {"PrincipalType": kind, "PrincipalId": who}

    @property
    def principal(self) -> str:
        """Their ARN in the identity store.

        https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentitystore.html
        """
        kind, who = self.id.split("/")[3:]
        return f"arn:{partition(self.region)}:identitystore:::{kind.lower()}/{who}"

    @classmethod
    def in_event(cls, event: Event) -> Iterable[Self]:
        target, kind, who = (event.text(key) or "" for key in ("targetId", "principalType", "principalId"))
        if _ACCOUNT.fullmatch(target) and kind in {"USER", "GROUP"} and _WHO.fullmatch(who):
            for each in PermissionSet.in_event(event):
                yield cls(f"{each.id}/{target}/{kind}/{who}", event.account, event.region)

    @classmethod
    def all_in(cls, aws: Session) -> Iterator[Self]:
        sso: Any = aws.client("sso-admin")
        for each in PermissionSet.all_in(aws):
            accounts = sso.get_paginator("list_accounts_for_provisioned_permission_set").paginate(**each.name)
            for account in (account for page in accounts for account in page["AccountIds"]):
                pages = sso.get_paginator("list_account_assignments").paginate(**each.name, AccountId=account)
                for found in (found for page in pages for found in page["AccountAssignments"]):
                    who = f"{found['PrincipalType']}/{found['PrincipalId']}"
                    yield cls(f"{each.id}/{account}/{who}", aws.account, aws.region)

    def tags(self, aws: Session) -> Mapping[str, str]:
        """Its permission set's: assignments have none."""
        return self.set.tags(aws)
