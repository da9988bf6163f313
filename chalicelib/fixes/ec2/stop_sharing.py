"""With whom EBS snapshots and machine images are shared."""

from __future__ import annotations

import json
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

from chalicelib.core.rule import Fix, FixContext
from chalicelib.resources.look_ups import ORGANIZATION, LookUp, reads_of, why_unsure, with_own

if TYPE_CHECKING:
    from collections.abc import Iterable

    from chalicelib.core.baseline import Baseline
    from chalicelib.core.event import Actor
    from chalicelib.core.resource import Resource
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.ec2.images import Image
    from chalicelib.resources.ec2.volumes import Snapshot

R = TypeVar("R", bound="Resource")

_MOST = 500
"""Permissions in one ModifySnapshotAttribute; we keep to it for images too."""


def unknown_principals(state: State, baseline: Baseline) -> list[dict[str, str]]:
    """The permissions that aren't for our account, a known account, or (part of) a known organization."""
    accounts = {state["account"], *baseline.allow.accounts}
    return [
        permission
        for permission in state["permissions"]
        if permission.get("UserId") not in accounts and _organization(permission) not in baseline.allow.organizations
    ]


def format_permissions(permissions: Iterable[dict[str, str]]) -> str:
    return ", ".join("everyone" if "Group" in each else next(iter(each.values())) for each in permissions)


def _organization(permission: dict[str, str]) -> str:
    """The id in `arn:…:organization/o-…` and in `arn:…:ou/o-…/ou-…`."""
    arn = permission.get("OrganizationArn") or permission.get("OrganizationalUnitArn") or ""
    return arn.partition("/")[2].partition("/")[0]


class _StopSharing(Fix[R]):
    """The state has our account in it, since what is known depends on it."""

    look_ups: ClassVar[tuple[LookUp, ...]] = (ORGANIZATION,)
    approval_reads = reads_of(*look_ups)

    def unknown(self, state: State, aws: Session) -> list[dict[str, str]]:
        """As `unknown_principals`, once AWS was asked what is the account's own."""
        text = json.dumps(state["permissions"])
        return with_own(lambda baseline: unknown_principals(state, baseline), text, self.look_ups, aws)

    def needs_approval(self, resource: R, before: State, after: State, actor: Actor, aws: Session) -> str | None:
        return why_unsure(json.dumps(before["permissions"]), self.look_ups, aws)

    def read(self, resource: R, aws: Session) -> State:
        found = self._permissions(resource, aws)
        return {"account": resource.account, "permissions": sorted(found, key=lambda each: sorted(each.items()))}

    def safe(self, state: State, context: FixContext) -> State:
        unknown = unknown_principals(state, context.baseline)
        return {**state, "permissions": [each for each in state["permissions"] if each not in unknown]}

    def write(self, resource: R, state: State, aws: Session) -> None:
        now, wanted = self._permissions(resource, aws), state["permissions"]
        self._modify(resource, "remove", [each for each in now if each not in wanted], aws)
        self._modify(resource, "add", [each for each in wanted if each not in now], aws)

    def _modify(self, resource: R, operation: Literal["add", "remove"], permissions: list[Any], aws: Session) -> None:
        # AWS adds or removes in one call, never both.
        for start in range(0, len(permissions), _MOST):
            self._modify_some(resource, operation, permissions[start : start + _MOST], aws)

    @abstractmethod
    def _permissions(self, resource: R, aws: Session) -> list[Any]: ...

    @abstractmethod
    def _modify_some(self, resource: R, operation: Literal["add", "remove"], some: list[Any], aws: Session) -> None: ...


class StopSharingSnapshot(_StopSharing["Snapshot"]):
    """Stop sharing the snapshot with everyone and with unknown accounts.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifySnapshotAttribute.html
    """

    document = "ec2:create-volume-permissions"
    reads = ("ec2:DescribeSnapshotAttribute",)
    writes = ("ec2:DescribeSnapshotAttribute", "ec2:ModifySnapshotAttribute")

    def _permissions(self, resource: Snapshot, aws: Session) -> list[Any]:
        answer = aws.client("ec2").describe_snapshot_attribute(
            SnapshotId=resource.id, Attribute="createVolumePermission"
        )
        return [*answer["CreateVolumePermissions"]]

    def _modify_some(
        self, resource: Snapshot, operation: Literal["add", "remove"], some: list[Any], aws: Session
    ) -> None:
        aws.client("ec2").modify_snapshot_attribute(
            SnapshotId=resource.id,
            Attribute="createVolumePermission",
            OperationType=operation,
            UserIds=[each["UserId"] for each in some if "UserId" in each],
            GroupNames=[each["Group"] for each in some if "Group" in each],
        )


class StopSharingImage(_StopSharing["Image"]):
    """Stop sharing the image with everyone, and with unknown accounts and organizations.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyImageAttribute.html
    """

    document = "ec2:launch-permissions"
    reads = ("ec2:DescribeImageAttribute",)
    writes = ("ec2:DescribeImageAttribute", "ec2:ModifyImageAttribute")

    def _permissions(self, resource: Image, aws: Session) -> list[Any]:
        answer = aws.client("ec2").describe_image_attribute(ImageId=resource.id, Attribute="launchPermission")
        return [*answer["LaunchPermissions"]]

    def _modify_some(self, resource: Image, operation: Literal["add", "remove"], some: list[Any], aws: Session) -> None:
        aws.client("ec2").modify_image_attribute(
            ImageId=resource.id, LaunchPermission={"Add": some} if operation == "add" else {"Remove": some}
        )
