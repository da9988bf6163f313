from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.core.pattern import cloudtrail
from chalicelib.core.rule import guardrail
from chalicelib.core.types import Severity
from chalicelib.fixes.sso.revoke_assignment import SET_READS, why_administrator
from chalicelib.resources.sso import PermissionSet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.core.session import Session

_AT_MOST = 3
"""Accounts whose policies are read: where one policy is rolled out to all, any of them tells."""


@guardrail(
    severity=Severity.HIGH,
    resource=PermissionSet,
    on=cloudtrail(
        "sso",
        "AttachCustomerManagedPolicyReferenceToPermissionSet",
        "AttachManagedPolicyToPermissionSet",
        "DeleteInlinePolicyFromPermissionSet",
        "DetachCustomerManagedPolicyReferenceFromPermissionSet",
        "DetachManagedPolicyFromPermissionSet",
        "PutInlinePolicyToPermissionSet",
    ),
    reads=(*SET_READS, "sso:ListAccountsForProvisionedPermissionSet"),
)
def permission_set_made_administrator(set: PermissionSet, aws: Session) -> str | None:
    """IAM Identity Center permission set that grants administrator rights.

    Everyone assigned to it becomes an administrator, in each of their accounts, as soon as the set is provisioned.
    Snapback only reports it: a fix would change just as many accounts. Name intended permission sets under
    `allow.principals`, as `arn:aws:sso:::permissionSet/ssoins-…/ps-…`.

    A customer managed policy exists in each account under one name. Snapback reads it in three of the accounts where
    the set is provisioned, or in IAM Identity Center's own account if there are none yet. `sso.administrator_assigned`
    reads it in each assignment's account. Snapback ignores the permissions boundary, so it also reports sets limited
    only by one.

    Legitimate look-alikes: Control Tower's AWSAdministratorAccess, and the set for your own administrators. Only
    `allow.principals` tells them apart, so Snapback only reports it.
    """
    return None if aws.baseline.principal(set.arn) else why_administrator(set, _accounts(set, aws), aws)


def _accounts(set: PermissionSet, aws: Session) -> Iterator[str]:
    """Asked for only when the set has a customer managed policy."""
    sso: Any = aws.client("sso-admin")
    pages = sso.get_paginator("list_accounts_for_provisioned_permission_set").paginate(**set.name)
    listed = sorted(account for page in pages for account in page["AccountIds"])
    yield from listed[:_AT_MOST] or [aws.account]
