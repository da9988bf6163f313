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
    """Permission set of IAM Identity Center that makes administrators.

    All who are assigned to it become administrators, in each of their accounts, as soon as it is provisioned. Snapback
    only tells: to take the policy off again changes as many accounts. Name permission sets that are meant so under
    `allow.principals`, as `arn:aws:sso:::permissionSet/ssoins-…/ps-…`.

    A customer managed policy stands in each account under one name. It is read in three of the accounts where the set is
    provisioned, or in IAM Identity Center's own where there are none yet; `sso.administrator_assigned` reads it in each
    assignment's. A permissions boundary is left aside, so that a set that is held back by one alone is found too.

    Legitimate look-alikes: Control Tower's AWSAdministratorAccess, and the set for your own administrators. They
    are told apart by `allow.principals` alone; it is only reported.
    """
    return None if aws.baseline.principal(set.arn) else why_administrator(set, _accounts(set, aws), aws)


def _accounts(set: PermissionSet, aws: Session) -> Iterator[str]:
    """Asked for only when the set has a customer managed policy."""
    sso: Any = aws.client("sso-admin")
    pages = sso.get_paginator("list_accounts_for_provisioned_permission_set").paginate(**set.name)
    listed = sorted(account for page in pages for account in page["AccountIds"])
    yield from listed[:_AT_MOST] or [aws.account]
