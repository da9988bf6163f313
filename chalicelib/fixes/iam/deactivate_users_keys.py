"""All access keys of one user."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.rule import Fix, FixContext
from chalicelib.fixes.iam.deactivate_access_key import ACTIVE, INACTIVE
from chalicelib.resources.absent import absent
from chalicelib.resources.iam.access_keys import AccessKey

if TYPE_CHECKING:
    from chalicelib.core.resource import Resource
    from chalicelib.core.session import Session
    from chalicelib.core.types import State
    from chalicelib.resources.iam.identities import User


class DeactivateUsersKeys(Fix["User"]):
    """Deactivate all access keys of the user, and keep them.

    A key may be Expired, too: it works no more, and UpdateAccessKey takes Active and Inactive only.
    https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKeyMetadata.html
    """

    document = "iam:identity"
    reads = ("iam:ListAccessKeys",)
    writes = ("iam:ListAccessKeys", "iam:UpdateAccessKey")

    def read(self, resource: User, aws: Session) -> State:
        pages = aws.client("iam").get_paginator("list_access_keys").paginate(**resource.name)
        return {"keys": {key["AccessKeyId"]: key["Status"] for page in pages for key in page["AccessKeyMetadata"]}}

    def safe(self, state: State, context: FixContext) -> State:
        return {"keys": {key: INACTIVE if each == ACTIVE else each for key, each in state["keys"].items()}}

    def touches(self, resource: User, before: State, after: State) -> tuple[Resource | str, ...]:
        user = resource.id.partition("/")[2]
        return tuple(AccessKey(f"{user}/{key}", resource.account, resource.region) for key in before["keys"])

    def write(self, resource: User, state: State, aws: Session) -> None:
        """A key deleted, expired or made since is none of this fix's."""
        now = self.read(resource, aws)["keys"]
        for key, status in state["keys"].items():
            if {now.get(key), status} == {ACTIVE, INACTIVE}:
                with absent("NoSuchEntity"):
                    aws.client("iam").update_access_key(**resource.name, AccessKeyId=key, Status=status)
