"""Managed policies that make an IAM user, role or group administrator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalicelib.core.guardrail import Fix, State
from chalicelib.core.policy import admin
from chalicelib.resources.absent import absent

if TYPE_CHECKING:
    from chalicelib.core.ports import Session
    from chalicelib.core.settings import Known
    from chalicelib.resources.iam import Identity

AWS_MANAGED = {
    "AdministratorAccess": "allows * on *",
    "AdministratorAccess-Amplify": "allows iam:AttachRolePolicy and iam:UpdateAssumeRolePolicy on *",
    "IAMFullAccess": "allows iam:* on *",
}
"""AWS's own policies whose holder is, or can make itself, administrator without more ado. None other is fetched.

https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html, read through by a test.
"""


class DetachAdminPolicies(Fix["Identity"]):
    """Detach the managed policies that make it administrator, and leave the others.

    The state is those policies alone, so that what anybody attaches or detaches besides is neither drift nor undone.
    """

    reads = (
        *("iam:ListAttachedUserPolicies", "iam:ListAttachedRolePolicies", "iam:ListAttachedGroupPolicies"),
        *("iam:GetPolicy", "iam:GetPolicyVersion"),
    )
    writes = (
        *reads,
        *("iam:AttachUserPolicy", "iam:AttachRolePolicy", "iam:AttachGroupPolicy"),
        *("iam:DetachUserPolicy", "iam:DetachRolePolicy", "iam:DetachGroupPolicy"),
    )

    def found(self, resource: Identity, aws: Session) -> dict[str, str]:
        """The attached policies, by ARN, that make it administrator, and why."""
        iam: Any = aws.client("iam")
        pages = iam.get_paginator(f"list_attached_{resource.what}_policies").paginate(**resource.name)
        arns = sorted(policy["PolicyArn"] for page in pages for policy in page["AttachedPolicies"])
        return {arn: why for arn in arns if (why := _why_admin(arn, aws))}

    def read(self, resource: Identity, aws: Session) -> State:
        return {"admin": list(self.found(resource, aws))}

    def safe(self, state: State, known: Known) -> State:  # noqa: ARG002 - the guardrail asked who may be administrator
        return {**state, "admin": []}

    def write(self, resource: Identity, state: State, aws: Session) -> None:
        iam, now = aws.client("iam"), self.found(resource, aws)
        for verb, arns in (("attach", set(state["admin"]) - now.keys()), ("detach", now.keys() - set(state["admin"]))):
            for arn in sorted(arns):
                getattr(iam, f"{verb}_{resource.what}_policy")(**resource.name, PolicyArn=arn)


def _why_admin(arn: str, aws: Session) -> str | None:
    if arn.split(":")[4] == "aws":
        return AWS_MANAGED.get(arn.partition(":policy/")[2])
    iam = aws.client("iam")
    document: Any = None
    with absent("NoSuchEntity"):  # Detached and deleted since it was listed.
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    return admin(document)
