"""Calls about identity that moto doesn't know, or answers otherwise than AWS. Put in while memory is AWS."""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from chalicelib.analysis.globs import completed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def added() -> Iterator[None]:
    """All of them, for as long as it lasts."""
    from moto.iam.models import User
    from moto.iam.policy_validation import IAMPolicyDocumentValidator
    from moto.iam.responses import IamResponse
    from moto.organizations.models import OrganizationsBackend, organizations_backends
    from moto.ram.models import ResourceAccessManagerBackend
    from moto.ram.responses import ResourceAccessManagerResponse
    from moto.ram.urls import url_paths
    from moto.ssoadmin.models import PermissionSet, SSOAdminBackend
    from moto.ssoadmin.responses import SSOAdminResponse

    dispatch = ResourceAccessManagerResponse.dispatch
    paths = {f"{{0}}/{call}$": dispatch for call in ("associateresourceshare", "disassociateresourceshare")}
    with ExitStack() as stack:
        stack.enter_context(patch.dict(url_paths, paths))
        stack.enter_context(patch.dict(organizations_backends.master_accounts, clear=True))
        for owner, name, better in (
            (User, "permissions_boundary", property(_boundary)),
            (IamResponse, "put_user_permissions_boundary", _put_user_permissions_boundary),
            (IamResponse, "delete_user_permissions_boundary", _delete_user_permissions_boundary),
            (ResourceAccessManagerResponse, "associate_resource_share", _associate),
            (ResourceAccessManagerResponse, "disassociate_resource_share", _disassociate),
            (PermissionSet, "generate_id", staticmethod(_permission_set_arn)),
            (SSOAdminResponse, "list_account_assignment_creation_status", _being_made),
            (SSOAdminBackend, "list_account_assignments", _made(SSOAdminBackend.list_account_assignments)),
            (SSOAdminBackend, "list_accounts_for_provisioned_permission_set", _provisioned),
            (OrganizationsBackend, "describe_organization", _in_use(OrganizationsBackend.describe_organization)),
        ):
            stack.enter_context(patch.object(owner, name, better, create=True))
        associations = ResourceAccessManagerBackend.get_resource_share_associations
        formats, legacy = IAMPolicyDocumentValidator._validate_resource_format, "_legacy_parse_resource_like"  # noqa: SLF001 - moto's
        stack.enter_context(patch.object(IAMPolicyDocumentValidator, formats.__name__, _of_whole_arns(formats)))
        parse = _completing(getattr(IAMPolicyDocumentValidator, legacy))
        stack.enter_context(patch.object(IAMPolicyDocumentValidator, legacy, staticmethod(parse)))
        better = _with_external(associations)
        stack.enter_context(patch.object(ResourceAccessManagerBackend, "get_resource_share_associations", better))
        yield


def _of_whole_arns(validate: Callable[[Any, str], None]) -> Callable[[Any, str], None]:
    """AWS completes an ARN of fewer than six parts with `*`; moto takes none of IAM's.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns
    """
    return lambda self, resource: None if completed(resource) != resource else validate(self, resource)


def _completing(parse: Callable[[dict[str, Any], str], None]) -> Callable[[dict[str, Any], str], None]:
    def parsed(statement: dict[str, Any], key: str) -> None:
        names = statement[key]
        parse({key: completed(names) if isinstance(names, str) else list(map(completed, names))}, key)

    return parsed


# An account's organization: after a reset, moto still remembers the members of deleted organizations


def _in_use(real: Callable[..., Any]) -> Any:
    def describe_organization(self: Any) -> Any:
        from moto.organizations.exceptions import AWSOrganizationsNotInUseException
        from moto.organizations.models import organizations_backends

        management, partition = organizations_backends.master_accounts.get(self.account_id, ("", ""))
        if not self.org and management and not organizations_backends[management][partition].org:
            raise AWSOrganizationsNotInUseException
        return real(self)

    return describe_organization


# A user's permissions boundary
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutUserPermissionsBoundary.html


def _boundary(user: Any) -> dict[str, str] | None:
    arn = getattr(user, "boundary_arn", None)
    return {"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": arn} if arn else None


def _put_user_permissions_boundary(self: Any) -> Any:
    from moto.core.responses import EmptyResult

    user = self.backend.get_user(self._get_param("UserName"))
    user.boundary_arn = self._get_param("PermissionsBoundary")
    return EmptyResult()


