"""Who has a permission set of IAM Identity Center in an account."""

from __future__ import annotations

import time
from itertools import chain
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.analysis.policy_document import judged
from chalicelib.analysis.policy_escalation import administrators, at_fault
from chalicelib.core.partitions import partition
from chalicelib.core.rule import Fix, FixContext
from chalicelib.fixes.iam.detach_admin_policies import AWS_MANAGED
from chalicelib.resources.absent import absent
from chalicelib.resources.iam.documents import policy_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from chalicelib.analysis.policy_document import Policy
    from chalicelib.core.resource import Resource
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.sso import Assignment, PermissionSet

_PAUSES = (0.5, 1.0, 2.0, 3.0, 3.0)
"""Seconds between looks at how far AWS is: it assigns in the background, in a few seconds as a rule."""
_UNDER_WAY = "IN_PROGRESS"
_DOCUMENTS: dict[str, Policy] = {
    **{
        name: {"Statement": {"Effect": "Allow", "Action": [*does], "Resource": "*"}}
        for name, does in AWS_MANAGED.items()
    },
    "PowerUserAccess": {
        "Statement": {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"}
    },
}
"""What counts of AWS's own policies, as with `DetachAdminPolicies`."""


class RevokeAssignment(Fix["Assignment"]):
    """Remove the permission set in this account from the user or group.

    An assignment that is still being made counts: `{"assigned": true}`.
    https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_DeleteAccountAssignment.html
    """

    document = "sso:assignment"
    reads = (
        "sso:ListAccountAssignments",
        "sso:ListAccountAssignmentCreationStatus",
        "sso:DescribeAccountAssignmentCreationStatus",
    )
    writes = (
        *reads,
        "sso:DeleteAccountAssignment",
        "sso:DescribeAccountAssignmentDeletionStatus",
        "sso:CreateAccountAssignment",
    )
    undo_writes = ("sso:CreateAccountAssignment",)

    def read(self, resource: Assignment, aws: Session) -> State:
        sso: Any = aws.client("sso-admin")
        pages = sso.get_paginator("list_account_assignments").paginate(**resource.set.name, AccountId=resource.target)
        listed = any(resource.who.items() <= each.items() for page in pages for each in page["AccountAssignments"])
        return {"assigned": listed or _being_made(resource, sso)}

    def safe(self, state: State, context: FixContext) -> State:
        return {**state, "assigned": False}

    def touches(self, resource: Assignment, before: State, after: State) -> tuple[Resource | str, ...]:
        account = f"arn:{partition(resource.region)}:organizations::*:account/*/{resource.target}"
        return resource.set, resource.principal, account

    def write(self, resource: Assignment, state: State, aws: Session) -> None:
        if self.read(resource, aws)["assigned"] == state["assigned"]:
            return
        sso: Any = aws.client("sso-admin")
        asked = {**resource.set.name, **resource.who, "TargetId": resource.target, "TargetType": "AWS_ACCOUNT"}
        if state["assigned"]:
            begun = sso.create_account_assignment(**asked)["AccountAssignmentCreationStatus"]["RequestId"]
            _wait(sso, "Creation", resource, begun)
        else:
            with absent("ResourceNotFoundException"):
                begun = sso.delete_account_assignment(**asked)["AccountAssignmentDeletionStatus"]["RequestId"]
                _wait(sso, "Deletion", resource, begun)


def _being_made(resource: Assignment, sso: Any) -> bool:
    """CloudTrail tells of the call, and AWS lists the assignment only when it is made."""
    instance = resource.set.name["InstanceArn"]
    pages = sso.get_paginator("list_account_assignment_creation_status").paginate(
        InstanceArn=instance, Filter={"Status": _UNDER_WAY}
    )
    wanted = {**resource.who, "TargetId": resource.target, "PermissionSetArn": resource.set.arn}
    for each in (each for page in pages for each in page["AccountAssignmentsCreationStatus"]):
        if wanted.items() <= _status(sso, "Creation", instance, each["RequestId"]).items():
            return True
    return False


def _status(sso: Any, what: str, instance: str, request: str) -> dict[str, Any]:
    describe = getattr(sso, f"describe_account_assignment_{what.lower()}_status")
    asked = {"InstanceArn": instance, f"AccountAssignment{what}RequestId": request}
    found: dict[str, Any] = describe(**asked)[f"AccountAssignment{what}Status"]
    return found


def _wait(sso: Any, what: str, resource: Assignment, request: str) -> None:
    """What takes longer than a few seconds is left to AWS: the proof tells that it isn't done yet."""
    for pause in (*_PAUSES, None):
        found = _status(sso, what, resource.set.name["InstanceArn"], request)
        if found["Status"] == "FAILED":
            raise RuntimeError(f"IAM Identity Center failed to do so: {found.get('FailureReason', 'no reason given')}")
        if found["Status"] != _UNDER_WAY or pause is None:
            return
        time.sleep(pause)


_DENIED = frozenset({"AccessDenied", "AccessDeniedException"})
"""Codes of refusals that stay; whatever a retry may mend is no reason to judge without a part."""
SET_READS = (
    "sso:ListManagedPoliciesInPermissionSet",
    "sso:GetInlinePolicyForPermissionSet",
    "sso:ListCustomerManagedPolicyReferencesInPermissionSet",
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
)
"""IAM actions that `why_administrator` needs; those of IAM in each of the accounts."""


def why_administrator(set: PermissionSet, accounts: Iterable[str], aws: Session) -> str | None:
    """Why a permission set makes administrators, by AWS's own policies, the inline one and customer managed ones together.

    The last are names of policies that stand in each account, and are read in the given ones. A permissions boundary of
    the set is left aside.
    """
    sso: Any = aws.client("sso-admin")
    pages = sso.get_paginator("list_managed_policies_in_permission_set").paginate(**set.name)
    names = sorted(policy["Name"] for page in pages for policy in page["AttachedManagedPolicies"])
    policies = {name: _DOCUMENTS[name] for name in names if name in _DOCUMENTS}
    if inline := sso.get_inline_policy_for_permission_set(**set.name).get("InlinePolicy"):
        policies["its inline policy"] = inline
    pages = sso.get_paginator("list_customer_managed_policy_references_in_permission_set").paginate(**set.name)
    references = [each for page in pages for each in page["CustomerManagedPolicyReferences"]]
    if not references:
        return _why(policies)
    for account in accounts:
        try:
            there = _policies_of(account, references, aws)
        except ClientError as error:
            denied = error.response["Error"]["Code"] in _DENIED
            # A policy in that account might deny it. Snapback can't see that, and doesn't assume it.
            if denied and (why := _why(policies)):
                return why
            raise
        if why := _why({**policies, **there}):
            return why
    return None


def _policies_of(account: str, references: Iterable[Mapping[str, str]], aws: Session) -> dict[str, Policy]:
    there = aws if account == aws.account else aws.of_account(account)
    found: dict[str, Policy] = {}
    for each in references:
        with absent("NoSuchEntity"):  # The account lacks the policy: AWS can't provision the permission set there yet.
            arn = f"arn:{partition(aws.region)}:iam::{account}:policy{each.get('Path', '/')}{each['Name']}"
            found[f"{each['Name']} of account {account}"] = policy_text(arn, there)
    return found


def _why(policies: Mapping[str, Policy]) -> str | None:
    found = administrators(policies)
    for name, opened in at_fault(policies).items():
        if name in AWS_MANAGED and any(path.through_iam for path in chain.from_iterable(opened.values())):
            found.setdefault(name, f"allows {' and '.join(AWS_MANAGED[name])} on *")
    return ", ".join(f"{name} ({why})" for name, why in judged(found, *policies.values()).items()) or None
