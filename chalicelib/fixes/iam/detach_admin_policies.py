"""Managed policies that make an IAM user, role or group administrator."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from chalicelib.analysis.policy_document import judged
from chalicelib.analysis.policy_escalation import administrators, at_fault
from chalicelib.core.partitions import partition
from chalicelib.core.rule import Fix, FixContext
from chalicelib.resources.absent import absent
from chalicelib.resources.iam.documents import policy_text
from chalicelib.resources.iam.identities import Identity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from chalicelib.analysis.policy_document import Policy
    from chalicelib.core.event import Actor
    from chalicelib.core.session import Session
    from chalicelib.core.types import State

AWS_MANAGED = {
    "AdministratorAccess": ("*",),
    "AdministratorAccess-Amplify": ("iam:AttachRolePolicy", "iam:UpdateAssumeRolePolicy"),
    "IAMFullAccess": ("iam:*",),
}
"""AWS's own policies whose holder is, or can make itself, administrator without more ado, and by which actions.

https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html, read through by a test.
"""
_DOCUMENTS: dict[str, Policy] = {
    **{
        name: {"Statement": {"Effect": "Allow", "Action": [*does], "Resource": "*"}}
        for name, does in AWS_MANAGED.items()
    },
    "PowerUserAccess": {
        "Statement": {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"}
    },
}
"""What counts of them; none is fetched."""


class DetachAdminPolicies(Fix["Identity"]):
    """Detach the managed policies that grant administrator rights, and leave the others.

    The state is those policies alone, so that what anybody attaches or detaches besides is neither drift nor undone.
    """

    document = "iam:identity"
    reads = (
        "iam:ListAttachedUserPolicies",
        "iam:ListAttachedRolePolicies",
        "iam:ListAttachedGroupPolicies",
        "iam:GetPolicy",
        "iam:GetPolicyVersion",
    )
    writes = (
        *reads,
        "iam:AttachUserPolicy",
        "iam:AttachRolePolicy",
        "iam:AttachGroupPolicy",
        "iam:DetachUserPolicy",
        "iam:DetachRolePolicy",
        "iam:DetachGroupPolicy",
    )
    undo_writes = (
        "iam:AttachGroupPolicy",
        "iam:AttachRolePolicy",
        "iam:AttachUserPolicy",
    )

    approval_reads = ("iam:ListEntitiesForPolicy", "iam:GetGroup")

    def found(self, resource: Identity, aws: Session, boundary: Policy = None) -> dict[str, str]:
        """The attached policies, by ARN, that make it administrator, and why."""
        policies = attached(resource, aws)
        found = administrators(policies, boundary, resource.account)
        for arn, opened in at_fault(policies, boundary, account=resource.account).items():
            actions = AWS_MANAGED.get(arn.partition(":aws:policy/")[2])
            if actions and any(path.through_iam for path in chain.from_iterable(opened.values())):
                found.setdefault(arn, f"allows {' and '.join(actions)} on *")
        return found

    def read(self, resource: Identity, aws: Session) -> State:
        return {"admin": list(self.found(resource, aws))}

    def safe(self, state: State, context: FixContext) -> State:
        return {**state, "admin": []}

    def write(self, resource: Identity, state: State, aws: Session) -> None:
        iam, now = aws.client("iam"), self.found(resource, aws)
        for verb, arns in (("attach", set(state["admin"]) - now.keys()), ("detach", now.keys() - set(state["admin"]))):
            for arn in sorted(arns):
                getattr(iam, f"{verb}_{resource.what}_policy")(**resource.name, PolicyArn=arn)

    def needs_approval(self, resource: Identity, before: State, after: State, actor: Actor, aws: Session) -> str | None:
        return last_administrator(aws, resource)


def attached(resource: Identity, aws: Session) -> dict[str, Policy]:
    """The attached policies by ARN: all customer managed ones, and of AWS's own those that go into being administrator."""
    iam: Any = aws.client("iam")
    pages = iam.get_paginator(f"list_attached_{resource.what}_policies").paginate(**resource.name)
    arns = sorted(policy["PolicyArn"] for page in pages for policy in page["AttachedPolicies"])
    return {arn: policy for arn in arns if (policy := _policy(arn, aws))}


POWER_READS = (
    "iam:GetRole",
    "iam:ListAttachedRolePolicies",
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
    "iam:ListRolePolicies",
    "iam:GetRolePolicy",
)
"""IAM actions that `powers_of_role` needs."""


def why_role_is_administrator(role: Mapping[str, Any], account: str, aws: Session) -> str | None:
    """As `powers_of_role`; None if the role may be administrator."""
    return None if aws.baseline.principal(role["Arn"]) else powers_of_role(role, account, aws)


def powers_of_role(role: Mapping[str, Any], account: str, aws: Session) -> str | None:
    """Why a role, as AWS describes it, is administrator, inline policies included; None if it isn't."""
    identity = Identity(f"role/{role['RoleName']}", account, aws.region)
    boundary = identity.boundary(aws)
    inline = identity.inline(aws)
    powers = DetachAdminPolicies().found(identity, aws, boundary) | administrators(inline, boundary, account)
    if not judged(powers, *inline.values(), *attached(identity, aws).values()):
        return None
    told = ", ".join(f"{policy.rpartition('/')[2]} {reason}" for policy, reason in sorted(powers.items()))
    return f"its role {role['RoleName']} is administrator: {told}"


def last_administrator(aws: Session, but: Identity | None = None) -> str | None:
    """That nobody but this identity holds AdministratorAccess or IAMFullAccess, or None when somebody does.

    Who is administrator by other policies doesn't count, nor does a group without members; whether anybody can use
    the user or role is not looked at. Reads iam:ListEntitiesForPolicy, and iam:GetGroup.
    """
    iam: Any = aws.client("iam")
    names = ("AdministratorAccess", "IAMFullAccess")
    for name in names:
        for kind, holder in _holders(f"arn:{partition(aws.region)}:iam::aws:policy/{name}", iam):
            if (but is None or but.id != f"{kind}/{holder}") and (kind != "group" or _has_members(holder, iam)):
                return None
    return f"nobody else in the account holds {' or '.join(names)}: it may be the last administrator"


def _holders(arn: str, iam: Any) -> Iterator[tuple[str, str]]:
    """The kinds and names of those that a policy is attached to. Nobody holds one of AWS's that a partition hasn't got."""
    with absent("NoSuchEntity"):
        for page in iam.get_paginator("list_entities_for_policy").paginate(PolicyArn=arn):
            for kind in Identity.kinds:
                yield from ((kind, each[f"{kind.title()}Name"]) for each in page[f"Policy{kind.title()}s"])


def _has_members(group: str, iam: Any) -> bool:
    return any(page["Users"] for page in iam.get_paginator("get_group").paginate(GroupName=group))


def _policy(arn: str, aws: Session) -> Policy:
    """What a policy allows and denies, as far as it may make administrator."""
    if ":iam::aws:policy/" in arn:
        return _DOCUMENTS.get(arn.partition(":policy/")[2])
    with absent("NoSuchEntity"):  # Detached and deleted since it was listed.
        return policy_text(arn, aws)
    return None
