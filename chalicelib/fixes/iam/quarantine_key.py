"""Access keys that others have got hold of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from chalicelib.core.rule import Fix, FixContext
from chalicelib.fixes.iam.deactivate_access_key import ACTIVE, INACTIVE
from chalicelib.fixes.iam.detach_admin_policies import AWS_MANAGED, last_administrator
from chalicelib.resources.absent import absent
from chalicelib.resources.iam.identities import User

if TYPE_CHECKING:
    from chalicelib.core.event import Actor
    from chalicelib.core.resource import Resource
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.iam.access_keys import LeakedKey

POLICY = "SnapbackQuarantine"
"""The inline policy that keeps the user from everything."""
DENY_ALL: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}],
}


class QuarantineKey(Fix["LeakedKey"]):
    """Deactivate the exposed key, and deny its user everything until somebody has checked.

    A switched-off key leaves the sessions alive that were begun with it, for up to 36 hours, and whatever else of the
    user's was taken with it; the inline policy ends these too.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_disable-perms.html
    """

    document = "iam:identity"
    reads = ("iam:GetAccessKeyLastUsed", "iam:ListAccessKeys", "iam:GetUserPolicy")
    writes = ("iam:UpdateAccessKey", "iam:PutUserPolicy", "iam:DeleteUserPolicy")
    undo_writes = ("iam:DeleteUserPolicy",)
    approval_reads = ("iam:ListAttachedUserPolicies", "iam:ListEntitiesForPolicy", "iam:GetGroup")

    def read(self, resource: LeakedKey, aws: Session) -> State:
        """`user` is None for a key that AWS tells no user of; nothing can then be done about it."""
        key = resource.of(aws)
        if key is None or key.user is None:
            return {"user": None}
        status, document = key.listed(aws)["Status"], None
        with absent("NoSuchEntity"):
            document = aws.client("iam").get_user_policy(**key.user.name, PolicyName=POLICY)["PolicyDocument"]
        return {"user": key.user.name["UserName"], "status": status, "document": document}

    def owner(self, resource: LeakedKey, state: State) -> str:
        """Its user: all keys of a user share the policy."""
        user = User(f"user/{state['user']}", resource.account, resource.region)
        return user.arn if state["user"] else resource.arn

    def safe(self, state: State, context: FixContext) -> State:
        if state["user"] is None or state["status"] != ACTIVE:
            return state
        return {**state, "status": INACTIVE, "document": DENY_ALL}

    def needs_approval(
        self, resource: LeakedKey, before: State, after: State, actor: Actor, aws: Session
    ) -> str | None:
        """It would lock the last administrator out."""
        user = User(f"user/{before['user']}", resource.account, resource.region)
        pages = aws.client("iam").get_paginator("list_attached_user_policies").paginate(**user.name)
        held = {policy["PolicyName"] for page in pages for policy in page["AttachedPolicies"]}
        return last_administrator(aws, user) if held & AWS_MANAGED.keys() else None

    def touches(self, resource: LeakedKey, before: State, after: State) -> tuple[Resource | str, ...]:
        return (User(f"user/{before['user']}", resource.account, resource.region),) if before["user"] else ()

    def write(self, resource: LeakedKey, state: State, aws: Session) -> None:
        """The key last, and whatever becomes of the policy: it alone tells that all is done."""
        iam, user = aws.client("iam"), state["user"]
        try:
            if state["document"] is None:
                with absent("NoSuchEntity"):
                    iam.delete_user_policy(UserName=user, PolicyName=POLICY)
            else:
                iam.put_user_policy(UserName=user, PolicyName=POLICY, PolicyDocument=json.dumps(state["document"]))
        finally:
            iam.update_access_key(UserName=user, AccessKeyId=resource.id, Status=state["status"])
