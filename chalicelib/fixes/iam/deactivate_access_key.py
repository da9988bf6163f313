"""IAM access keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.rule import Fix, FixContext

if TYPE_CHECKING:
    from chalicelib.core.event import Actor
    from chalicelib.core.resource import Resource
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.iam.access_keys import AccessKey

ACTIVE, INACTIVE = "Active", "Inactive"


class DeactivateAccessKey(Fix["AccessKey"]):
    """Deactivate the access key, and keep it."""

    document = "iam:identity"
    reads = ("iam:ListAccessKeys",)
    writes = ("iam:UpdateAccessKey",)

    def read(self, resource: AccessKey, aws: Session) -> State:
        """A root user's key shows itself to root alone: its status is `unknown`, and stays so."""
        if resource.user is None:
            return {"status": "unknown"}
        return {"status": resource.listed(aws)["Status"]}

    def safe(self, state: State, context: FixContext) -> State:
        return {"status": INACTIVE} if state["status"] == ACTIVE else state

    def owner(self, resource: AccessKey, state: State) -> str:
        return resource.user.arn if resource.user else resource.arn

    def write(self, resource: AccessKey, state: State, aws: Session) -> None:
        assert resource.user is not None
        aws.client("iam").update_access_key(**resource.user.name, AccessKeyId=resource.key, Status=state["status"])

    def touches(self, resource: AccessKey, before: State, after: State) -> tuple[Resource | str, ...]:
        return (resource.user,) if resource.user else ()

    def needs_approval(
        self, resource: AccessKey, before: State, after: State, actor: Actor, aws: Session
    ) -> str | None:
        if actor.key != resource.key:
            return None
        return f"{actor.name} made this call with the same key, which the fix would deactivate"
