"""Policies that a user has itself, and not by a group or role."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.analysis.policy_document import statements
from chalicelib.core.rule import Fix, FixContext
from chalicelib.fixes.iam import deny_until_mfa
from chalicelib.fixes.iam.detach_admin_policies import AWS_MANAGED, last_administrator

if TYPE_CHECKING:
    from chalicelib.core.event import Actor
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.iam.identities import User

QUARANTINE = "AWSCompromisedKeyQuarantine"
"""How the policies' names begin that AWS attaches to a user whose key it found in public.

https://docs.aws.amazon.com/IAM/latest/UserGuide/security-iam-awsmanpol.html
"""
FIRST_SIGN_IN = ":aws:policy/IAMUserChangePassword"
"""How the ARN ends of what the console attaches to a user who has to choose a password: without it, nobody can.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_admin-change-user.html
"""


class DetachFromUser(Fix["User"]):
    """Detach the user's managed policies and delete inline policies that allow anything. Deny-only policies stay.

    The state is `{"attached": ARNs, "inline": texts by name}` of these policies alone.
    """

    document = "iam:identity"
    reads = ("iam:ListAttachedUserPolicies", "iam:ListUserPolicies", "iam:GetUserPolicy")
    writes = (
        *reads,
        "iam:AttachUserPolicy",
        "iam:DetachUserPolicy",
        "iam:PutUserPolicy",
        "iam:DeleteUserPolicy",
    )
    undo_writes = (
        "iam:AttachUserPolicy",
        "iam:PutUserPolicy",
    )
    approval_reads = ("iam:ListEntitiesForPolicy", "iam:GetGroup")

    def read(self, resource: User, aws: Session) -> State:
        pages = aws.client("iam").get_paginator("list_attached_user_policies").paginate(**resource.name)
        arns = sorted(policy["PolicyArn"] for page in pages for policy in page["AttachedPolicies"])
        return {
            "attached": [
                arn
                for arn in arns
                if not arn.rpartition("/")[2].startswith(QUARANTINE) and not arn.endswith(FIRST_SIGN_IN)
            ],
            "inline": {
                name: text
                for name, text in resource.inline(aws).items()
                if any(statement.effect != "Deny" for statement in statements(text)) and not deny_until_mfa.ours(text)
            },
        }

    def safe(self, state: State, context: FixContext) -> State:
        return {**state, "attached": [], "inline": {}}

    def take_back(self, before: State, after: State, now: State) -> State | None:
        """The policies that were taken away, beside those that came since; not over another one of the same name."""
        if any(now["inline"].get(name, text) != text for name, text in before["inline"].items()):
            return None
        attached = sorted({*now["attached"], *before["attached"]})
        return {"attached": attached, "inline": {**now["inline"], **before["inline"]}}

    def write(self, resource: User, state: State, aws: Session) -> None:
        iam, now = aws.client("iam"), self.read(resource, aws)
        for arn in sorted(set(state["attached"]) - set(now["attached"])):
            iam.attach_user_policy(**resource.name, PolicyArn=arn)
        for name, text in sorted(state["inline"].items()):
            if now["inline"].get(name) != text:
                iam.put_user_policy(**resource.name, PolicyName=name, PolicyDocument=text)
        for arn in sorted(set(now["attached"]) - set(state["attached"])):
            iam.detach_user_policy(**resource.name, PolicyArn=arn)
        for name in sorted(now["inline"].keys() - state["inline"].keys()):
            iam.delete_user_policy(**resource.name, PolicyName=name)

    def needs_approval(self, resource: User, before: State, after: State, actor: Actor, aws: Session) -> str | None:
        if actor.kind == "IAMUser" and actor.principal.endswith((f":{resource.id}", f"/{resource.name['UserName']}")):
            return "the user made this change, and may need these policies"
        held = {arn.rpartition("/")[2] for arn in before["attached"] if ":aws:policy/" in arn}
        return last_administrator(aws, resource) if held & AWS_MANAGED.keys() else None