def _delete_user_permissions_boundary(self: Any) -> Any:
    from moto.core.responses import EmptyResult

    self.backend.get_user(self._get_param("UserName")).boundary_arn = None
    return EmptyResult()


# Who is associated with a share, and who of them is outside the organization
# https://docs.aws.amazon.com/ram/latest/APIReference/API_AssociateResourceShare.html
# https://docs.aws.amazon.com/ram/latest/APIReference/API_DisassociateResourceShare.html


def _associate(self: Any) -> str:
    share, asked = _share(self), self.request_params
    share.add_principals([each for each in asked.get("principals", []) if each not in share.principals])
    share.add_resources([each for each in asked.get("resourceArns", []) if each not in share.resource_arns])
    return _associations(share, asked, "ASSOCIATING")


def _disassociate(self: Any) -> str:
    share, asked = _share(self), self.request_params
    share.principals = [each for each in share.principals if each not in asked.get("principals", [])]
    share.resource_arns = [each for each in share.resource_arns if each not in asked.get("resourceArns", [])]
    return _associations(share, asked, "DISASSOCIATING")


def _share(self: Any) -> Any:
    from moto.ram.exceptions import UnknownResourceException

    arn = self._get_param("resourceShareArn")
    for share in self.ram_backend.resource_shares:
        if share.arn == arn and share.status != "DELETED":
            return share
    raise UnknownResourceException(f"ResourceShare {arn} could not be found.")


def _associations(share: Any, asked: Any, status: str) -> str:
    return json.dumps(
        {
            "resourceShareAssociations": [
                {"resourceShareArn": share.arn, "associatedEntity": each, "associationType": kind, "status": status}
                for kind, key in (("PRINCIPAL", "principals"), ("RESOURCE", "resourceArns"))
                for each in asked.get(key, [])
            ]
        }
    )


def _with_external(associations: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """moto says that nobody is external, and answers of shares that were deleted or never were."""

    def answered(self: Any, kind: Any, status: Any, asked: list[str], *more: Any) -> dict[str, Any]:
        from moto.ram.exceptions import UnknownResourceException

        arns = {share.arn for share in self.resource_shares if share.status != "DELETED"}
        for arn in asked:
            if arn not in arns:
                raise UnknownResourceException(f"ResourceShare {arn} could not be found.")
        ours = {self.account_id, *(account.id for account in self.organizations_backend.accounts)}
        answer = associations(self, kind, status, asked, *more)
        for each in answer["resourceShareAssociations"]:
            parts = each["associatedEntity"].split(":")
            inside = len(parts) > 2 and parts[2] == "organizations"  # noqa: PLR2004 - an ARN's service
            each["external"] = not inside and (parts[4] if len(parts) > 4 else parts[0]) not in ours  # noqa: PLR2004
        return answer

    return answered


def _permission_set_arn(instance_arn: str) -> str:
    """moto's have another form.

    https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_PermissionSet.html
    """
    from moto.moto_api._internal import mock_random

    instance = instance_arn.replace(":instance/", ":permissionSet/")
    return f"{instance}/ps-{mock_random.get_random_hex(16)}"


# AWS makes an assignment in the background. Here an attribute says that an assignment is under way.
# https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_ListAccountAssignmentCreationStatus.html


def _being_made(self: Any) -> str:
    found = [each for each in self.ssoadmin_backend.account_assignments if vars(each).get("under_way")]
    statuses = [{"Status": "IN_PROGRESS", "RequestId": each.request_id} for each in found]
    return json.dumps({"AccountAssignmentsCreationStatus": statuses})


def _provisioned(self: Any, instance_arn: str, permission_set_arn: str) -> list[str]:
    """An assignment provisions the set in its account: https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_CreateAccountAssignment.html."""
    named = (each for each in self.account_assignments if each.permission_set_arn == permission_set_arn)
    return sorted({each.target_id for each in named if each.instance_arn == instance_arn})


def _made(listed: Callable[..., Any]) -> Callable[..., Any]:
    def answered(self: Any, *args: Any, **kwargs: Any) -> Any:
        every = self.account_assignments
        self.account_assignments = [each for each in every if not vars(each).get("under_way")]
        try:
            return listed(self, *args, **kwargs)
        finally:
            self.account_assignments = every

    return answered
